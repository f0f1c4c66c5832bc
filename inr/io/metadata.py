"""Metadata of image files: bits, EXIF and color profile, for the file of a result."""

import contextlib
import os
from typing import IO, TYPE_CHECKING, Literal, NamedTuple

from inr._files import as_path, check_file
from inr.io import _decoders, _profiles
from inr.io.reading import open_image

if TYPE_CHECKING:
    from PIL import Image

# Tags of TIFF's first directory that describe the picture and not its storage.
_DESCRIPTIVE = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
_EXIF_DIRECTORY, _GPS_DIRECTORY = 0x8769, 0x8825
_STALE = (0xA002, 0xA003, 0xA005)  # width, height, and an offset within the old file
_MAX_EXIF_BYTES = 65_500  # of a JPEG segment


class ImageMetadata(NamedTuple):
    """What an image file stores beside the pixels that `read_image` returns.

    Attributes:
      bits: 8, or 16 for files with more bits in a value.
      exif: EXIF data without orientation, size and thumbnail, because the pixels are
        upright and may be of another size; None if there are none.
      profile: ICC color profile of the values that `read_image` returns; None where it
        converts them to sRGB, and for a file without a profile.
    """

    bits: Literal[8, 16] = 8
    exif: bytes | None = None
    profile: bytes | None = None

    def __repr__(self) -> str:
        sizes = {"exif": self.exif, "profile": self.profile}
        texts = [f"{k}={len(x)} bytes" for k, x in sizes.items() if x is not None]
        return f"ImageMetadata({', '.join([f'bits={self.bits}', *texts])})"


def read_image_metadata(path: str | os.PathLike[str]) -> ImageMetadata:
    """Read bits, EXIF data and color profile of an image file, for `write_image`.

    Damaged or unreadable metadata count as absent.

    Args:
      path: image file of a format that `read_image` reads.

    Returns:
      An `ImageMetadata`.

    Raises:
      FileNotFoundError: if the file does not exist.
      ValueError: if the file is not an image.
    """
    path = as_path("path", path)
    check_file(path, "an image file", "List its images with `list_images`.")
    with open_image(path) as decoder:
        bits, profile = decoder.bits, getattr(decoder, "profile", None)
    with path.open("rb") as file, _decoders.no_pillow_limit():
        image = _open_lazily(file)
        if image is None:  # 16-bit color TIFF, for example
            mode, exif = "RGB", None
        else:
            profile = image.info.get("icc_profile")
            mode, exif = image.mode, _exif_bytes(image)
    if bits == 8 and not _profiles.is_unchanged(profile, mode):
        profile = None
    return ImageMetadata(bits, exif, profile)


def fitting_profile(profile: bytes | None, channels: int) -> bytes | None:
    """The profile, if it describes images of so many channels; else None."""
    space = b"GRAY" if channels < 3 else b"RGB "
    return profile if profile is not None and profile[16:20] == space else None


def _open_lazily(file: IO[bytes]) -> "Image.Image | None":
    """A Pillow image whose pixels are not decoded; None if Pillow cannot open it."""
    from PIL import Image

    with contextlib.suppress(Exception):  # each format has its own errors
        return Image.open(file)
    return None


def _exif_bytes(image: "Image.Image") -> bytes | None:
    """EXIF data that stay true for upright pixels of another size."""
    from PIL import Image

    # Pillow would decode all of a PNG in search of an EXIF chunk behind the pixels.
    if "exif" not in image.info and image.format != "TIFF":
        return None
    exif = Image.Exif()
    with contextlib.suppress(Exception):  # damaged data count as absent
        source = image.getexif()
        exif.update({tag: source[tag] for tag in _DESCRIPTIVE if tag in source})
        for directory in (_EXIF_DIRECTORY, _GPS_DIRECTORY):
            tags = source.get_ifd(directory)
            tags = {tag: value for tag, value in tags.items() if tag not in _STALE}
            if tags:
                exif[directory] = tags
        data = exif.tobytes() if len(exif) else b""
        return data if 0 < len(data) <= _MAX_EXIF_BYTES else None
    return None
