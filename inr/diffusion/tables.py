"""Samplers as tables of numbers: one row of coefficients for every step.

Notation. A step goes from (a, s), signal and noise at one level, to (a', s') at the
next (`a1` and `s1` in code); the last step ends at the clean signal (1, 0). D is the
predicted x0. A step is

    x' = A x + sum_j B_j u_{i-j} + C D_mid + S z,    z ~ N(0, I),

where u_i is D or, for some samplers, the predicted eps at step i, and D_mid is a second
prediction at x_mid = A_m x + B_m D, for samplers with two predictions a step.
k = (s'/a') / (s/a) is the ratio of the noise levels and h = -log k, the step in
lambda = log(a/s). All tables are float64; other numbers never compile a new program.
"""

import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from inr import _checks
from inr.diffusion.schedules import Schedule
from inr.diffusion.spacing import Spacing, check_spacing, spaced_levels

FinalLevel: TypeAlias = Literal["clean", "lowest"]
"""Where the last step ends: at x0, or at level 0 of the schedule."""


class SecondStage(NamedTuple):
    """The second prediction of a step, for samplers with two predictions a step.

    Attributes:
      level: `[n]` int, level of the schedule at which the denoiser predicts.
      x: `[n]`, A_m.
      x0: `[n]`, B_m.
      weight: `[n]`, C; where it is zero the denoiser is not called.
    """

    level: np.ndarray
    x: np.ndarray
    x0: np.ndarray
    weight: np.ndarray


class Rows(NamedTuple):
    """Coefficients of n steps, float64.

    Attributes:
      level: `[n]` int, level of the schedule from which each step starts.
      x: `[n]`, A.
      memory: `[n, m]`, B: factors of u of this step and of the m - 1 steps before.
      noise_std: `[n]`, S.
      remembers_eps: u is the predicted eps, not x0.
      second: the second stage, or None.
    """

    level: np.ndarray
    x: np.ndarray
    memory: np.ndarray
    noise_std: np.ndarray
    remembers_eps: bool = False
    second: SecondStage | None = None


class Path(NamedTuple):
    """The n levels that a sampler visits, and the level where each step ends."""

    schedule: Schedule
    level: np.ndarray
    a: np.ndarray
    s: np.ndarray
    a1: np.ndarray
    s1: np.ndarray

    @property
    def k(self) -> np.ndarray:
        """Ratio of the noise levels of each step; 0 for a step to the clean end."""
        return (self.s1 * self.a) / (self.s * self.a1)

    def orders(self, highest: int, *, lower_order_final: bool) -> np.ndarray:
        """Order of each step: limited by its memory, and 1 for a step to the end."""
        n = len(self.a)
        orders = np.minimum(np.arange(n) + 1, highest)
        if lower_order_final:
            orders = np.minimum(orders, n - np.arange(n))
        return np.where(self.s1 == 0, 1, orders)


@dataclass(frozen=True)
class Sampler:
    """A sampling method with its numbers; `ddim`, `dpmpp` and the others return one.

    Attributes:
      method: `(Path, **options) -> Rows`.
      options: names and values of the method's options.
      num_steps: number of levels to visit; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.
      final: "clean" ends at x0; "lowest" at level 0 of the schedule.
    """

    method: Callable[..., Rows]
    options: tuple[tuple[str, object], ...]
    num_steps: int | None
    spacing: Spacing | tuple[int, ...]
    final: FinalLevel

    def __repr__(self) -> str:
        name = getattr(self.method, "__name__", type(self.method).__name__)
        values = {"num_steps": self.num_steps, "spacing": self.spacing}
        values |= dict(self.options)
        options = [f"{k}={reprlib.repr(value)}" for k, value in values.items()]
        return f"Sampler({', '.join([name.lstrip('_'), *options])})"

    def path(self, schedule: Schedule) -> Path:
        """The levels that the sampler visits, from the most noise to the least.

        Args:
          schedule: the noise levels.

        Returns:
          A `Path`.

        Raises:
          ValueError: if the schedule does not have the levels of the sampler.
        """
        level = self._levels(len(schedule))[::-1]
        end = (1.0, 0.0)
        if self.final == "lowest":
            end = (schedule.signal[0], schedule.noise[0])
        a, s = (
            np.append(x[level], last)
            for x, last in zip((schedule.signal, schedule.noise), end, strict=True)
        )
        return Path(schedule, level, a[:-1], s[:-1], a[1:], s[1:])

    def table(self, schedule: Schedule) -> Rows:
        """The coefficients of every step on a schedule.

        Args:
          schedule: the noise levels.

        Returns:
          `Rows`.

        Raises:
          ValueError: if the schedule does not have the levels of the sampler, or if the
            method cannot start at a level without signal.
        """
        # Without signal lambda is -inf; the coefficients that use it are finite.
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.method(self.path(schedule), **dict(self.options))

    def _levels(self, num_levels: int) -> np.ndarray:
        if isinstance(self.spacing, str):
            n = num_levels if self.num_steps is None else self.num_steps
            return spaced_levels(num_levels, n, spacing=self.spacing)
        level = np.asarray(self.spacing, np.int32)
        if level[-1] >= num_levels:
            raise _checks.fail(
                "spacing", f"levels below {num_levels}", f"level {level[-1]}"
            )
        return level


