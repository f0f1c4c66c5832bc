"""Merging fields: a new field fitted to the gradients of others."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr import _checks, coords as _coords
from inr._typing import Array, Field, Key
from inr.calculus import gradient
from inr.fields import BoundField
from inr.fitting import FitResult, Term, fit
from inr.fitting.samples import (
    check_features,
    image_affines,
    init_params,
    moved_to_mean,
)
from inr.merging.guidance import Guidance, as_guidance
from inr.merging.images import MERGE_GUIDANCE


def merge_fields(
    key: Key,
    model: nn.Module,
    fields: Sequence[BoundField],
    size: tuple[int, int],
    *,
    guidance: str | Guidance = "strongest",
    num_steps: int = 500,
    learning_rate: float | None = None,
    progress: bool = True,
) -> FitResult:
    """Fits a field whose gradient is made of the gradients of several fields.

    The result is itself a field, to be rendered at any size. Both components of the
    exact gradient are supervised in every channel, at the pixel centers of a grid; the
    mean, which no gradient knows, is set to the mean of the fields' means afterwards
    [Sitzmann et al. 2020, sec. 4.1]. To merge on a grid and exactly, pass renders of
    the fields to `merge`.

    Args:
      key: PRNG key of the initialization.
      model: a Linen module with the fields' features.
      fields: n bound fields of coords (y, x).
      size: `(h, w)`, the points of the grid.
      guidance: as in `merge`; strengths are compared per pixel of the grid.
      num_steps: steps of the fit.
      learning_rate: as in `fit`.
      progress: shows a bar with the loss and the time left.

    Returns:
      A `FitResult`; its history is the mean square of the difference of gradients, per
      pixel of the grid.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: for no field, or a model with another number of features.
    """
    if len(fields) == 0:
        raise _checks.fail("fields", "at least one field", "none")
    size = _checks.as_size("size", size)
    coords = _coords.grid(size).reshape(-1, 2)
    guidance = as_guidance("guidance", guidance, MERGE_GUIDANCE)
    wanted, mean = _guidance_of(tuple(fields), coords, guidance=guidance, size=size)
    check_features(model, len(mean))
    key_init, key_fit = jax.random.split(key)
    pitch = jnp.broadcast_to(_coords.pitch(size), coords.shape)
    term = Term(gradient_residual, (coords, pitch, wanted))
    result = fit(
        key_fit,
        model,
        term,
        params=init_params(key_init, model, (term,), image_affines(size, mean)),
        num_steps=num_steps,
        learning_rate=learning_rate,
        progress=progress,
    )
    return result._replace(params=moved_to_mean(model, result.params, coords, mean))


def gradient_residual(field: BoundField, batch: tuple[Array, Array, Array]) -> Array:
    """Gradient per pixel minus a wanted one; a residual for `Term`.

    Args:
      field: of coords `[n, d]`.
      batch: coords `[n, d]`, the pixel's size `[n, d]`, and the gradient per pixel
        `[n, d, k]`.

    Returns:
      `[n, d, k]`.
    """
    coords, pitch, wanted = batch
    return _per_pixel(field, coords, pitch) - wanted


def _per_pixel(field: Field, coords: Array, pitch: Array) -> Array:
    return gradient(field, coords) * pitch[..., None]


@functools.partial(jax.jit, static_argnames=("guidance", "size"))
def _guidance_of(
    fields: tuple[BoundField, ...],
    coords: Array,
    *,
    guidance: Guidance,
    size: tuple[int, int],
) -> tuple[Array, Array]:
    """Gradient per pixel `[n, 2, k]` to be had, and the mean `[k]`."""
    pitch = jnp.broadcast_to(_coords.pitch(size), coords.shape)
    gradients = jnp.stack([_per_pixel(field, coords, pitch) for field in fields])
    ones = jnp.ones((len(fields), 1, 1, 1, 1), gradients.dtype)
    wanted = guidance(gradients.reshape(len(fields), *size, 2, -1), ones)
    mean = jnp.stack([field(coords).mean(0) for field in fields]).mean(0)
    return wanted.reshape(gradients.shape[1:]), mean
