"""The wave equation from an initial state, solved by a field over space and time.

Notation. The displacement u(t, y, x) of a membrane or of air obeys

    u_tt = c^2 (u_yy + u_xx),    u = initial and u_t = velocity at t = 0,

on the square [-1, 1]^2 for 0 <= t <= T, where the wave speed c may differ from place to
place. The edge is fixed, u = 0, and reflects; or open, u_t + c u_n = 0 along the
outward normal n, which lets a wave out that meets it squarely and reflects a part of
one that does not (Engquist and Majda 1977, first order).

What happens early decides what happens later: the times at which the equation is asked
for can grow over the first steps (Sitzmann et al. 2020, section 4.3).
"""

import os
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, coords as _coords
from inr._typing import Array, Field, Key, Params
from inr.calculus import axis_derivatives
from inr.fields import check_module
from inr.fitting import FitResult, Term
from inr.fitting.samples import check_features
from inr.fitting.terms import value_residual
from inr.fitting.verbs import Callback
from inr.signals.collocation import (
    Given,
    edge_points,
    fit_equation,
    spread_points,
    values_at,
)
from inr.signals.images import slope_residual

BOUNDARIES = ("fixed", "open")
_POOL = 2**15  # points of the equation, of which every step draws some
_PROBE = (128, 128)  # where the initial state is looked at

# Weights of the initial state and of the edge beside the equation; not tuned.
_WEIGHTS = (10.0, 10.0)


