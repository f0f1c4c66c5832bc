"""Rough signed distances from oriented samples of a surface, in the cube [-1, 1].

A sample is a point with its outward unit normal and the area that it represents.
"""

import jax
import jax.numpy as jnp
from jax import lax

from inr._typing import Array

_BLOCK = 128
_NEIGHBORS = 16


@jax.jit
def signed_distances(
    coords: Array, points: Array, normals: Array, areas: Array
) -> tuple[Array, Array]:
    """Return the signed distance to the nearest sample, and the winding number.

    The winding number of a surface around x is its solid angle at x, divided by 4 pi: 1
    inside and 0 outside. Samples represent their areas [Barill et al. 2018], and a hole
    reduces the winding number by its own solid angle only.

    Args:
      coords: `[q, 3]`, q a multiple of 128.
      points: `[m, 3]`.
      normals: `[m, 3]`.
      areas: `[m]`.

    Returns:
      Distances `[q]`, negative where the winding number is above a half, and winding
      numbers `[q]`.
    """

    def block(x: Array) -> tuple[Array, Array]:
        square = _squares(x, points)
        flux = (points * normals).sum(-1)[None] - _dot(x, normals)
        # A sample that is closer than its own size is not a point.
        inverse = lax.rsqrt(jnp.maximum(square, areas[None]))
        winding = (areas[None] * flux * inverse**3).sum(-1) / (4 * jnp.pi)
        distance = jnp.sqrt(square.min(-1))
        return jnp.where(winding > 0.5, -distance, distance), winding

    blocks = lax.map(block, coords.reshape(-1, _BLOCK, coords.shape[-1]))
    return jax.tree.map(lambda x: x.reshape(-1), blocks)


@jax.jit
def areas_of(points: Array, normals: Array) -> Array:
    """Return the area that each sample represents: pi r^2 / k for k neighbors within r.

    Samples on the other side of a thin sheet have opposite normals, and are left out.

    Args:
      points: `[m, 3]`.
      normals: `[m, 3]`.

    Returns:
      `[m]`; 0 for a sample without neighbors.
    """
    k = min(_NEIGHBORS, len(points) - 1)

    def area_of(sample: tuple[Array, Array]) -> Array:
        x, n = sample
        square = _squares(x[None], points)[0]
        square = jnp.where(normals @ n > 0, square, jnp.inf)
        nearest = -lax.top_k(-square, k + 1)[0]
        # The first is the sample itself; fewer than k others may have such a normal.
        is_neighbor = jnp.isfinite(nearest)
        farthest = jnp.where(is_neighbor, nearest, 0.0).max()
        return jnp.pi * farthest / jnp.maximum(is_neighbor.sum() - 1, 1)

    return lax.map(area_of, (points, normals), batch_size=_BLOCK)


def _squares(x: Array, points: Array) -> Array:
    """Return squared distances `[q, m]`, by a matrix product.

    In [-1, 1] its error is 1e-6, which matters for distances below about 1e-3 only.
    """
    square = (x * x).sum(-1)[:, None] + (points * points).sum(-1)[None]
    return jnp.maximum(square - 2 * _dot(x, points), 0.0)


def _dot(x: Array, y: Array) -> Array:
    return jnp.dot(x, y.T, precision="highest")
