"""A picture of a surface: seen from the front, lit from above."""

import jax
import jax.numpy as jnp
import numpy as np

from inr._typing import Field
from inr.calculus import gradient
from inr.signals import Mesh, sample_surface

_SAMPLES_A_PIXEL = 12
_LIGHT = np.array([0.5, 0.7, 0.5])  # towards it, in the order (z, y, x)
_COLOR = np.array([0.86, 0.80, 0.72])


def shaded(field: Field, mesh: Mesh, side: int) -> np.ndarray:
    """A square picture of a mesh, y upwards, z towards the viewer.

    Orthographic. Each pixel shows the nearest of many points of the mesh, lit by
    Lambert's law on the field's own gradient there: what is seen are exact normals.

    Args:
      field: coords (z, y, x) to a signed distance, zero on the mesh.
      mesh: the surface.
      side: of the picture, in pixels.

    Returns:
      `[side, side, 3]` in [0, 1], on white.
    """
    cloud, _ = sample_surface(
        jax.random.key(0), mesh, num_points=_SAMPLES_A_PIXEL * side * side
    )
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    middle, scale = (low + high) / 2, 0.92 * side / (high - low)[1:].max()
    z, y, x = np.moveaxis(cloud.points - middle, -1, 0)
    row = np.clip((side / 2 - scale * y).astype(int), 0, side - 1)
    column = np.clip((side / 2 + scale * x).astype(int), 0, side - 1)
    # Of the samples in a pixel the last in order of depth, the nearest, is kept.
    order = np.argsort(z)
    nearest = np.full(side * side, -1)
    nearest[(row * side + column)[order]] = order
    (covered,) = np.nonzero(nearest >= 0)
    points = cloud.points[nearest[covered]].astype(np.float32)
    normals = np.asarray(_normals(field, points))
    light = np.clip(normals @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1)
    picture = np.ones((side * side, 3))
    picture[covered] = (0.18 + 0.82 * light[:, None]) * _COLOR
    return picture.reshape(side, side, 3)


@jax.jit
def _normals(field: Field, points: jax.Array) -> jax.Array:
    slope = gradient(field, points)[..., 0]
    return slope / jnp.linalg.norm(slope, axis=-1, keepdims=True)
