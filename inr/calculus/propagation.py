"""Forward-mode derivatives along all axes, and checks of fields and coords."""

import math
from collections.abc import Callable
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
from jax import lax

from inr import _checks
from inr._field_checks import check_field
from inr._memory import split_into_blocks
from inr._typing import Array, ArrayLike, Field
from inr.fields import BoundField, FieldModule

# At width 256 a stream of a block then has 1 MB: a quarter faster than 4096 points.
_POINTS_ON_CPU = 1024


def first_derivatives(field: Field, coords: Array) -> Array:
    """First derivatives along each axis, `[d, ..., k]`."""
    axes = jnp.eye(coords.shape[-1], dtype=coords.dtype)
    return jax.vmap(lambda axis: _slope(field, axis)(coords))(axes)


def second_derivatives(
    field: Field, coords: Array, *, unit: ArrayLike | None = None
) -> tuple[Array, Array]:
    """First and second derivatives along each axis, `[d, ..., k]` each."""

    def along(axis: Array) -> tuple[Array, Array]:
        tangent = jnp.broadcast_to(axis, coords.shape)
        return jax.jvp(_slope(field, axis), (coords,), (tangent,))

    axes = jnp.eye(coords.shape[-1], dtype=coords.dtype)
    if unit is not None:
        axes = axes * jnp.asarray(unit, coords.dtype)[None]
    return jax.vmap(along)(axes)


def _slope(field: Field, axis: Array) -> Field:
    """The directional derivative of a field, as a field."""

    def slope(coords: Array) -> Array:
        return jax.jvp(field, (coords,), (jnp.broadcast_to(axis, coords.shape),))[1]

    return slope


def map_blocks(function: Callable[[Array], Any], coords: Array) -> Any:
    """Apply a function of single points to blocks of many points.

    On a CPU the streams of all layers of a block stay in its cache.
    """
    *lead, d = coords.shape
    n = math.prod(lead)
    if n <= 2 * _POINTS_ON_CPU or jax.default_backend() != "cpu":
        return function(coords)
    blocks, _ = split_into_blocks(coords.reshape(n, d), _POINTS_ON_CPU)
    return jax.tree.map(
        lambda x: x.reshape(-1, *x.shape[2:])[:n].reshape(*lead, *x.shape[2:]),
        lax.map(function, blocks),
    )


def has_streams(field: Field) -> TypeGuard[BoundField]:
    """Whether a field is a bound model of a field family, which propagates streams."""
    return isinstance(field, BoundField) and isinstance(field.model, FieldModule)


def as_coords(field: Field, coords: ArrayLike) -> Array:
    """Return coords as a floating array, and check that the field accepts them."""
    check_field(field)
    coords = _checks.as_floating("coords", coords)
    _checks.check_not_empty("coords", coords)
    if coords.ndim == 0:
        raise _checks.fail("coords", "[..., d]", "a number")
    features = jax.eval_shape(field, coords)
    shape = getattr(features, "shape", None)
    if shape is None or shape[:-1] != coords.shape[:-1]:
        got = type(features).__name__ if shape is None else shape
        got = f"{got} from {coords.shape}"
        raise _checks.fail("field", "a map from [..., d] to [..., k]", got)
    return coords


def as_smooth_coords(field: Field, coords: ArrayLike) -> Array:
    """Check also that the field has second derivatives, which its family decides."""
    coords = as_coords(field, coords)
    if has_streams(field):
        jax.eval_shape(field.streams, coords)
    return coords
