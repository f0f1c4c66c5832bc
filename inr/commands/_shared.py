"""Images and fits of the commands."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from inr import _checks
from inr._typing import Array, Region, Size
from inr.commands._batches import Source, list_files
from inr.commands._companions import files_of_stem
from inr.commands._outputs import Path
from inr.fitting import FitResult
from inr.io import ImageMetadata, read_image, read_image_metadata
from inr.metrics import ssim


class Picture(NamedTuple):
    """An image `[h, w, c]`, and the metadata of its file, if it is from one."""

    image: np.ndarray
    metadata: ImageMetadata | None


def read_picture(source: Source) -> Picture:
    """Picture of a file, or of a photograph from scikit-image."""
    if source.path is not None:
        return Picture(read_image(source.path), read_image_metadata(source.path))
    name, _, part = source.name.partition("_")
    image = photograph(name)
    return Picture(image[_HEAD] if part else image, None)


PORTRAIT = "astronaut_head"
"""Name of a part of a photograph, framed like an official portrait."""

_HEAD = np.s_[:256, 96:352]


def photograph(name: str, index: int | None = None) -> np.ndarray:
    """A photograph from scikit-image by its name there; `index` selects in a tuple."""
    try:
        from skimage import data
    except ImportError:
        raise ImportError(
            "Without an image this takes a photograph from scikit-image, which is not "
            'installed. Give an image, or `pip install "inr[examples]"`.'
        ) from None
    images = getattr(data, name)()
    image = images if index is None else images[index]
    return np.asarray(image, np.float32) / 255


def timed_fit(
    fit: Callable[..., FitResult], *arguments: Any, **options: Any
) -> FitResult:
    """Call a fit, and print its number of steps, seconds and status.

    Raises:
      KeyboardInterrupt: if the fit was interrupted, because the command ends then too.
    """
    start = time.perf_counter()
    result = fit(*arguments, **options)
    if result.status == "interrupted":
        raise KeyboardInterrupt
    seconds = time.perf_counter() - start
    print(f"fit: {result.num_steps} steps in {seconds:.0f} s, {result.status}")
    return result


def ssim_text(image: Array | np.ndarray, reference: np.ndarray) -> str:
    """SSIM, or a dash for images smaller than its window."""
    small = min(image.shape[:2]) < 11
    return "-" if small else f"{float(ssim(image, reference)):.4f}"


def size_within(side: int, shape: Sequence[int]) -> tuple[int, int]:
    """Size of an image of this shape after reduction to a longer side of `side`."""
    side = _checks.as_count("side", side)
    scale = min(side / max(shape[:2]), 1)
    return max(round(shape[0] * scale), 1), max(round(shape[1] * scale), 1)


def region_pixels(
    shape: Sequence[int], region: Region | None, scale: float = 1
) -> Size:
    """Size of a region of an image of this shape, enlarged by a scale."""
    start, stop = _checks.as_region("region", region, 2)
    return tuple(
        max(round(scale * (b - a) * n), 1)
        for a, b, n in zip(start, stop, shape[:2], strict=True)
    )


def reduce_to(image: np.ndarray, max_side: int | None) -> np.ndarray:
    """The image, reduced to a longer side of at most `max_side`; None for no limit."""
    if max_side is None:
        return image
    max_side = _checks.as_count("max_side", max_side)
    h, w, c = image.shape
    size = size_within(max_side, image.shape)
    if size == (h, w):
        return image
    print(f"reduced from {h}x{w} to {size[0]}x{size[1]} (--max-side)")
    return np.asarray(jax.image.resize(image, (*size, c), "cubic")).clip(0, 1)


def references_for(
    source: Source, references: Sequence[Path], by_name: bool, max_side: int | None
) -> list[np.ndarray]:
    """Reference photographs of an input in RGB, reduced to a longer side.

    Args:
      source: the input.
      references: files or folders.
      by_name: take those of the input's stem alone.
      max_side: longest side in pixels; None for no limit.

    Raises:
      ValueError: if `by_name` is set and no reference has the input's stem.
    """
    if by_name:
        paths = files_of_stem("references", references, source)
    else:
        paths = list_files("references", references)
    return [reduce_to(as_rgb(read_image(path)), max_side) for path in paths]


def read_mask(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Bool `[h, w]` of an image file: opaque pixels, or bright ones without alpha."""
    levels = read_image(path)
    if levels.shape[:2] != size:
        expected = f"as large as its image, {size}"
        raise _checks.fail("mask", expected, f"{levels.shape[:2]}")
    gray = levels[..., -1] if has_alpha(levels) else levels.mean(-1)
    return gray > 0.5


def has_alpha(image: np.ndarray) -> bool:
    """Whether the last of two or four channels is alpha."""
    return image.shape[-1] in (2, 4)


def without_alpha(image: np.ndarray) -> np.ndarray:
    """The image without its alpha channel."""
    return image[..., :-1] if has_alpha(image) else image


def as_rgb(image: np.ndarray) -> np.ndarray:
    """RGB without alpha; a gray channel is repeated."""
    image = without_alpha(image)
    return np.repeat(image, 3, -1) if image.shape[-1] == 1 else image


def match_channels(images: list[np.ndarray]) -> list[np.ndarray]:
    """Repeat the channel of gray images if others are RGB."""
    c = max(x.shape[-1] for x in images)
    return [np.broadcast_to(x, (*x.shape[:2], c)).copy() for x in images]
