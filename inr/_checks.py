"""Argument checks for public functions, and the format of their messages.

A message names the argument in backticks, what it must be, what was given, and what to
do. Checks test shapes, dtypes and static numbers, which exist under `jit` too; they
test values only if the values are concrete.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from inr._suggestions import did_you_mean


def fail(argument: str, expected: str, got: object, fix: str = "") -> ValueError:
    """Error to raise: "`argument` must be EXPECTED, got GOT. FIX"."""
    return ValueError(f"`{argument}` must be {expected}, got {got}. {fix}".rstrip())


def is_concrete(*trees: Any) -> bool:
    """True if no leaf is traced, so that values can be tested."""
    return not any(isinstance(x, Tracer) for x in jax.tree.leaves(trees))


def as_array(argument: str, value: Any, expected: str = "an array") -> jax.Array:
    """Return `value` as an array of numbers or bools."""
    # `jnp.asarray` compiles a program for every shape of a NumPy array.
    convert = jax.device_put if isinstance(value, np.ndarray) else jnp.asarray
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError):
        got = getattr(value, "dtype", type(value).__name__)
        raise fail(argument, expected, got) from None


def as_floating(argument: str, value: Any, fix: str = "") -> jax.Array:
    """Return `value` as a floating array of at least float32; refuse integers."""
    array = as_array(argument, value, "a floating array")
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise fail(argument, "a floating array", f"dtype {array.dtype}", fix)
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def as_real(argument: str, value: Any) -> jax.Array:
    """Return `value` as an array of integers or floats, finite if it is concrete."""
    array = as_array(argument, value, "real numbers")
    if not _is_real(array.dtype):
        raise fail(argument, "real numbers", f"dtype {array.dtype}")
    check_finite(argument, array)
    return array


def as_float64(argument: str, value: Any) -> np.ndarray:
    """Return `value` as a NumPy array of float64; refuse other than real numbers."""
    array = as_numpy(argument, value, "real numbers")
    if not _is_real(array.dtype):
        raise fail(argument, "real numbers", f"dtype {array.dtype}")
    return array.astype(np.float64)


def _is_real(dtype: np.dtype) -> bool:
    """True for integers and floats, also those that NumPy does not know."""
    return any(jnp.issubdtype(dtype, kind) for kind in (jnp.integer, jnp.floating))


def as_numpy(argument: str, value: Any, expected: str) -> np.ndarray:
    """Return `value` as a NumPy array of any dtype; refuse a traced array."""
    check_concrete(argument, value)
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # PyTorch: requires_grad
        raise fail(argument, expected, f"{type(value).__name__} ({error})") from None


def check_concrete(argument: str, tree: Any) -> None:
    """Raise if an array is traced, in a function that runs on the host."""
    if not is_concrete(tree):
        fix = "This function runs on the host: call it outside of JAX transformations."
        raise fail(argument, "a concrete array", "a traced one", fix)


def check_rank(argument: str, array: Any, *layouts: str) -> None:
    """Raise unless the rank is that of one of `layouts`, such as `"[h, w, c]"`."""
    ranks = [layout.count(",") + 1 for layout in layouts]
    if np.ndim(array) not in ranks:
        raise fail(argument, " or ".join(layouts), f"shape {np.shape(array)}")


def check_shape(argument: str, array: Any, shape: tuple[int, ...]) -> None:
    """Raise unless an array has a shape."""
    if np.shape(array) != shape:
        raise fail(argument, f"of shape {shape}", f"shape {np.shape(array)}")


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
        got = f"{bad} NaN or infinite of {np.size(array)} values"
        fix = "Replace them, or give them zero weight after replacing them."
        raise fail(argument, "finite", got, fix)


def check_callable(argument: str, value: Any) -> None:
    """Raise unless `value` can be called."""
    if not callable(value):
        got = type(value).__name__
        raise TypeError(f"`{argument}` must be callable, got {got}.")


def as_pytree(argument: str, function: Any) -> Any:
    """Return a callable as a `jit` argument: plain functions become static."""
    check_callable(argument, function)
    plain = jax.tree_util.all_leaves([function])
    return jax.tree_util.Partial(function) if plain else function


def check_type(argument: str, value: Any, *types: type, fix: str = "") -> None:
    """Raise unless `value` is an instance of one of `types`."""
    if not isinstance(value, types):
        expected = " or ".join(f"a `{t.__name__}`" for t in types)
        got = type(value).__name__
        raise TypeError(f"`{argument}` must be {expected}, got {got}. {fix}".rstrip())


def check_sequence(argument: str, value: Any, items: str) -> None:
    """Raise unless `value` is a list, a tuple, an array or another sequence."""
    if not _is_sequence(value):
        raise fail(argument, f"a sequence of {items}", repr(value))


def _is_sequence(value: Any) -> bool:
    is_sequence = isinstance(value, Sequence | np.ndarray | jax.Array)
    return is_sequence and not isinstance(value, str) and getattr(value, "ndim", 1) > 0


def as_dtype(argument: str, value: Any) -> np.dtype:
    """Return a dtype of NumPy."""
    try:
        return np.dtype(value)
    except TypeError:
        raise fail(argument, "a dtype", repr(value)) from None


def as_batch(batch: Any, *names: str) -> tuple[jax.Array, ...]:
    """Return the arrays of a batch, whose names are for the error."""
    if not isinstance(batch, tuple | list) or len(batch) != len(names):
        count = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        got = f"{type(batch).__name__}{count}"
        raise fail("batch", f"the tuple ({', '.join(names)})", got)
    return tuple(as_array("batch", x) for x in batch)


def as_key(argument: str, value: Any) -> jax.Array:
    """Return one PRNG key, typed or of raw uint32; refuse an int by name."""
    got, seed = type(value).__name__, value if isinstance(value, int) else 0
    if isinstance(value, jax.Array | np.ndarray):
        typed = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
        if value.ndim == 0 and typed and isinstance(value, jax.Array):
            return value
        if value.ndim == 1 and value.dtype == np.uint32:
            return jnp.asarray(value)
        got = f"{value.dtype} of shape {value.shape}"
    raise TypeError(
        f"`{argument}` must be a PRNG key, got {got}. Write `jax.random.key({seed})`."
    )


def check_flag(argument: str, value: Any) -> None:
    """Raise unless `value` is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise fail(argument, "True or False", repr(value))


