"""Write images of 8 and 16 bits, whole or not at all."""

import io
import os
import pathlib
import struct
import zlib
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from inr import _checks
from inr._typing import ArrayLike
from inr.io._files import check_folder, replacing


class _Format(NamedTuple):
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
    image: Float[ArrayLike, "h w *c"],
    *,
    bits: int = 8,
    quality: int | None = None,
) -> None:
    """Write an image file; the extension chooses the format.

    Values are clipped to [0, 1] and rounded to the nearest level. The file appears
    under its name only once it is complete: where writing fails or is interrupted, a
    file of that name stays as it was. A WebP file has no gray and holds it as RGB.

    Args:
      path: ends in .png, .tif, .tiff, .jpg, .jpeg or .webp; its folder must exist.
      image: `[h, w, c]` or `[h, w]`, sRGB-encoded, in [0, 1]; c as in `read_image`.
      bits: of each value, 8 or 16; 16 for PNG and TIFF only.
      quality: of JPEG and WebP, 1 to 100; 95 by default. JPEG keeps color at full
        resolution.

    Raises:
      FileNotFoundError: if the folder does not exist.
      ValueError: for an integer image, NaN, an unknown extension, or a number of
        channels, bits or a quality that the format does not have.
    """
    path = pathlib.Path(path)
    _checks.check_choice("bits", bits, (8, 16))
    form = _format_of(path)
    values = _checks.as_image("image", image)
    _check_fits(path, form, values.shape[-1], bits, quality)
    top = 2**bits - 1
    # In float64, where the product is exact enough to round to the nearest level.
    levels = np.rint(np.clip(np.asarray(values, np.float64), 0, 1) * top)
    levels = levels.astype(np.uint8 if bits == 8 else np.uint16)
    try:
        data = _encode(levels, form, quality)
    except Exception as error:  # each format raises errors of its own
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


def _check_fits(
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
        fix = "Opacity, the last channel, is left out by `image[..., :-1]`."
        raise _checks.fail("image", expected, f"c = {channels}", fix)
    if quality is None:
        return
    if not form.lossy:
        lossy = [extension for extension, f in _FORMATS.items() if f.lossy]
        fix = f"Only {', '.join(lossy)} have a quality."
        raise _checks.fail("quality", f"None for {path.suffix}", quality, fix)
    if not 1 <= _checks.as_count("quality", quality) <= 100:
        raise _checks.fail("quality", "1 to 100", quality)


def _encode(levels: np.ndarray, form: _Format, quality: int | None) -> bytes:
    if levels.dtype == np.uint16:
        return (_png16 if form is _PNG else _tiff16)(levels)
    from PIL import Image

    options = {}
    if form.lossy:
        options["quality"] = 95 if quality is None else quality
    if form is _JPEG:
        options["subsampling"] = "4:4:4"
    if form is _WEBP:
        options["exact"] = True  # keep the color where opacity is zero
    file = io.BytesIO()
    image = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    image.save(file, form.name, **options)
    return file.getvalue()


def _png16(levels: np.ndarray) -> bytes:
    """PNG of 16 bits, which Pillow writes for gray only [ISO/IEC 15948]."""
    h, w, c = levels.shape
    color_type = {1: 0, 2: 4, 3: 2, 4: 6}[c]
    header = struct.pack(">IIBBBBB", w, h, 16, color_type, 0, 0, 0)
    rows = levels.astype(">u2").view(np.uint8).reshape(h, -1)
    # Filter 2: each byte less the one above it, modulo 256.
    lines = np.full((h, 1 + rows.shape[1]), 2, np.uint8)
    lines[:, 1:] = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _tiff16(levels: np.ndarray) -> bytes:
    import tifffile

    file = io.BytesIO()
    tifffile.imwrite(
        file,
        levels[..., 0] if levels.shape[-1] == 1 else levels,
        photometric="minisblack" if levels.shape[-1] == 1 else "rgb",
        extrasamples=["unassalpha"] if levels.shape[-1] == 4 else None,
        compression="zlib",
        metadata=None,
    )
    return file.getvalue()
