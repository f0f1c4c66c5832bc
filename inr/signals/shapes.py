"""Shapes as signed-distance fields, fitted to meshes or to oriented points.

Notation. f is negative inside. On the surface f = 0 and its gradient is the outward
normal n; everywhere the gradient has length 1 (the eikonal equation); f is the distance
to the surface with the sign of the winding number's answer to "inside or out".

The first three are the terms of Sitzmann et al. (2020, sec. 4.2). Their fourth, which
pushes |f| off zero away from the surface, does not say on which side a point lies:
after a thousand steps there are surfaces where there should be none. Rough distances at
16,384 points, made once from samples of the surface, say it from the first step.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from inr import _checks
from inr._typing import Array, Field, Key, Params
from inr.calculus import gradient
from inr.fields import check_module
from inr.fitting import FitResult, Term, fit
from inr.fitting.samples import init_params
from inr.fitting.terms import value_residual
from inr.fitting.verbs import Callback, rate_of
from inr.signals.distances import areas_of, signed_distances
from inr.signals.meshes import Mesh, PointCloud, check_cloud, check_mesh, sample_surface

# The shape takes this part of the cube that is fitted, the rest is margin.
_FILL = 0.9

_SURFACE_POINTS = 2**17
_VOLUME_POINTS = 2**14
_ANCHORS = 2**15

# Weights of surface, normal, eikonal and distance, in units of half the cube; and the
# part of a family's rate for values that a loss on gradients bears. Both measured.
_WEIGHTS = (100.0, 1.0, 0.1, 10.0)
_RATE_FACTOR = 1 / 3


def fit_shape(
    key: Key,
    model: nn.Module,
    shape: Mesh | PointCloud,
    *,
    num_steps: int = 500,
    batch_size: int = 2048,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: float | None = None,
    params: Params | None = None,
    target_loss: float = 0.0,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fits a signed-distance field to a mesh or to oriented points.

    The field speaks the shape's units, both in its coords (z, y, x) and in its value, a
    distance that is negative inside. `normalization` brings a cube around the shape to
    [-1, 1]; the field is fitted in that cube, and `extract_mesh` looks there. Holes of
    a mesh are closed.

    Args:
      key: PRNG key of the samples, the initialization and the batches.
      model: a Linen module with one feature. For a family of this library only is the
        shape normalized; another model must do with the shape's own units.
      shape: `Mesh` or `PointCloud`, such as `read_mesh` returns.
      num_steps: steps in all.
      batch_size: points drawn in every step for each of the four terms.
      optimizer: as for `fit`.
      learning_rate: peak rate of the default optimizer; by default a third of the
        family's.
      params: as for `fit`.
      target_loss: as for `fit`.
      checkpoint: as for `fit`.
      progress: as for `fit`.
      callback: as for `fit`.

    Returns:
      A `FitResult`; its history has no unit: it is relative to the shape's size.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: as `shape_terms`, and for a model with more than one feature.
    """
    check_module(model)
    features = getattr(model, "features", 1)
    if features != 1:
        raise _checks.fail("model", "one with features=1", f"features={features}")
    key_terms, key_init, key_fit = jax.random.split(key, 3)
    terms = shape_terms(key_terms, shape, batch_size=batch_size)
    if params is None:
        middle, half = _cube(shape)
        affines = {
            "coords_scale": jnp.full((3,), 1 / half, jnp.float32),
            "coords_shift": jnp.asarray(-middle / half, jnp.float32),
            "features_scale": jnp.full((1,), half, jnp.float32),
        }
        params = init_params(key_init, model, terms, affines)
    if optimizer is None and learning_rate is None:
        learning_rate = _RATE_FACTOR * rate_of(model, None, None)
    return fit(
        key_fit,
        model,
        terms,
        num_steps=num_steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        params=params,
        target_loss=target_loss,
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
    )


