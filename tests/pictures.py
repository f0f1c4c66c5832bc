"""The pictures of `tests/data`, and baselines for them."""

import pathlib

import jax
import numpy as np
from PIL import Image

DATA = pathlib.Path(__file__).parent / "data"


def picture(name):
    """RGB `[h, w, 3]` float32 in [0, 1]."""
    return as_float(np.asarray(Image.open(DATA / f"{name}.png")))


def as_float(image):
    return image.astype(np.float32) / np.float32(255)


def reduced(image, scale):
    """A bicubic reduction, rounded to 8 bits."""
    h, w, _ = image.shape
    small = jax.image.resize(image, (h // scale, w // scale, 3), "cubic")
    return as_float(np.rint(255 * np.clip(small, 0, 1)))


def enlarged(image, scale, method="cubic"):
    h, w, _ = image.shape
    return jax.image.resize(image, (scale * h, scale * w, 3), method)


def psnr(image, reference):
    """PSNR in dB of the clipped image, in NumPy."""
    error = np.clip(np.asarray(image, np.float64), 0, 1) - reference
    return -10 * np.log10(np.mean(np.square(error)))
