"""Closed surfaces for tests: a sphere neither centered nor of unit size, and a box."""

import jax.numpy as jnp
import numpy as np

from inr.signals import Mesh, PointCloud

CENTER, RADIUS = np.array([30.0, -10.0, 5.0]), 4.0
BOX = CENTER - 5.0, CENTER + 5.0


def sphere_distance(coords):
    """Signed distance to the sphere, coords (z, y, x)."""
    away = coords - jnp.broadcast_to(jnp.asarray(CENTER, coords.dtype), coords.shape)
    return jnp.linalg.norm(away, axis=-1, keepdims=True) - RADIUS


def sphere_points(n, seed=0):
    """Random points of the sphere with their normals."""
    normals = np.random.default_rng(seed).normal(size=(n, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return PointCloud(CENTER + RADIUS * normals, normals)


def box_mesh(sides=(1.0, 2.0, 3.0)):
    """A box from the origin to `sides` (z, y, x), with outward faces."""
    corners = np.array([[z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)])
    quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3]]
    quads += [[0, 4, 6, 2], [1, 3, 7, 5]]
    faces = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return Mesh(corners * np.array(sides), np.array(faces))


def volume_of(mesh):
    """Signed volume, by tetrahedra from the origin, on axes (x, y, z)."""
    a, b, c = np.moveaxis(mesh.vertices[:, ::-1][mesh.faces], 1, 0)
    return float((a * np.cross(b, c)).sum() / 6)


def is_closed(mesh):
    """Whether every directed edge occurs once, and so does its opposite."""
    edges = mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).tolist()
    edge_set = {tuple(e) for e in edges}
    return len(edge_set) == len(edges) and all((b, a) in edge_set for a, b in edge_set)
