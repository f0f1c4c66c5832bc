"""Shared by the commands: photographs in, files out."""

import os
import pathlib

import jax
import numpy as np

from inr import _checks
from inr.io import read_image


def load(
    path: str | os.PathLike | None, *, bundled: str = "astronaut"
) -> tuple[str, np.ndarray]:
    """Name and image `[h, w, c]` of a file, or of a photograph of scikit-image's."""
    if path is not None:
        return pathlib.Path(path).stem, read_image(path)
    try:
        from skimage import data
    except ImportError:
        raise ImportError(
            "Without an image this takes a photograph from scikit-image, which is not "
            'installed. Give an image, or `pip install "inr[examples]"`.'
        ) from None
    return bundled, getattr(data, bundled)().astype(np.float32) / 255


def reduced(image: np.ndarray, max_side: int) -> np.ndarray:
    """The image with its longer side at most `max_side`."""
    max_side = _checks.as_count("max_side", max_side)
    h, w, c = image.shape
    if max(h, w) <= max_side:
        return image
    scale = max_side / max(h, w)
    size = (max(round(h * scale), 1), max(round(w * scale), 1))
    print(f"reduced from {h}x{w} to {size[0]}x{size[1]} (--max-side)")
    return np.asarray(jax.image.resize(image, (*size, c), "cubic")).clip(0, 1)


def folder_at(path: str | os.PathLike) -> pathlib.Path:
    """The folder, made if it is not there."""
    folder = pathlib.Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def report(files: list[pathlib.Path]) -> list[pathlib.Path]:
    """Prints what was written, and returns it."""
    print("wrote", ", ".join(str(f) for f in files))
    return files
