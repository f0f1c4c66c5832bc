"""Sound as a field: time to the amplitude of each channel [Sitzmann et al. 2020, 4].

Time spans [-1, 1] from the clip's beginning to its end, sample i of n at its center,
(2i + 1) / n - 1; so `render(field, (n,))` gives the samples back, and another n is
another rate.
"""

import os
from typing import Any

import jax.numpy as jnp
import optax
from flax import linen as nn
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.fields import Siren
from inr.fitting import FitResult
from inr.fitting.grids import fit_grid
from inr.fitting.verbs import Callback, Rates, rate_of, with_first
from inr.io.audio import as_samples

# Neighbors are then 8 roundings of float32 apart.
_MOST_SAMPLES = 2**22

# Part of a family's rate for images, for small batches, and that of a SIREN: at an
# eighth one forgot what it had learned of 12 seconds of speech within 20,000 steps. And
# how far, in radians, a step may move the phase of a first-layer sine at the clip's
# ends. All measured.
_RATE_FACTOR, _SINE_FACTOR = 1 / 4, 1 / 20
_PHASE = 0.3


def fit_audio(
    key: Key,
    model: nn.Module,
    samples: Float[ArrayLike, "n *channels"],
    *,
    num_steps: int = 2000,
    batch_size: int = 2048,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: Rates | None = None,
    params: Params | None = None,
    target_loss: float = 0.0,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fits a field to sound.

    Errors count relative to the clip's peak, however loud it is; the field's features
    are scaled by the clip's deviation. For a SIREN take
    `omega=suggest_omega(samples)`. A `HashGrid` whose finest level has a cell a sample
    holds samples sooner.

    Args:
      key: PRNG key of the initialization and of the batches.
      model: a Linen module with `features` equal to the number of channels.
      samples: `[n, channels]` or `[n]`, floating, at most 2^22: a minute and a half at
        44.1 kHz. Fit a longer clip piece by piece.
      num_steps: steps in all.
      batch_size: samples drawn in every step.
      optimizer: as for `fit`.
      learning_rate: peak rate of the default optimizer; by default a quarter of the
        family's; for a SIREN a twentieth, and less for its first layer, whose
        frequencies are high.
      params: as for `fit`.
      target_loss: stops as soon as the loss of a batch is no greater.
      checkpoint: as for `fit`.
      progress: shows a bar with the loss and the time left.
      callback: as for `fit`.

    Returns:
      A `FitResult`; its history is the mean squared error of each batch, for a peak
      amplitude of 1.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: for samples that are empty, integer, not finite or too many, or a
        model with another number of features.
    """
    values = jnp.asarray(as_samples("samples", samples))
    if len(values) > _MOST_SAMPLES:
        expected = f"at most {_MOST_SAMPLES}, which float32 coords tell apart"
        fix = "Fit it piece by piece."
        raise _checks.fail("samples", expected, len(values), fix)
    if optimizer is None and learning_rate is None:
        learning_rate = _rates(model)
    peak = jnp.abs(values).max()
    return fit_grid(
        key,
        model,
        values,
        num_steps=num_steps,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=learning_rate,
        params=params,
        target_loss=target_loss,
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
        weight=1 / jnp.where(peak > 0, peak, 1) ** 2,
        affines=_about_their_deviation(values),
        describe=lambda loss: f"loss {float(loss):.3g}",
    )


def _about_their_deviation(values: Array) -> dict[str, Array]:
    """Peaks are rare, and far above what sound is mostly: 6 to 12 times.

    Counted by them, what is learned would be small beside what a step may change.
    """
    deviation = values.std(0)
    scale = jnp.where(deviation > 0, deviation, 1)
    return {"features_scale": scale, "features_shift": values.mean(0)}


def _rates(model: nn.Module) -> Any:
    """Peak rates: one number, or for a SIREN one for each layer."""
    rate = rate_of(model, None, None)
    if not isinstance(model, Siren):
        return _RATE_FACTOR * rate
    rate = _SINE_FACTOR * rate
    return with_first(model, rate, min(rate, _PHASE / model.omega))
