"""The numbers of every step: the rows of a sampler and the calls of the denoiser.

Notation as in `tables` and `predictions`. Everything is a float64 table over the steps;
`sample` casts it to the dtype of x.
"""

import functools
from typing import NamedTuple, TypeAlias

import jax
import numpy as np

from inr import _checks
from inr._typing import Array
from inr.diffusion.predictions import Predicts, check_predicts, conversion_factors
from inr.diffusion.schedules import Schedule, check_schedule
from inr.diffusion.tables import Sampler

Numbers: TypeAlias = Array | np.ndarray
"""A number of one step, or `[n]` of each."""


class DenoiserCall(NamedTuple):
    """One call of the denoiser: x0 is `x` times x plus `prediction` times its output.

    Attributes:
      time: the value of `t` to pass.
      x: factor of x in x0.
      prediction: factor of the prediction in x0.
    """

    time: Numbers
    x: Numbers
    prediction: Numbers


class SecondCall(NamedTuple):
    """The second prediction within a step, at a mixture of x and the first x0.

    Attributes:
      call: how to call the denoiser.
      x: factor of x in x_mid.
      x0: factor of the first x0 in x_mid.
      weight: factor of the second x0 in the next x; if 0 the denoiser is not called.
    """

    call: DenoiserCall
    x: Numbers
    x0: Numbers
    weight: Numbers


class Level(NamedTuple):
    """The amounts of signal and of noise at a level.

    Attributes:
      signal: a.
      noise: s.
    """

    signal: Numbers
    noise: Numbers


class Step(NamedTuple):
    """The numbers of one step, or `[n]` of each; `plan_steps` returns them.

    Attributes:
      level: where the step starts.
      next_level: where it ends; the last step ends at the clean signal.
      call: how to call the denoiser.
      x: factor of x in the next x.
      memory: `[m]`, factors of the entries of the memory, the entry of this step first.
      noise_std: standard deviation of the noise that the step adds.
      entry_x: factor of x in the entry that this step puts into memory.
      entry_x0: factor of x0 in that entry.
      second: the second prediction, for samplers with two predictions a step.
    """

    level: Level
    next_level: Level
    call: DenoiserCall
    x: Numbers
    memory: Numbers
    noise_std: Numbers
    entry_x: Numbers
    entry_x0: Numbers
    second: SecondCall | None


def plan_steps(
    schedule: Schedule,
    *,
    sampler: Sampler,
    predicts: Predicts,
) -> Step:
    """The numbers of every step of a sampler on a schedule.

    Args:
      schedule: the noise levels.
      sampler: such as `ddim(num_steps=50)`.
      predicts: "eps", "x0", "v" or "flow".

    Returns:
      A `Step` of float64 arrays `[n]`; `jax.tree.map(lambda x: x[i], steps)` is the
      i-th step.

    Raises:
      ValueError: as `sample`.
    """
    check_plan(schedule, sampler, predicts)
    rows = sampler.table(schedule)
    a, s = schedule.signal[rows.level], schedule.noise[rows.level]
    second = None
    if rows.second is not None:
        second_call = _denoiser_call(schedule, rows.second.level, predicts)
        second = SecondCall(second_call, *rows.second[1:])
    return Step(
        level=Level(a, s),
        next_level=Level(np.append(a[1:], 1.0), np.append(s[1:], 0.0)),
        call=_denoiser_call(schedule, rows.level, predicts),
        x=rows.x,
        memory=rows.memory,
        noise_std=rows.noise_std,
        entry_x=1 / s if rows.remembers_eps else 0 * a,
        entry_x0=-a / s if rows.remembers_eps else np.ones_like(a),
        second=second,
    )


@functools.lru_cache(maxsize=64)
def cached_steps(
    schedule: Schedule,
    sampler: Sampler,
    predicts: Predicts,
    dtype: np.dtype,
) -> Step:
    """`plan_steps` in the dtype of x. The cache saves a millisecond for each call."""
    steps = plan_steps(schedule, sampler=sampler, predicts=predicts)
    return jax.tree.map(
        lambda table: table if table.dtype == np.int32 else table.astype(dtype), steps
    )


def check_plan(schedule: object, sampler: object, predicts: str) -> None:
    """Check each argument by itself, before any of them is hashed."""
    check_schedule(schedule)
    fix = "Create one with `inr.diffusion.ddim(num_steps=50)`."
    _checks.check_type("sampler", sampler, Sampler, fix=fix)
    check_predicts(predicts)


def _denoiser_call(
    schedule: Schedule, level: np.ndarray, predicts: Predicts
) -> DenoiserCall:
    a, s = schedule.signal[level], schedule.noise[level]
    factors = conversion_factors(a, s, predicts, "x0")
    return DenoiserCall(schedule.times[level], *factors)
