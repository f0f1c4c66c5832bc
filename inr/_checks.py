"""Argument checks for public functions, and the format of their messages.

A message names the argument in backticks, what it must be, what was given, and what to
do. Checks test shapes, dtypes and static numbers, which exist under `jit` too; they
test values only if the values are concrete.
"""

import math
import operator
import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer


def fail(argument: str, expected: str, got: object, fix: str = "") -> ValueError:
    """Error to raise: "`argument` must be EXPECTED, got GOT. FIX"."""
    return ValueError(f"`{argument}` must be {expected}, got {got}. {fix}".rstrip())


def is_concrete(*trees: Any) -> bool:
    """True if no leaf is traced, so that values can be tested."""
    return not any(isinstance(x, Tracer) for x in jax.tree.leaves(trees))


def as_floating(argument: str, value: Any, fix: str = "") -> jax.Array:
    """Return `value` as a floating array of at least float32; refuse integers."""
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise fail(argument, "a floating array", f"dtype {array.dtype}", fix)
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def check_rank(argument: str, array: Any, *layouts: str) -> None:
    """Raise unless the rank is that of one of `layouts`, such as `"[h, w, c]"`."""
    ranks = [layout.count(",") + 1 for layout in layouts]
    if np.ndim(array) not in ranks:
        raise fail(argument, " or ".join(layouts), f"shape {np.shape(array)}")


def check_not_empty(argument: str, array: Any) -> None:
    """Raise if an axis has no element."""
    if 0 in np.shape(array):
        raise fail(argument, "non-empty", f"shape {np.shape(array)}")


def check_finite(argument: str, array: Any) -> None:
    """Raise if a concrete array holds NaN or infinity; a traced array passes."""
    if not is_concrete(array):
        return
    # In NumPy, because an outer jit would trace even a constant's `jnp.isfinite`. The
    # sum is cheap to compute, and finite only if all values are.
    array = np.asarray(array)
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum()):
            return
    bad = np.size(array) - np.count_nonzero(np.isfinite(array))
    if bad:
        raise fail(
            argument,
            "finite",
            f"{bad} NaN or infinite of {np.size(array)} values",
            "Replace them, or give them zero weight after replacing them.",
        )


def as_image(argument: str, value: Any) -> jax.Array:
    """Return an image as a floating array `[h, w, c]`.

    This is what "Image verbs accept" means in the documentation: floating values in
    [0, 1]; uint8 and uint16 arrays, divided by 255 and 65535; PIL images, of which
    palettes and CMYK become RGB; `[h, w, c]`, or `[h, w]`, which gains c = 1. Nothing
    is clipped. Concrete floating values above 1.5 cause a warning.

    Raises:
      ValueError: for bool and other integers, another rank, an empty axis, or NaN.
    """
    if hasattr(value, "getbands"):
        value = _pillow_levels(value)
    dtype = np.asarray(value).dtype if is_concrete(value) else value.dtype
    if dtype in (np.uint8, np.uint16):
        # In NumPy where possible: XLA may multiply by a rounded reciprocal instead.
        levels = np.asarray(value) if is_concrete(value) else value
        value = levels.astype(np.float32) / np.float32(np.iinfo(dtype).max)
    elif not jnp.issubdtype(dtype, jnp.floating):
        expected = "a floating, uint8 or uint16 array, or a PIL image"
        fix = "Convert levels to [0, 1]: divide by the value of white."
        if dtype == np.bool_:
            fix = "Convert it with `.astype(numpy.float32)`."
        raise fail(argument, expected, f"dtype {dtype}", fix)
    image = as_floating(argument, value)
    check_rank(argument, image, "[h, w, c]", "[h, w]")
    check_not_empty(argument, image)
    check_finite(argument, image)
    _warn_if_levels(argument, image)
    return image if image.ndim == 3 else image[..., None]


def _pillow_levels(image: Any) -> np.ndarray:
    """Array of a PIL image, whose palette, if any, is applied."""
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "LA", "RGB", "RGBA", "F") and image.mode[0] != "I":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return np.asarray(image)


