"""Argument checks for public entry points, and the one form of their messages.

A message names the argument in backticks, what it should be, what it is, and what to
do about it. Checks look at shapes, dtypes and static numbers, which exist under `jit`
too; they look at values only where those are concrete.
"""

import math
import operator
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def fail(argument: str, expected: str, got: object, fix: str = "") -> ValueError:
    """The error to raise: "`argument` must be EXPECTED, got GOT. FIX"."""
    return ValueError(f"`{argument}` must be {expected}, got {got}. {fix}".rstrip())


def is_concrete(*trees: Any) -> bool:
    """True where no leaf is being traced, so that values can be looked at."""
    return not any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(trees))


def as_floating(argument: str, value: Any, fix: str = "") -> jax.Array:
    """`value` as a floating array of at least float32; integers are refused."""
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise fail(argument, "a floating array", f"dtype {array.dtype}", fix)
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def check_rank(argument: str, array: Any, *layouts: str) -> None:
    """`layouts` such as `"[h, w, c]"`: the rank must be that of one of them."""
    ranks = [layout.count(",") + 1 for layout in layouts]
    if np.ndim(array) not in ranks:
        raise fail(argument, " or ".join(layouts), f"shape {np.shape(array)}")


def check_not_empty(argument: str, array: Any) -> None:
    """Every axis must have at least one element."""
    if 0 in np.shape(array):
        raise fail(argument, "non-empty", f"shape {np.shape(array)}")


def check_finite(argument: str, array: Any) -> None:
    """Concrete values must hold no NaN and no infinity; a traced array passes."""
    if not is_concrete(array):
        return
    # In NumPy: under an outer jit even a constant's `jnp.isfinite` is traced. The sum
    # is the cheap question: it is finite only if all are.
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
    """A floating `[h, w, c]` image that is neither empty nor NaN; `[h, w]` gains c = 1.

    Raises:
      ValueError: for an integer image, naming the division that mends it; for another
        rank, an empty axis, or NaN.
    """
    dtype = np.asarray(value).dtype if is_concrete(value) else value.dtype
    fix = ""
    if np.issubdtype(dtype, np.integer):
        fix = f"Divide by {np.iinfo(dtype).max} to bring it into [0, 1]."
    elif np.issubdtype(dtype, np.bool_):
        fix = "Convert it with `.astype(numpy.float32)`."
    image = as_floating(argument, value, fix)
    check_rank(argument, image, "[h, w, c]", "[h, w]")
    check_not_empty(argument, image)
    check_finite(argument, image)
    return image if image.ndim == 3 else image[..., None]


def as_count(argument: str, value: Any, *, least: int = 1) -> int:
    """A whole number, at least `least`."""
    try:
        count = operator.index(value)
    except TypeError:
        raise fail(argument, "a whole number", repr(value)) from None
    if count < least or isinstance(value, bool):
        raise fail(argument, f"at least {least}", repr(value))
    return count


def as_size(argument: str, value: Sequence[int]) -> tuple[int, ...]:
    """Samples along each axis: a tuple of whole numbers, each at least 1."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) == 0:
        raise fail(argument, "a tuple such as (h, w)", repr(value))
    return tuple(as_count(argument, n) for n in value)


def as_positive(argument: str, value: int | float) -> float:
    """A finite python number above zero."""
    if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
        raise fail(argument, "a finite number above 0", repr(value))
    return float(value)


def as_region(
    argument: str, value: Any, ndim: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """`((top, left), (bottom, right))` as fractions, inside [0, 1] and not empty."""
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
    """`value` must be one of `choices`."""
    if value not in choices:
        raise fail(argument, "one of " + ", ".join(map(repr, choices)), repr(value))


def as_fraction(argument: str, value: int | float) -> float:
    """A python number from 0 to 1."""
    if not (isinstance(value, int | float) and 0 <= value <= 1):
        raise fail(argument, "a number from 0 to 1", repr(value))
    return float(value)
