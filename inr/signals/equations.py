"""Solutions of equations as fields: the Helmholtz equation and the wave equation."""

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, coords as _coords
from inr._field_checks import check_features
from inr._typing import Array, Key
from inr.fields import Siren
from inr.fitting import (
    Callback,
    FitResult,
    Start,
    Term,
    check_options,
    fit_least_squares,
    init_params,
    resolve_start,
)
from inr.signals.collocation import PlaneData, check_above_zero, values_at
from inr.signals.helmholtz_equation import helmholtz_terms, layer_thickness
from inr.signals.wave_equation import Boundary, wave_scales, wave_terms

_AMPLITUDE = 0.1  # of a Helmholtz solution, about a wavelength from its source
_PROBE = (128, 128)  # grid on which a medium's greatest slowness is measured


def fit_helmholtz(
    key: Key,
    wavenumber: float,
    *,
    model: nn.Module | None = None,
    source: tuple[float, float] = (0.0, 0.0),
    source_width: float | None = None,
    slowness: PlaneData | None = None,
    thickness: float | None = None,
    num_steps: int = 100,
    batch_size: int = 3072,
    init: Start | None = None,
    target_loss: float = 0.0,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Solve the Helmholtz equation for a source in open space, by a field.

    The fit is `fit_least_squares`, for a small model; for a large one pass
    `helmholtz_terms` to `fit`.

    Args:
      key: PRNG key of the initialization and of the batches.
      wavenumber: k per unit of coords, where slowness is 1: the square [-1, 1]^2 is
        k / pi wavelengths wide.
      model: a Linen module with 2 features, the real and the imaginary part. By default
        `helmholtz_model(wavenumber, slowness=slowness)`.
      source: (y, x) of the source, inside the square.
      source_width: standard deviation of the source; by default 1 / k.
      slowness: slowness of the medium, as for `helmholtz_terms`. By default 1.
      thickness: thickness of the absorbing layer; by default a wavelength, at most 1.
      num_steps: number of optimization steps.
      batch_size: rows in every step. They are points of the equation.
      init: parameters to start from, with their normalization. As for `fit`.
      target_loss: loss at which the fit stops.
      checkpoint: folder of checkpoints, from which an interrupted fit resumes. As for
        `fit`.
      progress: show a progress bar with the remaining time.
      callback: function of the step, the loss and the field, called a few times per
        second.

    Returns:
      A `FitResult`. Its history is the equation's mean square, relative to k^2 u.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: as for `helmholtz_terms`, and for a model with other than 2 features.
    """
    model, init = resolve_start(model, init)
    key = _checks.as_key("key", key)
    options: dict[str, Any] = {
        "num_steps": num_steps,
        "init": init,
        "target_loss": target_loss,
        "checkpoint": checkpoint,
        "progress": progress,
        "callback": callback,
    }
    check_options(model, **options)
    terms = helmholtz_terms(
        wavenumber,
        source=source,
        source_width=source_width,
        slowness=slowness,
        thickness=thickness,
        batch_size=batch_size,
    )
    if model is None:
        model = helmholtz_model(wavenumber, slowness=slowness)
    check_features(model, 2)
    half = 1 + layer_thickness(wavenumber, thickness)
    normalization = {
        "coords_scale": jnp.full((2,), 1 / half, jnp.float32),
        "features_scale": jnp.full((2,), _AMPLITUDE, jnp.float32),
    }
    return _solve(key, model, terms, normalization, options)


def fit_wave(
    key: Key,
    initial: PlaneData,
    duration: float,
    *,
    model: nn.Module | None = None,
    velocity: PlaneData | None = None,
    speed: float | PlaneData = 1.0,
    boundary: Boundary = "fixed",
    window_steps: int = 0,
    num_steps: int = 100,
    batch_size: int = 3072,
    init: Start | None = None,
    target_loss: float = 0.0,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Solve the wave equation from an initial state, by a field of (t, y, x).

    The fit is `fit_least_squares`, for a small model; for a large one pass `wave_terms`
    to `fit`.

    Args:
      key: PRNG key of the initialization and of the batches.
      initial: displacement at t = 0: an image `[h, w]` of the square [-1, 1]^2, or a
        function of coords `[n, 2]` in (y, x) to `[n]`.
      duration: duration of the solution; a wave of speed 1 crosses the square in 2.
      model: a Linen module with 1 feature, of coords (t, y, x). By default
        `wave_model(initial, velocity=velocity, speed=speed)`.
      velocity: velocity at t = 0, in the form of `initial`; by default 0.
      speed: wave speed, a number, or data in the form of `initial`.
      boundary: `"fixed"` (reflects) or `"open"` (absorbs most of a wave).
      window_steps: number of steps in which the interval of time grows; see
        `wave_terms`.
      num_steps: number of optimization steps.
      batch_size: rows in every step. They are points of the equation.
      init: parameters to start from, with their normalization. As for `fit`.
      target_loss: loss at which the fit stops.
      checkpoint: folder of checkpoints, from which an interrupted fit resumes. As for
        `fit`.
      progress: show a progress bar with the remaining time.
      callback: function of the step, the loss and the field, called a few times per
        second.

    Returns:
      A `FitResult`. Its history is relative to the amplitude of the initial state.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: as for `wave_terms`, and for a model with other than 1 feature.
    """
    model, init = resolve_start(model, init)
    key = _checks.as_key("key", key)
    options: dict[str, Any] = {
        "num_steps": num_steps,
        "init": init,
        "target_loss": target_loss,
        "checkpoint": checkpoint,
        "progress": progress,
        "callback": callback,
    }
    check_options(model, **options)
    terms = wave_terms(
        initial,
        duration,
        velocity=velocity,
        speed=speed,
        boundary=boundary,
        window_steps=window_steps,
        batch_size=batch_size,
    )
    if model is None:
        model = wave_model(initial, velocity=velocity, speed=speed)
    check_features(model, 1)
    amplitude, _, c = wave_scales(initial, velocity, speed)
    # Time is measured by the distance that a wave travels: frequencies are then equal.
    normalization = {
        "coords_scale": jnp.asarray([c, 1, 1], jnp.float32),
        "coords_shift": jnp.asarray([-c * duration / 2, 0, 0], jnp.float32),
        "features_scale": jnp.full((1,), amplitude, jnp.float32),
    }
    return _solve(key, model, terms, normalization, options)


def helmholtz_model(
    wavenumber: float, *, slowness: PlaneData | None = None, width: int = 32
) -> Siren:
    """Return the default model of `fit_helmholtz`.

    Args:
      wavenumber: k per unit of coords, where slowness is 1.
      slowness: slowness of the medium, as for `helmholtz_terms`. By default 1.
      width: units of every hidden layer.

    Returns:
      A `Siren` whose `omega` fits the shortest wavelength.
    """
    wavenumber = _checks.as_positive("wavenumber", wavenumber)
    greatest = 1.0
    if slowness is not None:
        greatest = _greatest("slowness", slowness)
    # The layer around the square is a wavelength thick: coords are scaled down by it.
    omega = 1.5 * (wavenumber * max(greatest, 1.0) + 2 * np.pi)
    return Siren(features=2, width=width, depth=2, omega=omega)


def wave_model(
    initial: PlaneData,
    *,
    velocity: PlaneData | None = None,
    speed: float | PlaneData = 1.0,
    width: int = 40,
) -> Siren:
    """Return the default model of `fit_wave`.

    Args:
      initial: displacement at t = 0, as for `fit_wave`.
      velocity: velocity at t = 0, as for `fit_wave`.
      speed: wave speed, as for `fit_wave`.
      width: units of every hidden layer.

    Returns:
      A `Siren` whose `omega` fits the wavenumber of the initial state.
    """
    _, wavenumber, _ = wave_scales(initial, velocity, speed)
    return Siren(features=1, width=width, depth=1, omega=4.5 * wavenumber)


def _greatest(argument: str, data: PlaneData) -> float:
    """Return the greatest value of an image, or of a function on a grid."""
    points = np.asarray(_coords.grid(_PROBE)).reshape(-1, 2)
    values = values_at(argument, data, points)
    check_above_zero(argument, values)
    return float(values.max() if callable(data) else np.max(data))


def _solve(
    key: Key,
    model: nn.Module,
    terms: tuple[Term, ...],
    normalization: dict[str, Array],
    options: dict[str, Any],
) -> FitResult:
    """Run `fit_least_squares`, by default from new parameters."""
    key_init, key_fit = jax.random.split(key)
    if options["init"] is None:
        options["init"] = init_params(key_init, model, terms, normalization)
    return fit_least_squares(key_fit, model, terms, **options)
