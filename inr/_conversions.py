"""Images and sound as floating arrays, from all the forms that users have them in."""

import os
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks


def as_image(argument: str, value: Any) -> jax.Array:
    """Return an image as a floating array `[h, w, c]`.

    This is what "Image verbs accept" means in the documentation: floating values in
    [0, 1]; uint8 and uint16 arrays, divided by 255 and 65535; PIL images, of which
    palettes and CMYK become RGB; `[h, w, c]`, or `[h, w]`, which gains c = 1. Nothing
    is clipped. Concrete floating values above 1.5 cause a warning. Tensors of other
    libraries are accepted if they convert themselves to NumPy, as PyTorch's on a CPU.

    Raises:
      ValueError: for bool and other integers, another rank, an empty axis, or NaN.
    """
    expected = "a floating, uint8 or uint16 array, or a PIL image"
    if isinstance(value, str | bytes | os.PathLike):
        fix = "Read a file by `inr.read_image(path)`, and bytes by `PIL.Image.open`."
        raise _checks.fail(argument, expected, type(value).__name__, fix)
    if hasattr(value, "getbands"):
        value = _pillow_levels(value)
    # In NumPy where possible: XLA may multiply by a rounded reciprocal instead.
    levels = (
        _checks.as_numpy(argument, value, expected)
        if _checks.is_concrete(value)
        else value
    )
    dtype = levels.dtype
    if dtype in (np.uint8, np.uint16):
        value = levels.astype(np.float32) / np.float32(np.iinfo(dtype).max)
    elif not jnp.issubdtype(dtype, jnp.floating):
        fix = "Convert levels to [0, 1]: divide by the value of white."
        if dtype == np.bool_:
            fix = "Convert it with `.astype(numpy.float32)`."
        raise _checks.fail(argument, expected, f"dtype {dtype}", fix)
    elif _checks.is_concrete(value) and np.ndim(levels) == 2:
        value = levels[..., None]  # in NumPy, without a program for every size
    elif not isinstance(value, jax.Array):
        value = levels  # tensors of other libraries too
    image = _checks.as_floating(argument, value)
    _checks.check_rank(argument, image, "[h, w, c]", "[h, w]")
    _checks.check_not_empty(argument, image)
    _checks.check_finite(argument, image)
    _warn_if_levels(argument, image)
    return image if image.ndim == 3 else image[..., None]


def as_host_image(argument: str, value: Any) -> np.ndarray:
    """Return an image as `as_image` does, in NumPy; refuse a traced one by name."""
    _checks.check_concrete(argument, value)
    return np.asarray(as_image(argument, value))


def channels_fix(shape: tuple[int, ...]) -> str:
    """What to do about an image of other channels, if they seem to come first."""
    fix = "Move the channels last: `numpy.moveaxis(image, 0, -1)`."
    return fix if _is_first(shape) else ""


def warn_if_channels_first(argument: str, shape: tuple[int, ...]) -> None:
    """Warn about an image `[h, w, c]` whose channels seem to come first."""
    if _is_first(shape):
        warnings.warn(
            f"`{argument}` should be [h, w, c], got {shape}, which looks like "
            f"[c, h, w]. {channels_fix(shape)}",
            stacklevel=3,
        )


def _is_first(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[0] in (1, 3, 4) and shape[-1] > 4


def _pillow_levels(image: Any) -> np.ndarray:
    """Array of a PIL image, whose palette, if any, is applied."""
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "LA", "RGB", "RGBA", "F") and image.mode[0] != "I":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return np.asarray(image)


def _warn_if_levels(argument: str, array: Any) -> None:
    if not _checks.is_concrete(array):
        return
    peak = float(np.asarray(array).max())
    if peak > 1.5:
        warnings.warn(
            f"`{argument}` should be in [0, 1], got values up to {peak:g}, which looks "
            "like 0..255; divide by 255.",
            stacklevel=3,
        )


def as_samples(argument: str, value: Any) -> np.ndarray:
    """Return sound as a floating array `[n, channels]`; `[n]` gains an axis.

    Raises:
      ValueError: for integers, another rank, an empty axis, or NaN.
    """
    dtype = _checks.as_numpy(argument, value, "a floating array").dtype
    fix = ""
    if np.issubdtype(dtype, np.integer):
        fix = f"Divide by {float(np.iinfo(dtype).max) + 1:.0f} to reach [-1, 1]."
    samples = np.asarray(_checks.as_floating(argument, value, fix))
    _checks.check_rank(argument, samples, "[n, channels]", "[n]")
    _checks.check_not_empty(argument, samples)
    _checks.check_finite(argument, samples)
    return samples if samples.ndim == 2 else samples[:, None]


def as_unit_range(values: Any) -> Any:
    """Return uint8 levels as float32 in [0, 1], and other dtypes unchanged."""
    return values.astype(jnp.float32) / 255 if values.dtype == jnp.uint8 else values
