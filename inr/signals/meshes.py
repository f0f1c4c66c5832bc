"""Surfaces as triangles and as oriented points, and samples of them.

Axes are in the order (z, y, x), which reverses handedness. Cross products are computed
on (x, y, z), so that faces are counter-clockwise in space, as in the file.
"""

from typing import NamedTuple

import jax
import numpy as np

from inr import _checks
from inr._typing import ArrayLike, Key


class Mesh(NamedTuple):
    """A surface of triangles.

    Attributes:
      vertices: `[n, 3]`, in the order (z, y, x).
      faces: `[m, 3]` indices of vertices, counter-clockwise seen from outside.
    """

    vertices: np.ndarray
    faces: np.ndarray

    def __repr__(self) -> str:
        return f"Mesh: {len(self.vertices):,} vertices, {len(self.faces):,} faces"


class PointCloud(NamedTuple):
    """Points of a surface with outward normals.

    Attributes:
      points: `[n, 3]`, in the order (z, y, x).
      normals: `[n, 3]`, in the same order, of any length but zero.
    """

    points: ArrayLike
    normals: ArrayLike

    def __repr__(self) -> str:
        return f"PointCloud: {len(np.asarray(self.points)):,} points"


def sample_surface(
    key: Key, mesh: Mesh, *, num_points: int
) -> tuple[PointCloud, float]:
    """Draw points evenly from a mesh, with the normals of their faces.

    Stratified sampling: each of `num_points` equal parts of the area gets one point, so
    that every k-th point is an even sample too. Faces without area get none.

    Args:
      key: PRNG key.
      mesh: the surface.
      num_points: number of points.

    Returns:
      The points, and the area of the surface.

    Raises:
      ValueError: for a mesh that is not well formed or has no area.
    """
    key, n = _checks.as_key("key", key), _checks.as_count("num_points", num_points)
    vertices, faces = check_mesh(mesh)
    corner, *others = np.moveaxis(vertices[faces], 1, 0)
    sides = [other - corner for other in others]
    normals = np.cross(*(side[:, ::-1] for side in sides))[:, ::-1]
    lengths = np.linalg.norm(normals, axis=1)
    total = lengths.sum()
    if not total > 0:
        raise _checks.fail("mesh", "a surface with an area", "faces of area 0 only")
    place, u, v = np.asarray(jax.random.uniform(key, (3, n)), np.float64)
    shares = np.cumsum(lengths) / total
    face = np.searchsorted(shares, (np.arange(n) + place) / n, side="right")
    face = np.minimum(face, np.flatnonzero(lengths)[-1])
    # A point of the parallelogram beyond the diagonal is reflected into the triangle.
    beyond = u + v > 1
    u, v = np.where(beyond, 1 - u, u), np.where(beyond, 1 - v, v)
    points = corner[face] + u[:, None] * sides[0][face] + v[:, None] * sides[1][face]
    return PointCloud(points, normals[face] / lengths[face, None]), float(total / 2)


def check_mesh(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices as finite float64 `[n, 3]`, and checked faces `[m, 3]`."""
    _checks.check_type("mesh", mesh, Mesh)
    vertices = _checks.as_float64("vertices", mesh.vertices)
    faces = _checks.as_numpy("faces", mesh.faces, "whole numbers")
    if not np.issubdtype(faces.dtype, np.integer):
        raise _checks.fail("faces", "whole numbers", f"dtype {faces.dtype}")
    _check_rows("vertices", vertices)
    _check_rows("faces", faces)
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise _checks.fail(
            "faces",
            f"indices of the {len(vertices)} vertices",
            f"indices from {faces.min()} to {faces.max()}",
        )
    return vertices, faces


def check_cloud(cloud: PointCloud) -> tuple[np.ndarray, np.ndarray]:
    """Return finite float64 points `[n, 3]`, and normals of length 1."""
    points = _checks.as_float64("points", cloud.points)
    normals = _checks.as_float64("normals", cloud.normals)
    _check_rows("points", points)
    _check_rows("normals", normals)
    if points.shape != normals.shape:
        raise _checks.fail(
            "normals", f"{points.shape}, one per point", f"shape {normals.shape}"
        )
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    if not lengths.min() > 0:
        raise _checks.fail("normals", "longer than 0", "a normal of length 0")
    return points, normals / lengths


def _check_rows(argument: str, array: np.ndarray) -> None:
    if array.ndim != 2 or array.shape[1] != 3:
        raise _checks.fail(argument, "[n, 3]", f"shape {array.shape}")
    _checks.check_not_empty(argument, array)
    _checks.check_finite(argument, array)
