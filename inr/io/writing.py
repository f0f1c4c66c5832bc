"""Write images of 8 and 16 bits; a file appears only when it is complete."""

import os
import pathlib
import struct
import zlib
from typing import Any, Literal, NamedTuple

import numpy as np

from inr import _checks, _conversions
from inr._files import as_path, check_folder, replacing
from inr._typing import ImageLike
from inr.io.metadata import ImageMetadata, fitting_profile


class _Format(NamedTuple):
    """Name of a format and the numbers of channels that it can hold."""

    name: str
    channels: tuple[int, ...]
    deep_channels: tuple[int, ...] = ()  # at 16 bits
    lossy: bool = False


_PNG = _Format("PNG", (1, 2, 3, 4), (1, 2, 3, 4))
_TIFF = _Format("TIFF", (1, 2, 3, 4), (1, 3, 4))
_JPEG = _Format("JPEG", (1, 3), lossy=True)
_WEBP = _Format("WEBP", (1, 3, 4), lossy=True)
_FORMATS = {".png": _PNG, ".tif": _TIFF, ".tiff": _TIFF}
_FORMATS |= {".jpg": _JPEG, ".jpeg": _JPEG, ".webp": _WEBP}


def write_image(
    path: str | os.PathLike[str],
    image: ImageLike,
    *,
    bits: Literal[8, 16] = 8,
    quality: int | None = None,
    metadata: ImageMetadata | None = None,
) -> None:
    """Write an image file; the extension determines the format.

    Values are clipped to [0, 1] and rounded to the nearest level. If writing fails or
    is interrupted, an existing file stays unchanged. WebP stores gray as RGB.

    Args:
      path: ends in .png, .tif, .tiff, .jpg, .jpeg or .webp; its folder must exist.
      image: `[h, w, c]` or `[h, w]`, sRGB-encoded, in [0, 1]; uint8 and uint16 arrays
        and PIL images are accepted. c as in `read_image`.
      bits: bits per value. PNG and TIFF support 16.
      quality: quality of JPEG and WebP, 1 to 100; None means 95. JPEG keeps color at
        full resolution.
      metadata: EXIF data and color profile to store, from `read_image_metadata`; its
        `bits` has no effect. A profile for another number of channels is left out, and
        so are EXIF data in a 16-bit TIFF.

    Raises:
      FileNotFoundError: if the folder does not exist.
      OSError: if the disk is full.
      ValueError: for NaN, an unknown extension, or a number of channels, bits or a
        quality that the format does not support.
    """
    path = as_path("path", path)
    _checks.check_choice("bits", bits, (8, 16))
    if metadata is not None:
        _checks.check_type("metadata", metadata, ImageMetadata)
    form = _format_of(path)
    values = _conversions.as_host_image("image", image)
    _check_supported(path, form, values.shape[-1], bits, quality)
    top = 2**bits - 1
    # In float64, where the product is exact enough to round to the nearest level.
    levels = np.rint(np.clip(np.asarray(values, np.float64), 0, 1) * top)
    levels = levels.astype(np.uint8 if bits == 8 else np.uint16)
    try:
        data = _encode(levels, path, form, quality, metadata or ImageMetadata())
    except Exception as error:  # each format has its own errors
        got = f"shape {levels.shape}, which {form.name} cannot hold ({error})"
        fix = "Write a smaller image, or a .png."
        raise _checks.fail("image", f"fit for {path.suffix}", got, fix) from error
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _format_of(path: pathlib.Path) -> _Format:
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        known = ", ".join(_FORMATS)
        raise _checks.fail("path", f"a name ending in one of {known}", repr(str(path)))
    check_folder(path)
    return form


def _check_supported(
    path: pathlib.Path, form: _Format, channels: int, bits: int, quality: int | None
) -> None:
    allowed = form.channels if bits == 8 else form.deep_channels
    if not allowed:
        raise _checks.fail(
            "bits", f"8 for {path.suffix}", bits, "Write a .png or .tif for 16 bits."
        )
    if channels not in allowed:
        counts = ", ".join(map(str, allowed))
        expected = f"[h, w, c] with c one of {counts} for {bits}-bit {path.suffix}"
        fix = "Remove opacity, the last channel, by `image[..., :-1]`."
        raise _checks.fail("image", expected, f"c = {channels}", fix)
    if quality is None:
        return
    if not form.lossy:
        lossy = [extension for extension, f in _FORMATS.items() if f.lossy]
        fix = f"Only {', '.join(lossy)} have a quality."
        raise _checks.fail("quality", f"None for {path.suffix}", quality, fix)
    if not 1 <= _checks.as_count("quality", quality) <= 100:
        raise _checks.fail("quality", "1 to 100", quality)


def _encode(
    levels: np.ndarray,
    path: pathlib.Path,
    form: _Format,
    quality: int | None,
    metadata: ImageMetadata,
) -> bytes:
    import imageio.v3 as iio

    channels = levels.shape[-1]
    pixels = levels[..., 0] if channels == 1 else levels
    profile = fitting_profile(metadata.profile, 3 if form is _WEBP else channels)
    options: dict[str, Any] = {"plugin": "pillow"}
    if levels.dtype == np.uint16 and form is _PNG:
        import imagecodecs

        # imageio's plugins write 16-bit PNG in gray only.
        data = bytes(imagecodecs.png_encode(pixels))
        return _with_chunks(data, metadata.exif, profile)
    if levels.dtype == np.uint16:
        options = {
            "plugin": "tifffile",
            "photometric": "minisblack" if channels == 1 else "rgb",
            "extrasamples": ["unassalpha"] if channels == 4 else None,
            "compression": "zlib",
            "metadata": None,
            "iccprofile": profile,
        }
    else:
        sources = {"exif": metadata.exif, "icc_profile": profile}
        options |= {name: x for name, x in sources.items() if x is not None}
    if form.lossy:
        options["quality"] = 95 if quality is None else quality
    if form is _JPEG:
        options["subsampling"] = "4:4:4"
    if form is _WEBP:
        options["exact"] = True  # keep the color where opacity is zero
    extension = path.suffix.lower()
    data = iio.imwrite("<bytes>", pixels, extension=extension, **options)
    assert data is not None  # as always for "<bytes>"
    return bytes(data)


def _with_chunks(png: bytes, exif: bytes | None, profile: bytes | None) -> bytes:
    """A PNG file with EXIF data and a profile, which imagecodecs does not write."""
    chunks = []
    if profile is not None:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile)))
    if exif is not None:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    data = b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    end_of_header = 33  # the signature, and the chunk IHDR of 13 bytes
    return png[:end_of_header] + data + png[end_of_header:]
