"""A picture of a surface from the front, lit from above."""

import jax
import jax.numpy as jnp
import numpy as np

from inr._typing import Array, Field, Key
from inr.calculus import gradient
from inr.signals import Mesh, sample_surface

_ROUNDS, _SAMPLES_A_PIXEL = 16, 20  # several rounds bound the memory
_FILL = 0.92  # share of the picture that the mesh spans
_LIGHT = np.array([0.5, 0.7, 0.5])  # direction of the light, (z, y, x)
_COLOR = np.array([0.90, 0.84, 0.76])


def shaded(field: Field, mesh: Mesh, side: int) -> np.ndarray:
    """A square picture of a mesh, y upward and z toward the viewer.

    The projection is orthographic. Each pixel shows the nearest of many points of the
    mesh under half-Lambert shading, with the field's exact gradient as normal.

    Args:
      field: coords (z, y, x) to a signed distance, zero on the mesh.
      mesh: the surface.
      side: side of the picture, in pixels.

    Returns:
      `[side, side, 3]` in [0, 1], on white.
    """
    nearest = np.full((side * side, 3), -np.inf)
    for i in range(_ROUNDS):
        _add_samples(jax.random.key(i), nearest, mesh, side)
    covered = np.isfinite(nearest[:, 0])
    normals = np.asarray(_gradient(field, nearest[covered].astype(np.float32)))
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    cosine = normals @ (_LIGHT / np.linalg.norm(_LIGHT))
    picture = np.ones((side * side, 3))
    picture[covered] = (0.1 + 0.9 * ((1 + cosine[:, None]) / 2) ** 2) * _COLOR
    return picture.reshape(side, side, 3)


def _add_samples(key: Key, nearest: np.ndarray, mesh: Mesh, side: int) -> None:
    """Update `nearest` `[pixels, 3]` with samples that are nearer to the viewer."""
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    count = -(-_SAMPLES_A_PIXEL * side * side // _ROUNDS)
    rows, _ = sample_surface(key, mesh, num_points=count)
    points, normals = map(np.asarray, rows)
    points = points[normals[:, 0] > 0]
    scale = _FILL * side / (high - low)[1:].max()
    y, x = scale * np.moveaxis(points - (low + high) / 2, -1, 0)[1:]
    row = np.clip((side / 2 - y).astype(int), 0, side - 1)
    pixel = row * side + np.clip((side / 2 + x).astype(int), 0, side - 1)
    # In order of depth, because the last write to a pixel wins.
    order = np.argsort(points[:, 0])
    candidates = np.full_like(nearest, -np.inf)
    candidates[pixel[order]] = points[order]
    nearer = candidates[:, 0] > nearest[:, 0]
    nearest[nearer] = candidates[nearer]


@jax.jit
def _gradient(field: Field, points: Array) -> Array:
    return jnp.squeeze(gradient(field, points), -1)
