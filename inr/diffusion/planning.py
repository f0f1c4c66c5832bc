"""The numbers of every step of a run: a sampler's rows and the denoiser's part.

Notation as in `tables` and `process`. Everything is a float64 table over the steps;
`sample` casts it to the dtype of x.
"""

import functools
from typing import Any, NamedTuple

import jax
import numpy as np

from inr import _checks
from inr._typing import Array
from inr.diffusion.process import PREDICTIONS, conversion
from inr.diffusion.schedules import Schedule
from inr.diffusion.tables import Sampler


class Prediction(NamedTuple):
    """How a denoiser is asked for x0: told `time`; x0 = x * of_x + prediction * factor.

    Attributes:
      time: what the denoiser is told.
      of_x: factor of x.
      factor: factor of the prediction.
    """

    time: Array
    of_x: Array
    factor: Array


class SecondStep(NamedTuple):
    """The second prediction within a step, at a mixture of x and the first x0.

    Attributes:
      ask: how it is asked for.
      x: factor of x in x_mid.
      x0: factor of the first x0 in x_mid.
      factor: of the second x0 in the next x; where it is 0 nothing is asked.
    """

    ask: Prediction
    x: Array
    x0: Array
    factor: Array


class Level(NamedTuple):
    """How much signal a and noise s there is.

    Attributes:
      signal: a.
      noise: s.
    """

    signal: Array
    noise: Array


class Step(NamedTuple):
    """The numbers of one step, or `[n]` of each: `plan_steps` makes them.

    Attributes:
      level: where the step starts.
      next_level: where it ends; the last one counts as clean.
      ask: how the denoiser is asked for x0.
      x: factor of x in the next x.
      kept: `[memory]`, factors of what was kept, now first.
      noise: standard deviation of the noise that is added.
      keep_x: factor of x in what is kept of this step.
      keep_x0: factor of x0 in what is kept.
      second: for samplers with two predictions a step.
    """

    level: Level
    next_level: Level
    ask: Prediction
    x: Array
    kept: Array
    noise: Array
    keep_x: Array
    keep_x0: Array
    second: SecondStep | None


def plan_steps(
    schedule: Schedule,
    *,
    sampler: Sampler,
    predicts: str,
    noise_scale: str | float = 1.0,
) -> Step:
    """The numbers of every step of a sampler on a schedule.

    Args:
      schedule: the noise levels.
      sampler: such as `ddim(num_steps=50)`.
      predicts: "eps", "x0", "v" or "flow".
      noise_scale: as in `sample`.

    Returns:
      A `Step` of float64 arrays `[n]`; `jax.tree.map(lambda x: x[i], steps)` is the
      i-th.

    Raises:
      ValueError: as `sample`.
    """
    check_plan(schedule, sampler, predicts, noise_scale)
    rows = sampler.table(schedule)
    a, s = schedule.signal[rows.level], schedule.noise[rows.level]
    keep = (1 / s, -a / s) if rows.keeps_eps else (0 * a, np.ones_like(a))
    second = None
    if rows.second is not None:
        ask = _asking(schedule, rows.second.level, predicts)
        second = SecondStep(ask, *rows.second[1:])
    end = (np.append(a[1:], 1.0), np.append(s[1:], 0.0))
    return Step(
        Level(a, s),
        Level(*end),
        _asking(schedule, rows.level, predicts),
        rows.x,
        rows.kept,
        _scaled(rows.noise, noise_scale),
        *keep,
        second,
    )


@functools.lru_cache(maxsize=64)
def planned(
    schedule: Schedule,
    sampler: Sampler,
    predicts: str,
    noise_scale: str | float,
    dtype: np.dtype,
) -> Step:
    """The steps in the dtype of x: a millisecond that a second call does not spend."""
    steps = plan_steps(
        schedule, sampler=sampler, predicts=predicts, noise_scale=noise_scale
    )
    return jax.tree.map(
        lambda table: table if table.dtype == np.int32 else table.astype(dtype), steps
    )


def check_plan(schedule: Any, sampler: Any, predicts: Any, noise_scale: Any) -> None:
    """What may be wrong about the arguments by themselves, before they are hashed."""
    if not isinstance(schedule, Schedule):
        raise _checks.fail("schedule", "a Schedule", type(schedule).__name__)
    if not isinstance(sampler, Sampler):
        raise _checks.fail(
            "sampler", "a Sampler such as ddim(num_steps=50)", type(sampler).__name__
        )
    _checks.check_choice("predicts", predicts, PREDICTIONS)
    if isinstance(noise_scale, str):
        _checks.check_choice("noise_scale", noise_scale, ("normal", "squared", "zero"))
    elif not (isinstance(noise_scale, int | float) and 0 <= noise_scale < np.inf):
        raise _checks.fail(
            "noise_scale", "a finite python number, at least 0", repr(noise_scale)
        )


def _asking(schedule: Schedule, level: np.ndarray, predicts: str) -> Prediction:
    a, s = schedule.signal[level], schedule.noise[level]
    return Prediction(schedule.times[level], *conversion(a, s, predicts, "x0"))


def _scaled(noise: np.ndarray, scale: str | float) -> np.ndarray:
    if isinstance(scale, str):
        return {"normal": noise, "squared": np.square(noise), "zero": 0 * noise}[scale]
    return scale * noise
