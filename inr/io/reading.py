"""Read images of 8 and 16 bits, whatever the file says about turning and color."""

import contextlib
import os
import pathlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from inr import _checks
from inr.io import _profiles

if TYPE_CHECKING:
    from PIL import Image

_EXTENSIONS = (
    *(".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"),
    *(".pgm", ".ppm", ".jp2", ".avif"),
)


def list_images(folder: str | os.PathLike[str]) -> list[pathlib.Path]:
    """The image files of a folder, by extension, sorted by name.

    Args:
      folder: where to look; not in the folders below it. Hidden files are left out.

    Returns:
      Paths, none of them opened; empty where there are no images.

    Raises:
      FileNotFoundError, NotADirectoryError: as raised by the system.
    """
    paths = sorted(pathlib.Path(folder).iterdir())
    return [
        path
        for path in paths
        if path.suffix.lower() in _EXTENSIONS and not path.name.startswith(".")
    ]


def read_image(
    path: str | os.PathLike[str],
    *,
    dtype: Any = np.float32,
    max_pixels: int | None = 2**28,
) -> Float[np.ndarray, "h w c"]:
    """Read an image file: sRGB-encoded values in [0, 1], upright.

    The turn that EXIF asks for is applied. A color profile that differs from sRGB is
    applied, to 8-bit color; at 16 bits, or where it is broken, a warning says that it
    was not. Palettes, CMYK and the like become RGB; gray stays gray; transparency of
    any kind becomes a last channel. Of an animation the first frame is read. PNG and
    TIFF keep their 16 bits; a floating TIFF is returned as stored.

    Args:
      path: a file of any format that Pillow reads.
      dtype: floating dtype of the result.
      max_pixels: the most pixels to accept, a guard against files that expand into
        more memory than there is; `None` accepts any number.

    Returns:
      `[h, w, c]`: c is 1 for gray, 3 for RGB, and one more with opacity.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if it is not an image, is damaged or cut short, has too many pixels,
        or holds integers of unknown range.
    """
    dtype = np.dtype(dtype)
    if not np.issubdtype(dtype, np.floating):
        raise _checks.fail("dtype", "a floating dtype", dtype)
    path = pathlib.Path(path)
    if path.is_dir():
        fix = "List the images in it with `list_images`."
        raise _checks.fail("path", "an image file", f"the folder {str(path)!r}", fix)
    with path.open("rb") as file:
        values = _read(path, file, max_pixels)
    if np.issubdtype(values.dtype, np.floating):
        return values.astype(dtype)
    return values.astype(dtype) / dtype.type(np.iinfo(values.dtype).max)


def _read(path: pathlib.Path, file: IO[bytes], max_pixels: int | None) -> np.ndarray:
    from PIL import Image

    try:
        with _no_pillow_limit():
            image = Image.open(file)
    except Exception as error:  # each format raises errors of its own
        fix = "Is it complete, and of a format that Pillow reads?"
        got = f"{str(path)!r}, which cannot be opened"
        raise _checks.fail("path", "an image file", got, fix) from error
    w, h = image.size
    if max_pixels is not None and w * h > max_pixels:
        raise _checks.fail(
            "path",
            f"an image of at most {max_pixels} pixels",
            f"{str(path)!r} with {h} x {w}",
            "Raise `max_pixels`, or give None, if you trust the file.",
        )
    # Some decoders look at the limit again; small images need not wait for each other.
    limit = Image.MAX_IMAGE_PIXELS
    large = limit is not None and w * h > limit
    try:
        with _no_pillow_limit() if large else contextlib.nullcontext():
            return _decode(image, file)
    except (MemoryError, Warning):
        raise
    except Exception as error:
        fix = "Fetch or export the file again."
        got = f"{str(path)!r}, which cannot be decoded ({error})"
        raise _checks.fail("path", "an intact image file", got, fix) from error


_limit_lock = threading.Lock()


@contextlib.contextmanager
def _no_pillow_limit() -> Iterator[None]:
    """Lifts Pillow's limit, so that ours alone holds; it is a global, hence a lock."""
    from PIL import Image

    with _limit_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _decode(image: "Image.Image", file: IO[bytes]) -> np.ndarray:
    """Values `[h, w, c]` as uint8, uint16 or floating."""
    from PIL import Image

    layout = _layout(image)
    if image.mode == "F":
        return _upright(image)[..., None]
    if layout == "I;12" or (image.mode == "I" and image.format != "PPM"):
        raise ValueError("its integers are neither of 8 nor of 16 bits")
    if image.format == "TIFF" and _in_planes(image):
        # Pillow would misread it without a word.
        raise ValueError("its 16-bit channels are not interleaved")
    if image.mode.startswith("I"):
        _profiles.warn_if_ignored(image, "L")
        return _upright(image).astype(np.uint16)[..., None]
    if layout == "LA;16B":
        _profiles.warn_if_ignored(image, "L")
        _relabel(image, lambda _: "RGBA")  # the four bytes of a pixel as they are
        return _upright(image).view(">u2").astype(np.uint16)
    if layout in _TWO_BYTES:
        _profiles.warn_if_ignored(image, "RGB")
        other = Image.open(file)
        _relabel(other, _other_byte)
        high, low = (_upright(x).astype(np.uint16) for x in (image, other))
        return 256 * high + low
    return _eight_bits(image)


def _upright(image: "Image.Image") -> np.ndarray:
    from PIL import ImageOps

    return np.asarray(ImageOps.exif_transpose(image))


def _eight_bits(image: "Image.Image") -> np.ndarray:
    from PIL import ImageOps

    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    planes = []
    gray = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        image = image.convert("LA" if gray else "RGBA")
        planes = [np.asarray(image.getchannel("A"))[..., None]]
    if image.mode != "CMYK":
        image = image.convert("L" if gray else "RGB")
    image = _profiles.apply(image, profile).convert("L" if gray else "RGB")
    color = np.asarray(image)
    return np.concatenate([color[..., None] if gray else color, *planes], axis=-1)


# Pillow holds color of 8 bits only. From 16-bit color it takes the high byte of each
# value, which it finds by the byte order in the name of the layout. Decoding once more
# under the name of the other byte order takes the low byte.
_TWO_BYTES = [f"{m};16{o}" for m in ("RGB", "RGBX", "RGBA") for o in "BLN"]


def _other_byte(layout: str) -> str:
    big = layout[-1] == "B" or (layout[-1] == "N" and sys.byteorder == "big")
    return layout[:-1] + ("L" if big else "B")


def _in_planes(tiff: Any) -> bool:
    """Whether the file holds one plane after the other, of 16 bits each."""
    bits_per_sample, planar_configuration = 258, 284
    separate = tiff.tag_v2.get(planar_configuration) == 2
    return separate and 16 in tiff.tag_v2.get(bits_per_sample, ())


def _layout(image: "Image.Image") -> str:
    """Pillow's name for how the file holds a pixel; empty where there is none."""
    args = image.tile[0].args if getattr(image, "tile", None) else ""
    name = args[0] if isinstance(args, tuple) and args else args
    return name if isinstance(name, str) else ""


def _relabel(image: "Image.Image", rename: Callable[[str], str]) -> None:
    """Rename the layout of an image that has not been decoded yet."""

    def renamed(args: Any) -> Any:
        whole = isinstance(args, str)
        return rename(args) if whole else (rename(args[0]), *args[1:])

    image.tile = [tile._replace(args=renamed(tile.args)) for tile in image.tile]