def _warn_if_levels(argument: str, array: Any) -> None:
    if not is_concrete(array):
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
    dtype = np.asarray(value).dtype
    fix = ""
    if np.issubdtype(dtype, np.integer):
        fix = f"Divide by {float(np.iinfo(dtype).max) + 1:.0f} to reach [-1, 1]."
    samples = np.asarray(as_floating(argument, value, fix))
    check_rank(argument, samples, "[n, channels]", "[n]")
    check_not_empty(argument, samples)
    check_finite(argument, samples)
    return samples if samples.ndim == 2 else samples[:, None]


def as_unit_range(values: jax.Array) -> jax.Array:
    """Return uint8 levels as float32 in [0, 1], and other dtypes unchanged."""
    return values.astype(jnp.float32) / 255 if values.dtype == jnp.uint8 else values


def as_pytree(argument: str, function: Any) -> Any:
    """Return a callable as a `jit` argument: plain functions become static."""
    if not callable(function):
        raise TypeError(
            f"`{argument}` must be callable, got {type(function).__name__}."
        )
    plain = jax.tree_util.all_leaves([function])
    return jax.tree_util.Partial(function) if plain else function


def as_key(argument: str, value: Any) -> jax.Array:
    """Return a PRNG key, typed or of raw uint32; refuse an int by name."""
    if isinstance(value, jax.Array) and (
        jnp.issubdtype(value.dtype, jax.dtypes.prng_key) or value.dtype == jnp.uint32
    ):
        return value
    seed = value if isinstance(value, int) else 0
    raise TypeError(
        f"`{argument}` must be a PRNG key, got {type(value).__name__}. "
        f"Write `jax.random.key({seed})`."
    )


def check_callable(argument: str, value: Any) -> None:
    """Raise unless `value` is None or can be called."""
    if value is not None and not callable(value):
        raise TypeError(f"`{argument}` must be callable, got {type(value).__name__}.")


def as_count(argument: str, value: Any, *, least: int = 1) -> int:
    """Return a whole number of at least `least`."""
    try:
        count = operator.index(value)
    except TypeError:
        raise fail(argument, "a whole number", repr(value)) from None
    if count < least or isinstance(value, bool):
        raise fail(argument, f"at least {least}", repr(value))
    return count


def as_size(argument: str, value: Sequence[int]) -> tuple[int, ...]:
    """Return samples along each axis as a tuple of whole numbers of at least 1."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) == 0:
        raise fail(argument, "a tuple such as (h, w)", repr(value))
    return tuple(as_count(argument, n) for n in value)


def as_positive(argument: str, value: int | float) -> float:
    """Return a finite Python number above zero as a float."""
    if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
        raise fail(argument, "a finite number above 0", repr(value))
    return float(value)


def as_region(
    argument: str, value: Any, ndim: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return `((top, left), (bottom, right))`, fractions in [0, 1], not empty.

    None stands for the complete signal.
    """
    if value is None:
        return (0.0,) * ndim, (1.0,) * ndim
    form = "((top, left), (bottom, right)) as fractions of the signal in [0, 1]"
    try:
        start, stop = (tuple(float(x) for x in corner) for corner in value)
    except (TypeError, ValueError):
        raise fail(argument, form, repr(value)) from None
    inside = all(0 <= a < b <= 1 for a, b in zip(start, stop, strict=False))
    if len(start) != ndim or len(stop) != ndim or not inside:
        raise fail(argument, f"{form}, each end after its start", repr(value))
    return start, stop


def check_choice(argument: str, value: object, choices: Sequence[object]) -> None:
    """Raise unless `value` is one of `choices`."""
    if value not in choices:
        raise fail(argument, "one of " + ", ".join(map(repr, choices)), repr(value))


def as_fraction(argument: str, value: int | float) -> float:
    """Return a Python number from 0 to 1 as a float."""
    if not (isinstance(value, int | float) and 0 <= value <= 1):
        raise fail(argument, "a number from 0 to 1", repr(value))
    return float(value)
