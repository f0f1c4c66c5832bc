"""Merging of fields: a new field, fitted to the gradients of several others."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr import _checks, coords as _coords
from inr._field_checks import check_features, check_module
from inr._typing import Array, Field, Key, Size
from inr.calculus import gradient
from inr.fields import BoundField
from inr.fitting import (
    FitResult,
    Optimizer,
    Term,
    fit,
    image_normalization,
    init_params,
    shift_to_mean,
)
from inr.merging.guidance import Guidance, apply_guidance, as_guidance
from inr.merging.images import MERGE_GUIDANCE, MergeMode


def merge_fields(
    key: Key,
    model: nn.Module,
    fields: Sequence[BoundField],
    size: Size,
    *,
    guidance: MergeMode | Guidance = "strongest",
    num_steps: int = 500,
    optimizer: Optimizer | None = None,
    progress: bool = True,
) -> FitResult:
    """Fit a field to a guidance computed from the gradients of several fields.

    The result is a field that renders at any size. The loss compares both components of
    the exact gradient in every channel, at the pixel centers of a grid
    [Sitzmann et al. 2020, sec. 4.1]. A gradient does not determine the mean, which is
    set afterwards to the mean of the fields' means. For an exact merge on a grid, pass
    renders of the fields to `merge`.

    Args:
      key: PRNG key of the initialization.
      model: a Linen module with as many features as the fields.
      fields: n bound fields of coords (y, x).
      size: `(h, w)` of the grid.
      guidance: as in `merge`; gradients are per pixel of the grid.
      num_steps: number of optimization steps.
      optimizer: optax optimizer, or peak learning rate of the default one: a number, or
        a mapping from layer names to numbers. As for `fit`.
      progress: show a progress bar with the remaining time.

    Returns:
      A `FitResult`. Its history is the mean squared difference of the gradients, per
      pixel of the grid.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: for no field, a model with another number of features, or a guidance
        whose result has a wrong shape.
    """
    check_module(model)
    _checks.check_sequence("fields", fields, "fields")
    if len(fields) == 0:
        raise _checks.fail("fields", "at least one field", "none")
    for field in fields:
        _checks.check_type("fields", field, BoundField)
    size = _checks.as_size("size", size, 2)
    coords = _coords.grid(size).reshape(-1, 2)
    guidance = as_guidance("guidance", guidance, MERGE_GUIDANCE)
    target, mean = _target_gradient(tuple(fields), coords, guidance=guidance, size=size)
    check_features(model, len(mean))
    key_init, key_fit = jax.random.split(_checks.as_key("key", key))
    pitch = jnp.broadcast_to(_coords.pitch(size), coords.shape)
    term = Term(gradient_residual, (coords, pitch, target))
    result = fit(
        key_fit,
        model,
        term,
        num_steps=num_steps,
        optimizer=optimizer,
        init=init_params(key_init, model, term, image_normalization(size, mean)),
        progress=progress,
    )
    return result._replace(field=shift_to_mean(result.field, coords, mean))


def gradient_residual(field: BoundField, batch: tuple[Array, Array, Array]) -> Array:
    """Gradient of a field minus a target gradient, per pixel; a residual for `Term`.

    Args:
      field: maps coords `[n, d]` to features `[n, k]`.
      batch: coords `[n, d]`, size of a pixel in coords `[n, d]`, and target gradient
        per pixel `[n, d, k]`.

    Returns:
      `[n, d, k]`.
    """
    coords, pitch, target = _checks.as_batch(batch, "coords", "pitch", "target")
    return _gradient_per_pixel(field, coords, pitch) - target


def _gradient_per_pixel(field: Field, coords: Array, pitch: Array) -> Array:
    return gradient(field, coords) * pitch[..., None]


@functools.partial(jax.jit, static_argnames=("guidance", "size"))
def _target_gradient(
    fields: tuple[BoundField, ...],
    coords: Array,
    *,
    guidance: Guidance,
    size: Size,
) -> tuple[Array, Array]:
    """Target gradient per pixel `[n, 2, k]`, and target mean `[k]`."""
    pitch = jnp.broadcast_to(_coords.pitch(size), coords.shape)
    numbers = [jax.eval_shape(field, coords).shape[-1] for field in fields]
    if len(set(numbers)) > 1:
        raise _checks.fail("fields", "of one number of features", numbers)
    gradients = jnp.stack(
        [_gradient_per_pixel(field, coords, pitch) for field in fields]
    )
    on_grid = gradients.reshape(len(fields), *size, 2, -1)
    target = apply_guidance("guidance", guidance, on_grid)
    mean = jnp.stack([field(coords).mean(0) for field in fields]).mean(0)
    return target.reshape(gradients.shape[1:]), mean
