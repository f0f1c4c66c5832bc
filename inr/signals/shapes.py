"""Shapes as signed-distance fields, fitted to meshes or to oriented points."""

import os
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr import _checks
from inr._field_checks import check_features
from inr._sharding import Devices
from inr._typing import Key
from inr.fields import Siren
from inr.fitting import (
    Callback,
    FitResult,
    Optimizer,
    Start,
    check_options,
    default_rates,
    fit,
    init_params,
    resolve_start,
)
from inr.signals.meshes import Mesh, PointCloud
from inr.signals.surface_terms import bounding_cube, shape_terms

# Factor of a family's rate for values, because the loss contains gradients; measured.
_RATE_FACTOR = 1 / 3


def fit_shape(
    key: Key,
    shape: Mesh | PointCloud,
    *,
    model: nn.Module | None = None,
    num_steps: int = 500,
    batch_size: int = 2048,
    optimizer: Optimizer | None = None,
    init: Start | None = None,
    target_loss: float = 0.0,
    sharding: Devices | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fit a signed-distance field to a mesh or to oriented points.

    The field has the shape's units, both in its coords (z, y, x) and in its value, a
    distance that is negative inside. `normalization` maps a cube around the shape to
    [-1, 1]; the field is fitted in that cube, and `extract_mesh` searches there. Holes
    of a mesh are closed.

    Args:
      key: PRNG key of the samples, the initialization and the batches.
      shape: a `Mesh` or a `PointCloud`, such as `read_mesh` returns.
      model: a Linen module with one feature. By default a `Siren` of width 128. The
        shape is normalized for families of this library only; another model gets the
        shape's own units.
      num_steps: number of optimization steps.
      batch_size: rows in every step. Each of the four terms draws as
        many points.
      optimizer: optax optimizer, or peak learning rate of the default one: a number, or
        a mapping from layer names to numbers. By default a third of the model's rate.
      init: parameters to start from, with their normalization. As for `fit`.
      target_loss: loss at which the fit stops.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. As for `fit`.
      checkpoint: folder of checkpoints, from which an interrupted fit resumes. As for
        `fit`.
      progress: show a progress bar with the remaining time.
      callback: function of the step, the loss and the field, called a few times per
        second.

    Returns:
      A `FitResult`. Its history is relative to the shape's size, without a unit.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: as for `shape_terms`, and for a model with more than one feature.
    """
    model, init = resolve_start(model, init)
    model = Siren(features=1, width=128) if model is None else model
    options: dict[str, Any] = {
        "num_steps": num_steps,
        "optimizer": optimizer,
        "init": init,
        "target_loss": target_loss,
        "sharding": sharding,
        "checkpoint": checkpoint,
        "progress": progress,
        "callback": callback,
    }
    check_options(model, **options)
    check_features(model, 1)
    key_terms, key_init, key_fit = jax.random.split(_checks.as_key("key", key), 3)
    terms = shape_terms(key_terms, shape, batch_size=batch_size)
    if init is None:
        middle, half = bounding_cube(shape)
        normalization = {
            "coords_scale": jnp.full((3,), 1 / half, jnp.float32),
            "coords_shift": jnp.asarray(-middle / half, jnp.float32),
            "features_scale": jnp.full((1,), half, jnp.float32),
        }
        options["init"] = init_params(key_init, model, terms, normalization)
    if optimizer is None:
        options["optimizer"] = default_rates(model, 3, factor=_RATE_FACTOR)
    return fit(key_fit, model, terms, **options)
