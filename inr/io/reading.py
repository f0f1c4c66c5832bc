"""Read images of 8 and 16 bits: upright, in sRGB, within a limit on memory."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from numpy.typing import DTypeLike

from inr import _checks
from inr._files import as_path, check_bytes, check_file
from inr.io import _decoders

_EXTENSIONS = (
    *(".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"),
    *(".pgm", ".ppm", ".jp2", ".avif"),
)
_FORMATS = ("PNG", "JPEG", "WebP", "TIFF", "BMP", "GIF", "PNM", "JPEG 2000", "AVIF")


def list_images(folder: str | os.PathLike[str]) -> list[pathlib.Path]:
    """Return the image files in a folder, selected by extension, sorted by name.

    Args:
      folder: folder to list, without its subfolders. Hidden files are left out.

    Returns:
      Paths; the files are not opened. Empty if there are no images.

    Raises:
      FileNotFoundError: if the folder does not exist.
      NotADirectoryError: if it is a file.
    """
    folder = as_path("folder", folder)
    if not folder.is_dir():
        error = NotADirectoryError if folder.exists() else FileNotFoundError
        raise error(f"`folder` must be an existing folder, got {str(folder)!r}.")
    paths = sorted(folder.iterdir())
    return [
        path
        for path in paths
        if path.suffix.lower() in _EXTENSIONS and not path.name.startswith(".")
    ]


def read_image(
    path: str | os.PathLike[str],
    *,
    dtype: DTypeLike = np.float32,
    max_bytes: int | None = 2**30,
) -> Float[np.ndarray, "h w c"]:
    """Read an image file as sRGB-encoded values in [0, 1].

    The EXIF orientation is applied. A color profile other than sRGB is applied to 8-bit
    color; if it is invalid, or the image has 16 bits, a warning says that it was not
    applied. Palettes and CMYK become RGB, gray stays gray, and transparency of any kind
    becomes the last channel. Of an animation, the first frame is read. PNG and TIFF
    keep 16 bits; floating TIFF values are returned unchanged.

    Args:
      path: PNG, JPEG, WebP, TIFF, BMP, GIF, PNM, JPEG 2000 or AVIF file, whatever its
        extension.
      dtype: floating dtype of the result.
      max_bytes: limit on memory for the decoded image and the result together, tested
        before decoding. It protects from small files that decode to huge images. None
        means no limit.

    Returns:
      `[h, w, c]`; c is 1 for gray and 3 for RGB, plus 1 with opacity.

    Raises:
      FileNotFoundError: if the file does not exist.
      ValueError: if the file is not an image, is damaged, needs more than `max_bytes`,
        holds integers of another size than 8 or 16 bits, or is compressed by a codec
        of images inside a 16-bit TIFF.
    """
    max_bytes = _checks.as_bytes("max_bytes", max_bytes)
    dtype = _checks.as_dtype("dtype", dtype)
    if not np.issubdtype(dtype, np.floating):
        raise _checks.fail("dtype", "a floating dtype", dtype)
    if hasattr(path, "read"):
        fix = "Image verbs take `PIL.Image.open(file)`."
        raise TypeError(f"`path` must be a path, got {type(path).__name__}. {fix}")
    path = as_path("path", path)
    check_file(path, "an image file", "List its images with `list_images`.")
    levels = _decode(path, dtype.itemsize, max_bytes)
    values = levels.astype(dtype)
    if not np.issubdtype(levels.dtype, np.floating):
        values /= dtype.type(np.iinfo(levels.dtype).max)
    return values


@contextlib.contextmanager
def open_image(path: pathlib.Path) -> Iterator[_decoders.Decoder]:
    """Yield the decoder of an image file."""
    with path.open("rb") as file:
        try:
            decoder = _decoders.open_decoder(file)
        except Exception as error:  # each format has its own errors
            fix = f"Is it complete, and of a format among {', '.join(_FORMATS)}?"
            got = f"{str(path)!r}, which cannot be opened"
            raise _checks.fail("path", "an image file", got, fix) from error
        try:
            yield decoder
        finally:
            decoder.close()


def _decode(path: pathlib.Path, itemsize: int, max_bytes: int | None) -> np.ndarray:
    with open_image(path) as decoder:
        h, w = decoder.size
        needed = decoder.num_bytes + h * w * decoder.channels * itemsize
        check_bytes(path, f"an image of {h} x {w}", needed, max_bytes)
        try:
            return decoder.decode()
        except (MemoryError, Warning):
            raise
        except Exception as error:
            fix = "Download or export the file again."
            got = f"{str(path)!r}, which cannot be decoded ({error})"
            raise _checks.fail("path", "an intact image file", got, fix) from error
