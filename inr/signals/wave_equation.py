"""Terms of the wave equation from an initial state.

Notation. The displacement u(t, y, x) of a membrane or of air obeys

    u_tt = c^2 (u_yy + u_xx),    u = initial and u_t = velocity at t = 0,

on the square [-1, 1]^2 for 0 <= t <= T, where the wave speed c may vary in space. A
fixed edge, u = 0, reflects. An open edge, u_t + c u_n = 0 along the outward normal n,
absorbs waves at normal incidence and reflects a part of the others (Engquist and Majda
1977, first order).

The solution at a time depends on earlier times. The interval of time in which the
equation is imposed can therefore grow over the first steps (Sitzmann et al. 2020,
section 4.3).
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, coords as _coords
from inr._typing import Array, Field, Key
from inr.calculus import axis_derivatives
from inr.fitting import Term, value_residual
from inr.signals.collocation import (
    PlaneData,
    check_above_zero,
    edge_points,
    spread_points,
    values_at,
)
from inr.signals.derivative_terms import slope_residual

Boundary: TypeAlias = Literal["fixed", "open"]

_POOL = 2**15  # points of the equation, from which every step draws
_PROBE = (128, 128)  # grid on which the initial state is measured

# Weights of the initial state and of the edge relative to the equation; not tuned.
_START_WEIGHT, _EDGE_WEIGHT = 10.0, 10.0


def wave_terms(
    initial: PlaneData,
    duration: float,
    *,
    velocity: PlaneData | None = None,
    speed: float | PlaneData = 1.0,
    boundary: Boundary = "fixed",
    window_steps: int = 0,
    batch_size: int = 3072,
) -> tuple[Term, ...]:
    """Terms of the wave equation: equation, displacement and velocity at t = 0, edge.

    Args:
      initial: displacement at t = 0: an image `[h, w]` of the square, or a function of
        coords `[n, 2]` in (y, x) to `[n]`.
      duration: T; a wave of speed 1 travels half the square's side in a time of 1.
      velocity: u_t at t = 0, in the form of `initial`; by default 0.
      speed: c, a number, or data in the form of `initial`.
      boundary: `"fixed"` (reflects) or `"open"` (absorbs most of a wave).
      window_steps: number of steps in which the interval of time grows from a tenth of
        T to T; by default it is T from the first step.
      batch_size: rows in every step. Each of the three terms beside the
        equation draws a quarter as many.

    Returns:
      Terms, for `fit` or `fit_least_squares`.

    Raises:
      ValueError: for a speed that is not positive, an initial state that is zero
        everywhere or not finite, a duration that is not a positive number, and another
        boundary.
    """
    duration = _checks.as_positive("duration", duration)
    _checks.check_choice("boundary", boundary, get_args(Boundary))
    window_steps = _checks.as_count("window_steps", window_steps, least=0)
    batch_size = _checks.as_count("batch_size", batch_size, least=16)
    amplitude, wavenumber, c = wave_scales(initial, velocity, speed)

    times, *space = spread_points(_POOL, 3).T
    inside = 2 * np.stack(space, 1) - 1
    equation = _rows(duration * times, inside, _speed_at(speed, inside) ** -2)
    displacement, slope = _start_rows(initial, velocity)
    edge_residual, edge = _edge_rows(duration, speed, boundary)

    # Slopes are measured per 1 / wavenumber and curvatures per its square, so that
    # every residual is relative to the largest u.
    few, window = batch_size // 4, partial(_TimeWindow, window_steps)
    value_weight, slope_weight = 1 / amplitude**2, (amplitude * wavenumber) ** -2
    edge_weight = value_weight if boundary == "fixed" else slope_weight
    return (
        Term(wave_residual, window(batch_size, equation), slope_weight / wavenumber**2),
        Term(value_residual, displacement, _START_WEIGHT * value_weight, few),
        Term(slope_residual, slope, _START_WEIGHT * slope_weight / c**2, few),
        Term(edge_residual, window(few, edge), _EDGE_WEIGHT * edge_weight),
    )


def wave_residual(field: Field, batch: tuple[Array, Array]) -> Array:
    """u_tt / c^2 minus the Laplacian in space; a residual for `Term`.

    Args:
      field: function of coords (t, y, x) `[n, 3]`, with one feature.
      batch: coords `[n, 3]` and 1 / c^2 `[n]`.

    Returns:
      `[n]`.
    """
    coords, slowness = _checks.as_batch(batch, "coords", "slowness")
    second = axis_derivatives(field, coords).second[..., 0]
    return slowness * second[..., 0] - second[..., 1:].sum(-1)


def wave_scales(
    initial: PlaneData, velocity: PlaneData | None, speed: float | PlaneData
) -> tuple[float, float, float]:
    """Return amplitude and rms wavenumber of the initial state, and the mean speed."""
    grid = np.asarray(_coords.grid(_PROBE), np.float64)
    points = grid.reshape(-1, 2)
    c = float(_speed_at(speed, points).mean())
    states = [values_at("initial", initial, points)]
    # A velocity v at a wavenumber w leads to a displacement of v / (c w); w follows.
    if velocity is not None:
        states.append(values_at("velocity", velocity, points) / c)
    square = sum(np.square(x).mean() for x in states)
    if not square > 0:
        raise _checks.fail("initial", "not zero everywhere", "zero, and no velocity")
    slopes = [np.gradient(x.reshape(_PROBE), 2 / _PROBE[0]) for x in states]
    slope_square = sum(np.square(s).sum(0).mean() for s in slopes)
    # At least the wavenumber of the lowest standing wave.
    wavenumber = max(np.sqrt(slope_square / square), np.pi / 2)
    units = (1.0, 1 / wavenumber)
    peaks = (np.abs(x).max() * u for x, u in zip(states, units, strict=False))
    return float(max(peaks)), float(wavenumber), c


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("rows",),
    meta_fields=("steps", "batch_size"),
)
@dataclass(frozen=True)
class _TimeWindow:
    """Batches from rows in the order of time, from an interval that grows.

    Attributes:
      steps: number of steps in which the interval grows from a tenth to all rows; 0:
        all rows from the first step.
      batch_size: rows drawn, with replacement.
      rows: arrays `[n, ...]`, of which the first holds the coords (t, y, x).
    """

    steps: int
    batch_size: int
    rows: Any

    def __call__(self, key: Key, step: int | Array) -> Any:
        n = len(self.rows[0])
        share = jnp.clip((step + 1) / max(self.steps, 1), 0.1, 1.0)
        places = jax.random.uniform(key, (self.batch_size,), jnp.float32)
        index = jnp.minimum((places * share * n).astype(jnp.int32), n - 1)
        return jax.tree.map(lambda x: x[index], self.rows)


def _start_rows(initial: PlaneData, velocity: PlaneData | None) -> tuple[Any, Any]:
    """Return rows of the displacement and of the velocity at t = 0."""
    points, zero = 2 * spread_points(_POOL // 4, 2) - 1, np.zeros(_POOL // 4)
    slope = zero if velocity is None else values_at("velocity", velocity, points)
    displacement = _rows(zero, points, values_at("initial", initial, points)[:, None])
    time_direction = _with_time(zero + 1, 0 * points)
    return displacement, _rows(zero, points, time_direction, slope[:, None])


def _edge_rows(
    duration: float, speed: float | PlaneData, boundary: Boundary
) -> tuple[Any, Any]:
    """Return the residual of the edge, and its rows."""
    times, along = spread_points(_POOL // 4, 2).T
    points, normals = edge_points(along)
    zero = np.zeros((len(points), 1))
    if boundary == "fixed":
        return value_residual, _rows(duration * times, points, zero)
    direction = _with_time(1 / _speed_at(speed, points), normals)
    return slope_residual, _rows(duration * times, points, direction, zero)


def _rows(times: np.ndarray, space: np.ndarray, *others: np.ndarray) -> Any:
    """Return coords (t, y, x) `[n, 3]` and other rows, in the order of time."""
    order = np.argsort(times, kind="stable")
    rows = (_with_time(times, space), *others)
    return tuple(jnp.asarray(x[order], jnp.float32) for x in rows)


def _with_time(times: np.ndarray, space: np.ndarray) -> np.ndarray:
    return np.concatenate([times[:, None], space], 1)


def _speed_at(speed: float | PlaneData, points: np.ndarray) -> np.ndarray:
    if not callable(speed) and np.ndim(speed) == 0:
        return np.full(len(points), _checks.as_positive("speed", speed))
    values = values_at("speed", speed, points)
    check_above_zero("speed", values)
    return values