def fit_wave(
    key: Key,
    model: nn.Module,
    initial: Given,
    *,
    duration: float,
    velocity: Given | None = None,
    speed: float | Given = 1.0,
    boundary: str = "fixed",
    window_steps: int = 0,
    num_steps: int = 100,
    batch_size: int = 3072,
    params: Params | None = None,
    target_loss: float = 0.0,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Solves the wave equation from an initial state, by a field.

    The fit is `fit_least_squares`, for a small model; for a large one give `wave_terms`
    to `fit`.

    Args:
      key: PRNG key of the initialization and the batches.
      model: a Linen module with 1 feature, of coords (t, y, x), such as
        `Siren(width=40, depth=1, omega=4.5 / s)` for a pulse of standard deviation s.
      initial: as for `wave_terms`, and so for `duration`, `velocity`, `speed`,
        `boundary`, `window_steps` and `batch_size`.
      duration: of the solution.
      velocity: at the beginning.
      speed: of the waves.
      boundary: what the edge does.
      window_steps: steps in which the times grow.
      num_steps: as for `fit_least_squares`.
      batch_size: points of the equation drawn in every step.
      params: as for `fit_least_squares`.
      target_loss: as for `fit_least_squares`.
      checkpoint: as for `fit_least_squares`.
      progress: as for `fit_least_squares`.
      callback: as for `fit_least_squares`.

    Returns:
      A `FitResult`; its history is relative to the amplitude of the initial state.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: as `wave_terms`, and for a model with other than 1 feature.
    """
    check_module(model)
    check_features(model, 1)
    terms = wave_terms(
        initial,
        duration=duration,
        velocity=velocity,
        speed=speed,
        boundary=boundary,
        window_steps=window_steps,
        batch_size=batch_size,
    )
    amplitude, _, c = scales_of(initial, velocity, speed)
    # Time counts as the way that a wave goes in it: frequencies are then alike.
    affines = {
        "coords_scale": jnp.asarray([c, 1, 1], jnp.float32),
        "coords_shift": jnp.asarray([-c * duration / 2, 0, 0], jnp.float32),
        "features_scale": jnp.full((1,), amplitude, jnp.float32),
    }
    return fit_equation(
        key,
        model,
        terms,
        affines,
        num_steps=num_steps,
        params=params,
        target_loss=target_loss,
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
    )


def wave_terms(
    initial: Given,
    *,
    duration: float,
    velocity: Given | None = None,
    speed: float | Given = 1.0,
    boundary: str = "fixed",
    window_steps: int = 0,
    batch_size: int = 3072,
) -> tuple[Term, ...]:
    """The wave equation as terms: equation, displacement and velocity at t = 0, edge.

    Args:
      initial: displacement at t = 0: an image `[h, w]` of the square, or a function of
        coords `[n, 2]` in (y, x) to `[n]`.
      duration: T, in the time in which a wave of speed 1 goes half the square's side.
      velocity: u_t at t = 0, given as `initial`; by default the wave starts at rest.
      speed: c, a number, or given as `initial`.
      boundary: `"fixed"` (reflects) or `"open"` (lets waves out, nearly).
      window_steps: steps in which the times at which the equation and the edge are
        asked for grow from a tenth of T to T; by default all of them from the first.
      batch_size: points of the equation drawn in every step; a quarter as many of each
        of the others.

    Returns:
      Terms, for `fit` or `fit_least_squares`.

    Raises:
      ValueError: for a speed that is not positive, an initial state that is zero
        everywhere or not finite, a duration that is not a positive number, and another
        boundary.
    """
    duration = _checks.as_positive("duration", duration)
    _checks.check_choice("boundary", boundary, BOUNDARIES)
    window_steps = _checks.as_count("window_steps", window_steps, least=0)
    batch_size = _checks.as_count("batch_size", batch_size, least=16)
    amplitude, wavenumber, c = scales_of(initial, velocity, speed)

    times, *space = spread_points(_POOL, 3).T
    inside = 2 * np.stack(space, 1) - 1
    equation = _rows(duration * times, inside, _speed_at(speed, inside) ** -2)

    start, at_rest = 2 * spread_points(_POOL // 4, 2) - 1, np.zeros(_POOL // 4)
    moving = at_rest if velocity is None else values_at("velocity", velocity, start)
    displaced = _rows(at_rest, start, values_at("initial", initial, start)[:, None])
    moved = _rows(at_rest, start, _along_time(at_rest + 1, 0 * start), moving[:, None])

    times, along = spread_points(_POOL // 4, 2).T
    border, normal = edge_points(along)
    still = np.zeros((len(border), 1))
    if boundary == "fixed":
        edge, at_edge = value_residual, (still,)
    else:
        direction = _along_time(1 / _speed_at(speed, border), normal)
        edge, at_edge = slope_residual, (direction, still)
    on_edge = _rows(duration * times, border, *at_edge)

    # Slopes are measured per 1 / wavenumber and curvatures per its square, so that
    # every residual is relative to the largest u.
    few, window = batch_size // 4, partial(_Window, window_steps)
    per_value, per_slope = 1 / amplitude**2, (amplitude * wavenumber) ** -2
    per_edge = per_value if boundary == "fixed" else per_slope
    of_start, of_edge = _WEIGHTS
    return (
        Term(wave_residual, window(batch_size, equation), per_slope / wavenumber**2),
        Term(value_residual, displaced, of_start * per_value, few),
        Term(slope_residual, moved, of_start * per_slope / c**2, few),
        Term(edge, window(few, on_edge), of_edge * per_edge),
    )


def wave_residual(field: Field, batch: tuple[Array, Array]) -> Array:
    """u_tt / c^2 minus the Laplacian in space; a residual for `Term`.

    Args:
      field: of coords (t, y, x) `[n, 3]`, with one feature.
      batch: coords `[n, 3]` and 1 / c^2 `[n]`.

    Returns:
      `[n]`.
    """
    coords, slowness = batch
    second = axis_derivatives(field, coords).second[..., 0]
    return slowness * second[..., 0] - second[..., 1:].sum(-1)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("rows",),
    meta_fields=("steps", "batch_size"),
)
@dataclass(frozen=True)
class _Window:
    """Batches from rows in the order of time, of which later steps see more.

    Attributes:
      steps: in which the part that is seen grows from a tenth to all; 0: all at once.
      batch_size: rows drawn, with replacement.
      rows: arrays `[n, ...]`, of which the first holds the coords (t, y, x).
    """

    steps: int
    batch_size: int
    rows: Any

    def __call__(self, key: Key, step: int | Array) -> Any:
        n = len(self.rows[0])
        seen = jnp.clip((step + 1) / max(self.steps, 1), 0.1, 1.0)
        drawn = jax.random.uniform(key, (self.batch_size,), jnp.float32)
        index = jnp.minimum((drawn * seen * n).astype(jnp.int32), n - 1)
        return jax.tree.map(lambda x: x[index], self.rows)


def _rows(times: np.ndarray, space: np.ndarray, *others: np.ndarray) -> Any:
    """Coords (t, y, x) `[n, 3]` and what belongs to them, in the order of time."""
    order = np.argsort(times, kind="stable")
    rows = (_along_time(times, space), *others)
    return tuple(jnp.asarray(x[order], jnp.float32) for x in rows)


def _along_time(times: np.ndarray, space: np.ndarray) -> np.ndarray:
    return np.concatenate([times[:, None], space], 1)


def _speed_at(speed: float | Given, points: np.ndarray) -> np.ndarray:
    if isinstance(speed, int | float):
        return np.full(len(points), _checks.as_positive("speed", speed))
    values = values_at("speed", speed, points)
    if not (values > 0).all():
        raise _checks.fail("speed", "above 0", f"a minimum of {values.min():.3g}")
    return values


def scales_of(
    initial: Given, velocity: Given | None, speed: float | Given
) -> tuple[float, float, float]:
    """Amplitude and wavenumber (rms) of the initial state, and the mean speed."""
    grid = np.asarray(_coords.grid(_PROBE), np.float64)
    points = grid.reshape(-1, 2)
    c = float(_speed_at(speed, points).mean())
    states = [values_at("initial", initial, points)]
    # What moves by v at a wavenumber w reaches v / (c w); w is not known yet.
    if velocity is not None:
        states.append(values_at("velocity", velocity, points) / c)
    square = sum(np.square(x).mean() for x in states)
    if not square > 0:
        raise _checks.fail("initial", "not zero everywhere", "zero, and no velocity")
    slopes = [np.gradient(x.reshape(_PROBE), 2 / _PROBE[0]) for x in states]
    steep = sum(np.square(s).sum(0).mean() for s in slopes)
    # Not less than that of the lowest tone.
    wavenumber = max(np.sqrt(steep / square), np.pi / 2)
    units = (1.0, 1 / wavenumber)
    largest = (np.abs(x).max() * u for x, u in zip(states, units, strict=False))
    return float(max(largest)), float(wavenumber), c
