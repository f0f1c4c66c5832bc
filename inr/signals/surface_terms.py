"""Terms for signed-distance fields of meshes and of oriented points.

Notation. f is negative inside. On the surface f = 0 and its gradient is the outward
normal n; everywhere the gradient has length 1 (the eikonal equation); f is the distance
to the surface, with the sign of the winding number.

The first three are the terms of Sitzmann et al. (2020, sec. 4.2). Their fourth, which
pushes |f| away from zero off the surface, does not determine on which side a point
lies: after a thousand steps there are surfaces where there should be none. Rough
distances at 16,384 points, computed once from samples of the surface, determine it from
the first step.
"""

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks
from inr._typing import Array, Field, Key
from inr.calculus import gradient
from inr.fitting import Term, value_residual
from inr.signals.distances import areas_of, signed_distances
from inr.signals.meshes import Mesh, PointCloud, check_cloud, check_mesh, sample_surface

# Part of the fitted cube that the shape fills; the rest is margin.
_FILL = 0.9

_SURFACE_POINTS = 2**17
_VOLUME_POINTS = 2**14
_ANCHORS = 2**15

# Weights of surface, normal, eikonal and distance, in units of half the cube; measured.
_WEIGHTS = (100.0, 1.0, 0.1, 10.0)


def shape_terms(
    key: Key, shape: Mesh | PointCloud, *, batch_size: int = 2048
) -> tuple[Term, ...]:
    """The four terms of `fit_shape`: surface, normal, eikonal and distance.

    Args:
      key: PRNG key of the samples.
      shape: a `Mesh` or a `PointCloud`.
      batch_size: number of points drawn in every step for each term.

    Returns:
      Terms, for `fit`. Their residuals vanish for the signed distance to a smooth
      surface, the last one's up to the error of its rough distances.

    Raises:
      ValueError: for a shape that is not well formed, that has no area or no extent,
        whose normals point inwards or do not agree on an inside, or that is too far
        from the origin for float32.
    """
    batch_size = _checks.as_count("batch_size", batch_size)
    key_surface, key_volume = jax.random.split(_checks.as_key("key", key))
    middle, half = bounding_cube(shape)
    points, normals, anchors = _samples(key_surface, shape, middle, half)
    volume = jax.random.uniform(key_volume, (_VOLUME_POINTS, 3), jnp.float32, -1, 1)
    distance, winding = signed_distances(volume, *anchors)
    _check_inside(np.asarray(winding))

    def in_units(x: Array) -> Array:
        return jnp.float32(middle)[None] + jnp.float32(half) * x

    points, volume = in_units(points), in_units(volume)
    zero = jnp.zeros((len(points), 1), jnp.float32)
    distance = half * distance[:, None]
    surface_weight, normal_weight, eikonal_weight, distance_weight = _WEIGHTS
    return (
        Term(value_residual, (points, zero), surface_weight / half**2, batch_size),
        Term(normal_residual, (points, normals), normal_weight, batch_size),
        Term(eikonal_residual, (volume,), eikonal_weight, batch_size),
        Term(value_residual, (volume, distance), distance_weight / half**2, batch_size),
    )


def normal_residual(field: Field, batch: tuple[Array, Array]) -> Array:
    """Gradient of f minus the surface's normal; a residual for `Term`.

    Args:
      field: function of coords `[n, 3]`, with one feature.
      batch: points of the surface `[n, 3]` and their unit normals `[n, 3]`.

    Returns:
      `[n, 3]`.
    """
    points, normals = _checks.as_batch(batch, "points", "normals")
    return gradient(field, points)[..., 0] - normals


def eikonal_residual(field: Field, batch: tuple[Array]) -> Array:
    """Length of the gradient of f, minus 1; a residual for `Term`.

    Args:
      field: function of coords `[n, d]`, with one feature.
      batch: a tuple of the coords `[n, d]` alone.

    Returns:
      `[n]`.
    """
    (coords,) = _checks.as_batch(batch, "coords")
    square = jnp.square(gradient(field, coords)[..., 0]).sum(-1)
    # The square root has no derivative at zero, the gradient of a constant field.
    return jnp.sqrt(jnp.maximum(square, 1e-12)) - 1


def bounding_cube(shape: Mesh | PointCloud) -> tuple[np.ndarray, float]:
    """Return the middle `[3]` and half the side of the fitted cube."""
    if isinstance(shape, Mesh):
        vertices, faces = check_mesh(shape)
        points = vertices[np.unique(faces)]
    elif isinstance(shape, PointCloud):
        points, _ = check_cloud(shape)
    else:
        raise TypeError(
            f"`shape` must be a Mesh or a PointCloud, got {type(shape).__name__}. "
            "Read one with `read_mesh`."
        )
    low, high = points.min(0), points.max(0)
    middle, half = (low + high) / 2, float((high - low).max()) / 2 / _FILL
    if not half > 0:
        raise _checks.fail("shape", "of non-zero extent", "points that coincide")
    if np.abs(middle).max() > 1000 * half:
        raise _checks.fail(
            "shape",
            "near the origin: float32 coords cannot resolve it",
            f"a middle at {middle} and a size of {2 * _FILL * half:.3g}",
            "Subtract the middle.",
        )
    return middle, half


def _samples(
    key: Key, shape: Mesh | PointCloud, middle: np.ndarray, half: float
) -> tuple[Array, Array, tuple[Array, Array, Array]]:
    """Return points and normals of the surface in the cube [-1, 1], and anchors.

    Anchors are some of the points with their normals and areas. Distances are measured
    from them.
    """
    if isinstance(shape, Mesh):
        cloud, area = sample_surface(key, shape, num_points=_SURFACE_POINTS)
        points, normals = np.asarray(cloud.points), np.asarray(cloud.normals)
        index = np.arange(0, _SURFACE_POINTS, _SURFACE_POINTS // _ANCHORS)
        areas = jnp.full((_ANCHORS,), area / half**2 / _ANCHORS, jnp.float32)
    else:
        points, normals = check_cloud(shape)
        areas = None
        index = jax.random.permutation(key, len(points))[:_ANCHORS]
    points = jnp.asarray((points - middle) / half, jnp.float32)
    normals = jnp.asarray(normals, jnp.float32)
    anchors = points[index], normals[index]
    if areas is None:
        areas = areas_of(*anchors)
    return points, normals, (*anchors, areas)


def _check_inside(winding: np.ndarray) -> None:
    if (winding > 0.5).any():
        return
    if (winding < -0.5).any():
        raise _checks.fail(
            "shape",
            "oriented with outward normals",
            "a surface with inward normals",
            "Reverse `faces[:, ::-1]`, or negate `normals`.",
        )
    raise _checks.fail(
        "shape",
        "a surface around an inside, on which its normals agree",
        f"a winding number of at most {winding.max():.2f} at {winding.size} points",
        "Orient the faces (`trimesh.repair.fix_normals`), or close large holes.",
    )