def make_sampler(
    method: Callable[..., Rows],
    num_steps: int | None,
    spacing: Spacing | tuple[int, ...],
    final: FinalLevel = "clean",
    **options: object,
) -> Sampler:
    """A `Sampler`, after a check of its steps."""
    _checks.check_choice("final", final, get_args(FinalLevel))
    if num_steps is not None:
        num_steps = _checks.as_count("num_steps", num_steps)
    if isinstance(spacing, str):
        check_spacing(spacing)
    else:
        spacing = _as_levels(spacing, num_steps)
    return Sampler(method, tuple(options.items()), num_steps, spacing, final)


def check_signal(path: Path) -> None:
    """Raise ValueError if the path has a level without signal.

    For methods whose variable, s / a or lambda, is infinite there.
    """
    if (path.a == 0).any():
        raise _checks.fail(
            "schedule",
            "a schedule with signal at every level that this sampler visits",
            "a level without signal",
            "Start below it, or use ddim, ddpm or dpmpp.",
        )


def middle_levels(
    path: Path, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels nearest to the middle of each step in lambda, with their a and s.

    `end` is the ratio of noise s'/s at which the deterministic part of a step ends. A
    step to the clean end has no middle: its entry is its own level, which is not used.

    Raises:
      ValueError: if no level of the schedule lies between two visited ones.
    """
    schedule = path.schedule
    log_sigmas = np.log(schedule.sigmas)
    middles = []
    for i, level in enumerate(path.level):
        if path.s1[i] == 0:
            middles.append(level)
            continue
        stop = np.log(end[i] * path.s[i] / path.a1[i])
        between = np.flatnonzero(
            (log_sigmas < log_sigmas[level]) & (log_sigmas > stop + 1e-9)
        )
        if len(between) == 0:
            raise _checks.fail(
                "num_steps",
                "few enough that a level lies between any two visited levels",
                f"none below level {level}",
            )
        middle = (log_sigmas[level] + stop) / 2
        middles.append(between[np.argmin(np.abs(log_sigmas[between] - middle))])
    middles = np.array(middles, np.int32)
    return middles, schedule.signal[middles], schedule.noise[middles]


def _as_levels(spacing: tuple[int, ...], num_steps: int | None) -> tuple[int, ...]:
    levels = np.asarray(spacing)
    is_integer = np.issubdtype(levels.dtype, np.integer)
    if levels.ndim != 1 or levels.size == 0 or not is_integer:
        raise _checks.fail("spacing", "a rule or ascending levels", repr(spacing))
    if levels[0] < 0 or (np.diff(levels) <= 0).any():
        raise _checks.fail("spacing", "a rule or ascending levels", repr(spacing))
    if num_steps is not None and num_steps != levels.size:
        raise _checks.fail(
            "num_steps", f"None or {levels.size} with explicit levels", num_steps
        )
    return tuple(levels.tolist())