def shape_terms(
    key: Key, shape: Mesh | PointCloud, *, batch_size: int = 2048
) -> tuple[Term, ...]:
    """The four terms of `fit_shape`: surface, normal, eikonal and distance.

    Args:
      key: PRNG key of the samples.
      shape: `Mesh` or `PointCloud`.
      batch_size: points drawn in every step for each term.

    Returns:
      Terms, for `fit`; their residuals vanish for the signed distance to a smooth
      surface, the last one's up to the error of its rough distances.

    Raises:
      ValueError: for a shape that is not well formed, that has no area or no extent,
        whose normals point inwards or do not agree on an inside, or that is too far
        from the origin for float32.
    """
    middle, half = _cube(shape)
    key_surface, key_volume = jax.random.split(key)
    points, normals, anchors = _samples(key_surface, shape, middle, half)
    volume = jax.random.uniform(key_volume, (_VOLUME_POINTS, 3), jnp.float32, -1, 1)
    distance, winding = signed_distances(volume, *anchors)
    _check_inside(np.asarray(winding))

    def in_units(x: Array) -> Array:
        return jnp.float32(middle)[None] + jnp.float32(half) * x

    points, volume = in_units(points), in_units(volume)
    zero = jnp.zeros((len(points), 1), jnp.float32)
    surface, normal, eikonal, off = _WEIGHTS
    return (
        Term(value_residual, (points, zero), surface / half**2, batch_size),
        Term(normal_residual, (points, normals), normal, batch_size),
        Term(eikonal_residual, (volume,), eikonal, batch_size),
        Term(
            value_residual,
            (volume, half * distance[:, None]),
            off / half**2,
            batch_size,
        ),
    )


def normal_residual(field: Field, batch: tuple[Array, Array]) -> Array:
    """Gradient of f minus the surface's normal; a residual for `Term`.

    Args:
      field: of coords `[n, 3]`, with one feature.
      batch: points of the surface `[n, 3]` and their unit normals `[n, 3]`.

    Returns:
      `[n, 3]`.
    """
    points, normals = batch
    return gradient(field, points)[..., 0] - normals


def eikonal_residual(field: Field, batch: tuple[Array]) -> Array:
    """Length of the gradient of f, minus 1; a residual for `Term`.

    Args:
      field: of coords `[n, d]`, with one feature.
      batch: a tuple of the coords `[n, d]` alone.

    Returns:
      `[n]`.
    """
    (coords,) = batch
    square = jnp.square(gradient(field, coords)[..., 0]).sum(-1)
    # The root has no derivative at zero, which a field that starts flat can meet.
    return jnp.sqrt(jnp.maximum(square, 1e-12)) - 1


def _cube(shape: Mesh | PointCloud) -> tuple[np.ndarray, float]:
    """Middle `[3]` and half the side of the cube that is fitted."""
    if isinstance(shape, Mesh):
        vertices, faces = check_mesh(shape)
        points = vertices[np.unique(faces)]
    elif isinstance(shape, PointCloud):
        points = check_cloud(shape).points
    else:
        raise TypeError(
            f"`shape` must be a Mesh or a PointCloud, got {type(shape).__name__}. "
            "Read one with `read_mesh`."
        )
    low, high = points.min(0), points.max(0)
    middle, half = (low + high) / 2, float((high - low).max()) / 2 / _FILL
    if not half > 0:
        raise _checks.fail("shape", "of some extent", "points that coincide")
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
    """Points and normals of the surface in the cube [-1, 1], and anchors among them.

    Anchors, points with normals and areas, are what distances are measured from.
    """
    if isinstance(shape, Mesh):
        cloud, area = sample_surface(key, shape, num_points=_SURFACE_POINTS)
        chosen = np.arange(0, _SURFACE_POINTS, _SURFACE_POINTS // _ANCHORS)
        areas = jnp.full((_ANCHORS,), area / half**2 / _ANCHORS, jnp.float32)
    else:
        cloud, areas = check_cloud(shape), None
        chosen = jax.random.permutation(key, len(cloud.points))[:_ANCHORS]
    points = jnp.asarray((cloud.points - middle) / half, jnp.float32)
    normals = jnp.asarray(cloud.normals, jnp.float32)
    anchors = points[chosen], normals[chosen]
    if areas is None:
        areas = areas_of(*anchors)
    return points, normals, (*anchors, areas)


def _check_inside(winding: np.ndarray) -> None:
    if (winding > 0.5).any():
        return
    if (winding < -0.5).any():
        raise _checks.fail(
            "shape",
            "oriented with normals outwards",
            "one with normals inwards",
            "Reverse `faces[:, ::-1]`, or negate `normals`.",
        )
    raise _checks.fail(
        "shape",
        "a surface around an inside, on which its normals agree",
        f"a winding number of at most {winding.max():.2f} at {winding.size} points",
        "Orient the faces alike (`trimesh.repair.fix_normals`), or close large holes.",
    )
