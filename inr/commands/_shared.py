"""Shared by the commands: images in, files out."""

import os
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from inr import _checks
from inr._typing import Array, Region, Size
from inr.fitting import FitResult
from inr.io import list_images, read_image
from inr.metrics import ssim

Path = str | os.PathLike


def load(path: Path | None, *, bundled: str = "astronaut") -> tuple[str, np.ndarray]:
    """Name and image `[h, w, c]` of a file, or of a photograph from scikit-image."""
    if path is not None:
        return pathlib.Path(path).stem, read_image(path)
    return bundled, photograph(bundled)


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


def load_portrait(path: Path | None) -> tuple[str, np.ndarray]:
    """Name and image of a file, or the head of a bundled photograph."""
    name, image = load(path)
    return (name, image) if path is not None else (f"{name}_head", image[_HEAD])


_HEAD = np.s_[:256, 96:352]  # of the astronaut, framed like an official portrait


def load_all(
    images: Sequence[Path] | Path | None,
    load_one: Callable[..., tuple[str, np.ndarray]],
) -> Iterator[tuple[str, np.ndarray]]:
    """Names and images of files and folders; the bundled photograph without any."""
    if images is None or (not isinstance(images, str | os.PathLike) and not images):
        yield load_one(None)
        return
    if isinstance(images, str | os.PathLike):
        images = [images]
    for path in images:
        files = list_images(path) if pathlib.Path(path).is_dir() else [path]
        for file in files:
            yield load_one(file)


def timed_fit(
    fit: Callable[..., FitResult], *arguments: Any, **options: Any
) -> FitResult:
    """Call a fit, and print its number of steps, seconds and status."""
    start = time.perf_counter()
    result = fit(*arguments, **options)
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


def reduce_to(image: np.ndarray, max_side: int) -> np.ndarray:
    """The image, reduced to a longer side of at most `max_side`."""
    max_side = _checks.as_count("max_side", max_side)
    h, w, c = image.shape
    size = size_within(max_side, image.shape)
    if size == (h, w):
        return image
    print(f"reduced from {h}x{w} to {size[0]}x{size[1]} (--max-side)")
    return np.asarray(jax.image.resize(image, (*size, c), "cubic")).clip(0, 1)


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


def output_folder(path: Path) -> pathlib.Path:
    """The folder, created if it does not exist."""
    folder = pathlib.Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def report(files: list[pathlib.Path]) -> list[pathlib.Path]:
    """Print the files written, and return them."""
    print("wrote", ", ".join(str(f) for f in files))
    return files
