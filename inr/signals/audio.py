"""Sound as a field: time to the amplitude of each channel [Sitzmann et al. 2020, 4].

Time spans [-1, 1] from the clip's beginning to its end, and sample i of n is at its
center, (2i + 1) / n - 1. `render(field, (n,))` therefore returns the samples, and
another n resamples the sound.
"""

import os
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from inr import _checks, _conversions
from inr._sharding import Devices
from inr._typing import Array, ArrayLike, Key
from inr.fields import Siren, suggest_omega
from inr.fitting import (
    Callback,
    FitResult,
    Optimizer,
    Start,
    check_options,
    default_rates,
    fit_grid,
    resolve_start,
)

# Adjacent samples are then 8 roundings of float32 apart.
_MAX_SAMPLES = 2**22

# Factors of a family's rate for images, because batches are small; and of a SIREN's:
# at an eighth a SIREN forgot 12 seconds of speech within 20,000 steps. The phase, in
# radians, is how far a step may shift a sine of the first layer at the clip's ends. All
# measured.
_RATE_FACTOR, _SINE_FACTOR = 1 / 4, 1 / 20
_PHASE = 0.3


def fit_audio(
    key: Key,
    samples: Float[ArrayLike, "n *channels"],
    *,
    model: nn.Module | None = None,
    num_steps: int = 2000,
    batch_size: int = 2048,
    optimizer: Optimizer | None = None,
    init: Start | None = None,
    target_loss: float = 0.0,
    sharding: Devices | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fit a field to sound.

    Errors are relative to the clip's peak, whatever its loudness; the field's features
    are scaled by the clip's standard deviation. A `HashGrid` whose finest level has one
    cell per sample fits faster than a SIREN.

    Args:
      key: PRNG key of the initialization and of the batches.
      samples: `[n, channels]` or `[n]`, floating, at most 2^22: a minute and a half at
        44.1 kHz. Fit a longer clip in pieces.
      model: a Linen module with `features` equal to the number of channels. By default
        a `Siren` of width 128 with `omega=2 * suggest_omega(samples)`.
      num_steps: number of optimization steps.
      batch_size: rows in every step. A row is a sample.
      optimizer: optax optimizer, or peak learning rate of the default one: a number, or
        a mapping from layer names to numbers. By default a quarter of the model's
        rate; for a SIREN a twentieth, and less for a first layer of high frequencies.
      init: parameters to start from, with their normalization. As for `fit`.
      target_loss: loss at which the fit stops. It is the loss of a batch.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. As for `fit`.
      checkpoint: folder of checkpoints, from which an interrupted fit resumes. As for
        `fit`.
      progress: show a progress bar with the remaining time.
      callback: function of the step, the loss and the field, called a few times per
        second.

    Returns:
      A `FitResult`. Its history is the mean squared error of each batch, for a peak
      amplitude of 1.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: for samples that are empty, integer, not finite or too many, or a
        model with another number of features.
    """
    model, init = resolve_start(model, init)
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
    values = jnp.asarray(_conversions.as_samples("samples", samples))
    if len(values) > _MAX_SAMPLES:
        expected = f"at most {_MAX_SAMPLES}, which float32 coords can distinguish"
        raise _checks.fail("samples", expected, len(values), "Fit it in pieces.")
    if model is None:
        omega = 2 * suggest_omega(values)
        model = Siren(features=values.shape[-1], width=128, omega=omega)
    if optimizer is None:
        options["optimizer"] = _scaled_rates(model)
    peak = jnp.abs(values).max()
    return fit_grid(
        key,
        model,
        values,
        batch_size=batch_size,
        weight=1 / jnp.where(peak > 0, peak, 1) ** 2,
        normalization=_normalize_by_deviation(values),
        **options,
    )


def _normalize_by_deviation(values: Array) -> dict[str, Array]:
    """Scale features by the standard deviation of the samples.

    Peaks are rare, and 6 to 12 deviations high. Scaled by them, the target would be
    small compared to the change of the field in one step.
    """
    deviation = values.std(0)
    scale = jnp.where(deviation > 0, deviation, 1)
    return {"features_scale": scale, "features_shift": values.mean(0)}


def _scaled_rates(model: nn.Module) -> dict[str, float]:
    """Return the peak rate of every layer."""
    rates = default_rates(model, 1)
    if "sine_0" not in rates:
        return {name: _RATE_FACTOR * rate for name, rate in rates.items()}
    rates = {name: _SINE_FACTOR * rate for name, rate in rates.items()}
    omega = getattr(model, "omega", 1.0)
    return {**rates, "sine_0": min(rates["sine_0"], _PHASE / omega)}
