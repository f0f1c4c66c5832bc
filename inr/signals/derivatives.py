"""Fits of images from their derivatives: gradient, or Laplacian and border."""

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Float

from inr import _checks, coords as _coords, poisson
from inr._field_checks import check_features
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
    fit,
    image_normalization,
    init_params,
    resolve_start,
    shift_to_mean,
)
from inr.signals.derivative_terms import gradient_term, laplacian_terms

# Factors of a family's rate for values, for all layers and for a SIREN's first layer:
# at the full rate fits of derivatives diverge. Measured for the gradient; for the
# Laplacian between a rate that diverges and one that is slow.
_GRADIENT_FACTORS, _LAPLACIAN_FACTORS = (0.7, 0.2), (0.1, 0.1)


def fit_gradient(
    key: Key,
    guidance: Float[ArrayLike, "h w 2 c"],
    *,
    model: nn.Module | None = None,
    mean: ArrayLike = 0.5,
    between: float = 0.2,
    num_steps: int = 500,
    optimizer: Optimizer | None = None,
    init: Start | None = None,
    target_loss: float = 0.0,
    sharding: Devices | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fit a field of an image to the image's gradient alone [Sitzmann et al. 2020].

    Section 4.1, but without a factor on the gradient, and with separate channels.

    Args:
      key: PRNG key of the initialization.
      guidance: forward differences per pixel, from `inr.poisson.grid_gradient`; the
        edges that leave the image are not read.
      model: a Linen module with `features` equal to c. By default a `Siren` with the
        `suggest_omega` of the integrated image.
      mean: mean of the image, which the gradient does not determine: a number or `[c]`.
        It is set exactly after the fit.
      between: share of the steps with shifted edges; see `gradient_term`.
      num_steps: number of optimization steps. Each uses all edges.
      optimizer: optax optimizer, or peak learning rate of the default one: a number, or
        a mapping from layer names to numbers. By default 0.7 of the model's rate, and
        0.2 for the first layer of a SIREN.
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
      A `FitResult`. Its history is the mean square of the image that the errors of the
      slopes add up to.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: as for `gradient_term`, for a mean that is not finite, and for a model
        with another number of features.
    """
    model, init = resolve_start(model, init)
    key = _checks.as_key("key", key)
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
    terms = (gradient_term(guidance, between=between),)
    h, w, _, features = np.shape(guidance)
    mean = _checks.as_real("mean", mean).astype(jnp.float32)
    if mean.shape not in ((), (features,)):
        raise _checks.fail("mean", f"a number or [{features}]", f"shape {mean.shape}")
    mean = jnp.broadcast_to(mean, (features,))
    if model is None:
        model = _siren_for(poisson.integrate(jnp.asarray(guidance)))
    check_features(model, features)
    key_init, key_fit = jax.random.split(key)
    if init is None:
        normalization = image_normalization((h, w), mean)
        options["init"] = init_params(key_init, model, terms, normalization)
    options["optimizer"] = _scaled_rates(model, optimizer, *_GRADIENT_FACTORS)
    result = fit(
        key_fit,
        model,
        terms,
        **options,
    )
    pixels = _coords.grid((h, w)).reshape(-1, 2)
    return result._replace(field=shift_to_mean(result.field, pixels, mean))


def fit_laplacian(
    key: Key,
    laplacian: Float[ArrayLike, "h w c"],
    border: Float[ArrayLike, "h w c"],
    *,
    model: nn.Module | None = None,
    between: float = 0.2,
    num_steps: int = 500,
    optimizer: Optimizer | None = None,
    init: Start | None = None,
    target_loss: float = 0.0,
    sharding: Devices | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fit a field of an image to its Laplacian and the values along its border.

    The Laplacian alone determines an image up to a harmonic function. Together with the
    border it is a Dirichlet problem.

    Args:
      key: PRNG key of the initialization.
      laplacian: Laplacian per pixel, from `inr.poisson.grid_laplacian`.
      border: an image, of which only the outermost pixels are read.
      model: a Linen module with `features` equal to c. By default a `Siren` with the
        `suggest_omega` of the Poisson problem's solution.
      between: share of the steps with shifted pixels; see `gradient_term`.
      num_steps: number of optimization steps. Each uses all pixels.
      optimizer: optax optimizer, or peak learning rate of the default one: a number, or
        a mapping from layer names to numbers. By default a tenth of the model's rate.
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
      A `FitResult`.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: as for `laplacian_terms`, and for a model with another number of
        features.
    """
    model, init = resolve_start(model, init)
    key = _checks.as_key("key", key)
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
    terms = laplacian_terms(laplacian, border, between=between)
    h, w, features = np.shape(laplacian)
    _, values = terms[1].data
    if model is None:
        inner = jnp.asarray(laplacian)[1:-1, 1:-1]
        model = _siren_for(poisson.solve(inner, boundary="dirichlet"))
    check_features(model, features)
    key_init, key_fit = jax.random.split(key)
    if init is None:
        normalization = image_normalization((h, w), values.mean(0))
        options["init"] = init_params(key_init, model, terms, normalization)
    options["optimizer"] = _scaled_rates(model, optimizer, *_LAPLACIAN_FACTORS)
    return fit(
        key_fit,
        model,
        terms,
        **options,
    )


def _siren_for(image: Array) -> Siren:
    return Siren(features=image.shape[-1], omega=suggest_omega(image))


def _scaled_rates(
    model: nn.Module, optimizer: Optimizer | None, factor: float, first_factor: float
) -> Optimizer:
    """Return the user's optimizer, or the scaled default rates of the model."""
    if optimizer is not None:
        return optimizer
    return {
        name: (first_factor if name == "sine_0" else factor) * rate
        for name, rate in default_rates(model, 2).items()
    }
