"""Memory of tiles: how many points a tile may have under a budget."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from inr import _checks
from inr._memory import program_bytes
from inr._sharding import Split
from inr._typing import Field, Size
from inr.rendering.tiles import (
    FAST_POINTS,
    FAST_POINTS_SHARED,
    Antialias,
    Geometry,
    grid_geometry,
    num_features,
    tile,
)

_FEWEST_POINTS = 128


def least_bytes(field: Field, size: Size, *, antialias: Antialias = 1) -> int:
    """Smallest `max_bytes` with which `render` returns an image of a size.

    Args:
      field: as for `render`; its arrays may be `jax.ShapeDtypeStruct`s.
      size: samples along each axis.
      antialias: as for `render`.

    Returns:
      Bytes, including the result.
    """
    features = num_features(field, grid_geometry(size, None), antialias)
    fixed, per_point = _tile_bytes(*_structure(field), len(size), antialias)
    return fixed + per_point * _FEWEST_POINTS + 4 * math.prod(size) * features


def tile_points(
    field: Any,
    geometry: Geometry,
    antialias: Antialias,
    max_bytes: int | None,
    result_bytes: int,
    split: Split | None,
) -> int:
    """Points per tile and device: as many as are fast, halved until they fit.

    `result_bytes` is 0 if the caller provides the memory of the result.
    """
    max_bytes = _checks.as_bytes("max_bytes", max_bytes)
    share_cache = (
        split is not None and split.count > 1 and split.devices[0].platform == "cpu"
    )
    points = FAST_POINTS_SHARED if share_cache else FAST_POINTS
    if max_bytes is None:
        return points
    fixed, per_point = _tile_bytes(*_structure(field), len(geometry.size), antialias)
    fixed += result_bytes
    while points > _FEWEST_POINTS and fixed + per_point * points > max_bytes:
        points //= 2
    least = fixed + per_point * points
    if least > max_bytes:
        raise _checks.fail(
            "max_bytes",
            f"at least {least} for this size",
            max_bytes,
            "Pass a memory map as `out=`, which does not count."
            if result_bytes
            else "",
        )
    return points


def _structure(field: Any) -> tuple[Any, tuple]:
    """Hashable description of a field that determines the memory of a tile."""
    leaves, treedef = jax.tree.flatten(field)
    return treedef, tuple((jnp.shape(x), jnp.result_type(x)) for x in leaves)


@functools.lru_cache(maxsize=64)
def _tile_bytes(
    treedef: Any, shapes: tuple, ndim: int, antialias: Antialias
) -> tuple[int, int]:
    """Memory of two tiles, one of them in computation: fixed bytes, bytes per point."""
    leaves = [jax.ShapeDtypeStruct(*shape) for shape in shapes]
    field = jax.tree.unflatten(treedef, leaves)
    index = jax.ShapeDtypeStruct((ndim,), jnp.int32)
    vector = jax.ShapeDtypeStruct((ndim,), jnp.float32)

    def measure(points: int) -> int:
        lowered = tile.lower(
            field, index, index, vector, vector, points=points, antialias=antialias
        )
        return program_bytes(lowered, outputs=2)

    few, many = measure(_FEWEST_POINTS), measure(2 * _FEWEST_POINTS)
    per_point = max(-(-(many - few) // _FEWEST_POINTS), 1)
    return max(few - per_point * _FEWEST_POINTS, 0), per_point
