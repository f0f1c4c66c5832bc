"""Shared by the commands: photographs in, files out."""

import os
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from inr import _checks
from inr.fields import BoundField, Siren, bind
from inr.fitting import fit_image
from inr.io import list_images, read_image
from inr.metrics import ssim


def load(
    path: str | os.PathLike | None, *, bundled: str = "astronaut"
) -> tuple[str, np.ndarray]:
    """Name and image `[h, w, c]` of a file, or of a photograph of scikit-image's."""
    if path is not None:
        return pathlib.Path(path).stem, read_image(path)
    return bundled, photograph(bundled)


def photograph(name: str, index: int | None = None) -> np.ndarray:
    """Of scikit-image's, by its name there, and which of them where there are more."""
    try:
        from skimage import data
    except ImportError:
        raise ImportError(
            "Without an image this takes a photograph from scikit-image, which is not "
            'installed. Give an image, or `pip install "inr[examples]"`.'
        ) from None
    found = getattr(data, name)()
    return np.float32(found if index is None else found[index]) / 255


def head_or(path: str | os.PathLike | None) -> tuple[str, np.ndarray]:
    """Name and image of a file, or of a bundled head, placed as official portraits."""
    name, image = load(path)
    return (name, image) if path is not None else (f"{name}_head", image[_HEAD])


_HEAD = np.s_[:256, 96:352]  # of the astronaut


def pictures_of(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None,
    open_one: Callable[..., tuple[str, np.ndarray]],
) -> Iterator[tuple[str, np.ndarray]]:
    """Names and images of files and of folders' files, or what stands for none."""
    if images is None or (not isinstance(images, str | os.PathLike) and not images):
        yield open_one(None)
        return
    if isinstance(images, str | os.PathLike):
        images = [images]
    for path in images:
        found = list_images(path) if pathlib.Path(path).is_dir() else [path]
        for file in found:
            yield open_one(file)


def fitted(
    picture: np.ndarray, model: Siren, num_steps: int, seed: int, **options: Any
) -> BoundField:
    """A SIREN fitted to a picture; prints how long it took."""
    start = time.perf_counter()
    key = jax.random.key(seed)
    result = fit_image(key, model, picture, num_steps=num_steps, **options)
    seconds = time.perf_counter() - start
    print(f"fit: {result.step} steps in {seconds:.0f} s, {result.status}")
    return bind(model, result.params)


def ssim_text(image: np.ndarray, reference: np.ndarray) -> str:
    """SSIM, or a dash for images smaller than its window."""
    small = min(image.shape[:2]) < 11
    return "-" if small else f"{float(ssim(image, reference)):.4f}"


def within(side: int, shape: Sequence[int]) -> tuple[int, int]:
    """The size of an image of this shape, its longer side at most `side`."""
    side = _checks.as_count("side", side)
    scale = min(side / max(shape[:2]), 1)
    return max(round(shape[0] * scale), 1), max(round(shape[1] * scale), 1)


def reduced(image: np.ndarray, max_side: int) -> np.ndarray:
    """The image with its longer side at most `max_side`."""
    max_side = _checks.as_count("max_side", max_side)
    h, w, c = image.shape
    size = within(max_side, image.shape)
    if size == (h, w):
        return image
    print(f"reduced from {h}x{w} to {size[0]}x{size[1]} (--max-side)")
    return np.asarray(jax.image.resize(image, (*size, c), "cubic")).clip(0, 1)


def read_mask(path: str | os.PathLike, size: tuple[int, int]) -> np.ndarray:
    """Bool `[h, w]` of an image file: where it is bright, or opaque if it has opacity.

    Editors paint masks both ways.
    """
    levels = read_image(path)
    if levels.shape[:2] != size:
        expected = f"as large as the image it belongs to, {size}"
        raise _checks.fail("mask", expected, f"{levels.shape[:2]}")
    gray = levels[..., -1] if has_opacity(levels) else levels.mean(-1)
    return gray > 0.5


def has_opacity(image: np.ndarray) -> bool:
    """Whether the last channel is opacity: two channels or four."""
    return image.shape[-1] in (2, 4)


def opaque(image: np.ndarray) -> np.ndarray:
    """The image without its opacity."""
    return image[..., :-1] if has_opacity(image) else image


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Without opacity, gray thrice."""
    image = opaque(image)
    return np.repeat(image, 3, -1) if image.shape[-1] == 1 else image


def folder_at(path: str | os.PathLike) -> pathlib.Path:
    """The folder, made if it is not there."""
    folder = pathlib.Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def report(files: list[pathlib.Path]) -> list[pathlib.Path]:
    """Prints what was written, and returns it."""
    print("wrote", ", ".join(str(f) for f in files))
    return files
