"""A picture of a surface: seen from the front, lit from above."""

import jax
import jax.numpy as jnp
import numpy as np

from inr._typing import Array, Field, Key
from inr.calculus import gradient
from inr.signals import Mesh, sample_surface

_ROUNDS, _SAMPLES_A_PIXEL = 16, 20  # in rounds, for the sake of memory
_FILL = 0.92  # of the picture
_LIGHT = np.array([0.5, 0.7, 0.5])  # towards it, in the order (z, y, x)
_COLOR = np.array([0.90, 0.84, 0.76])


def shaded(field: Field, mesh: Mesh, side: int) -> np.ndarray:
    """A square picture of a mesh, y upwards and z towards the viewer.

    Orthographic. Each pixel shows the nearest of many points of the mesh, lit by
    Lambert's law, wrapped halfway round, on the field's own gradient there: what is
    seen are exact normals.

    Args:
      field: coords (z, y, x) to a signed distance, zero on the mesh.
      mesh: the surface.
      side: of the picture, in pixels.

    Returns:
      `[side, side, 3]` in [0, 1], on white.
    """
    nearest = np.full((side * side, 3), -np.inf)
    for i in range(_ROUNDS):
        _add_samples(jax.random.key(i), nearest, mesh, side)
    covered = np.isfinite(nearest[:, 0])
    slope = np.asarray(_gradient(field, nearest[covered].astype(np.float32)))
    normals = slope / np.linalg.norm(slope, axis=1, keepdims=True)
    cosine = normals @ (_LIGHT / np.linalg.norm(_LIGHT))
    picture = np.ones((side * side, 3))
    picture[covered] = (0.1 + 0.9 * ((1 + cosine[:, None]) / 2) ** 2) * _COLOR
    return picture.reshape(side, side, 3)


def _add_samples(key: Key, nearest: np.ndarray, mesh: Mesh, side: int) -> None:
    """Puts samples that are nearer than what is there into `nearest` `[pixels, 3]`."""
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    count = -(-_SAMPLES_A_PIXEL * side * side // _ROUNDS)
    (points, normals), _ = sample_surface(key, mesh, num_points=count)
    points = points[normals[:, 0] > 0]
    scale = _FILL * side / (high - low)[1:].max()
    y, x = scale * np.moveaxis(points - (low + high) / 2, -1, 0)[1:]
    row = np.clip((side / 2 - y).astype(int), 0, side - 1)
    pixel = row * side + np.clip((side / 2 + x).astype(int), 0, side - 1)
    # In order of depth: where a pixel is written to several times, the last one stays.
    order = np.argsort(points[:, 0])
    found = np.full_like(nearest, -np.inf)
    found[pixel[order]] = points[order]
    nearer = found[:, 0] > nearest[:, 0]
    nearest[nearer] = found[nearer]


@jax.jit
def _gradient(field: Field, points: Array) -> Array:
    return jnp.squeeze(gradient(field, points), -1)