def check_choice(argument: str, value: object, choices: Sequence[object]) -> None:
    """Raise unless `value` is one of `choices`."""
    try:
        is_choice = value in choices
    except (TypeError, ValueError):  # an array has no truth value
        is_choice = False
    if not is_choice:
        expected = "one of " + ", ".join(map(repr, choices))
        raise fail(argument, expected, repr(value), did_you_mean(value, choices))


def as_count(
    argument: str, value: Any, *, least: int = 1, most: int = 2**31 - 1
) -> int:
    """Return a whole number from `least` to `most`, by default JAX's greatest index."""
    try:
        count = operator.index(value)
    except TypeError:
        raise fail(argument, "a whole number", repr(value)) from None
    if isinstance(value, bool | np.bool_) or not least <= count <= most:
        expected = f"at most {most}" if count > most else f"at least {least}"
        raise fail(argument, expected, repr(value))
    return count


def as_bytes(argument: str, value: Any) -> int | None:
    """Return a number of bytes; None stands for no limit."""
    return None if value is None else as_count(argument, value, most=2**63 - 1)


def as_size(argument: str, value: Any, ndim: int | None = None) -> tuple[int, ...]:
    """Return the numbers of samples along each axis, at least 1, as a tuple.

    There must be `ndim` axes, or any number of them if it is None.
    """
    length = len(value) if _is_sequence(value) else 0
    if length == 0 or length != (ndim or length):
        forms = {None: "a tuple such as (h, w)", 2: "(h, w)"}
        raise fail(argument, forms.get(ndim, f"{ndim} numbers"), repr(value))
    return tuple(as_count(argument, n) for n in value)


def _as_float(value: Any) -> float:
    """A concrete real scalar of Python, NumPy or JAX; NaN for anything else."""
    scalars = int | float | np.number | np.ndarray | jax.Array
    if not isinstance(value, scalars) or isinstance(value, bool | Tracer):
        return math.nan
    array = np.asarray(value)
    return float(array) if array.ndim == 0 and _is_real(array.dtype) else math.nan


def as_number(argument: str, value: Any, *, finite: bool = True) -> float:
    """Return a number other than NaN as a float; by default, a finite one."""
    number = _as_float(value)
    if math.isnan(number) or (finite and math.isinf(number)):
        expected = "a finite number" if finite else "a number other than NaN"
        raise fail(argument, expected, repr(value))
    return number


def as_positive(argument: str, value: Any) -> float:
    """Return a finite number above zero as a float."""
    number = _as_float(value)
    if not 0 < number < math.inf:
        raise fail(argument, "a finite number above 0", repr(value))
    return number


def as_not_negative(argument: str, value: Any) -> float:
    """Return a finite number of at least zero as a float."""
    number = _as_float(value)
    if not 0 <= number < math.inf:
        raise fail(argument, "a finite number of at least 0", repr(value))
    return number


def as_fraction(argument: str, value: Any) -> float:
    """Return a number from 0 to 1 as a float."""
    number = _as_float(value)
    if not 0 <= number <= 1:
        raise fail(argument, "a number from 0 to 1", repr(value))
    return number


def check_scalar(argument: str, value: Any, check: Callable) -> None:
    """Apply one of the checks of numbers above to a number that may be traced."""
    if not (isinstance(value, Tracer) and value.ndim == 0):
        check(argument, value)


def as_region(
    argument: str, value: Any, ndim: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return a region that is not empty; None stands for the complete signal."""
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
