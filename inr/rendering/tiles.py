"""One tile: the values of a field at consecutive pixels of a regular grid."""

import functools
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import NamedSharding

from inr import _checks
from inr._typing import Array, Region, Size
from inr.coords import cell_offsets

FAST_POINTS = 8192
"""Points of a tile: activations of width 256 then stay in the cache of a CPU."""

FAST_POINTS_SHARED = 2048
"""Points of each of several CPU devices, which share the cache."""

Antialias = int | Literal["integral"]
"""Samples along each axis of a pixel, or the mean over the pixel in closed form."""


class Geometry(NamedTuple):
    """Positions of the pixels.

    Attributes:
      size: `[d]` int32, pixels along each axis.
      origin: `[d]`, corner of the region in coords.
      pitch: `[d]`, size of a pixel in coords.
    """

    size: np.ndarray
    origin: np.ndarray
    pitch: np.ndarray


def grid_geometry(size: Size, region: Region | None) -> Geometry:
    """Positions of the pixels of a grid that spans a region."""
    start, stop = map(np.asarray, _checks.as_region("region", region, len(size)))
    pitch = 2 * (stop - start) / np.asarray(size)
    origin = (2 * start - 1).astype(np.float32)
    return Geometry(np.asarray(size, np.int32), origin, pitch.astype(np.float32))


def as_antialias(field: Any, antialias: Antialias | None) -> Antialias:
    """Check `antialias`; None is 1 sample."""
    if antialias is None:
        return 1
    if not isinstance(antialias, str):
        return _checks.as_count("antialias", antialias)
    _checks.check_choice("antialias", antialias, ("integral",))
    if not hasattr(field, "cell_mean"):
        raise _checks.fail(
            "antialias", "a whole number for a plain function", repr(antialias)
        )
    return antialias


@functools.partial(jax.jit, static_argnames=("points", "antialias", "sharding"))
def tile(
    field: Any,
    first: Array,
    size: Array,
    origin: Array,
    pitch: Array,
    *,
    points: int,
    antialias: Antialias,
    sharding: NamedSharding | None = None,
) -> Array:
    """Values `[points, k]` at pixels in row-major order, from the index `first` `[d]`.

    Beyond the last pixel the index wraps around; the caller discards those values. The
    points may be split over devices by `sharding`.
    """
    index = []
    remainder = jnp.arange(points, dtype=jnp.int32)
    for axis in reversed(range(len(size))):
        remainder = remainder + first[axis]
        index.append(remainder % size[axis])
        remainder = remainder // size[axis]
    center = jnp.stack(index[::-1], -1).astype(jnp.float32) + 0.5
    coords = origin[None] + pitch[None] * center
    if sharding is not None:
        coords = lax.with_sharding_constraint(coords, sharding)
    if antialias == "integral":
        return field.cell_mean(coords, pitch)
    if antialias == 1:
        return field(coords)
    ndim = len(size)
    offsets = cell_offsets((antialias,) * ndim).reshape(-1, ndim).astype(np.float32)

    def add(total: Array, offset: Array) -> tuple[Array, None]:
        return total + field(coords + (offset * pitch)[None]), None

    initial = field(coords + (offsets[0] * pitch)[None])
    total, _ = lax.scan(add, initial, jnp.asarray(offsets[1:]))
    return total / len(offsets)


def num_features(field: Any, geometry: Geometry, antialias: Antialias) -> int:
    """Number of features k of a field, after a check of its output for one tile."""
    axes, ndim = len(geometry.size), getattr(field, "ndim", None)
    if ndim not in (None, axes):
        raise _checks.fail("size", f"{ndim} numbers for this field", axes)
    one_tile = functools.partial(tile, points=FAST_POINTS, antialias=antialias)
    features = jax.eval_shape(one_tile, field, np.zeros_like(geometry.size), *geometry)
    shape = getattr(features, "shape", None)
    if shape is None or len(shape) != 2 or shape[0] != FAST_POINTS:
        got = type(features).__name__ if shape is None else f"shape {shape}"
        raise _checks.fail(
            "field",
            "a map of coords [n, d] to features [n, k]",
            f"{got} for n = {FAST_POINTS}",
        )
    if jnp.issubdtype(features.dtype, jnp.complexfloating):
        raise _checks.fail(
            "field",
            "a map to real features",
            f"dtype {features.dtype}",
            "Return real and imaginary parts as separate features.",
        )
    return shape[-1]
