"""What a sampler is: a table of numbers, one row of coefficients for every step.

Notation. A step goes from (a, s), signal and noise at a visited level, to (a', s') at
the next, the last of them clean (1, 0). D is the predicted x0. A step is

    x' = A x + sum_j B_j u_{i-j} + C D_mid + S z,    z ~ N(0, I),

where u is D or, for some samplers, the predicted eps, kept from the last steps, and
D_mid is a second prediction at x_mid = A_m x + B_m D for those that make one.
k = (s'/a') / (s/a) is the ratio of the noise levels and h = -log k, the step in
lambda = log(a/s). All tables are float64; another number never compiles anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from inr import _checks
from inr.diffusion.schedules import Schedule
from inr.diffusion.spacing import spaced_levels


class SecondStage(NamedTuple):
    """The second prediction of a step, for samplers with two a step.

    Attributes:
      level: `[n]` int, of the schedule, at which it is made.
      x: `[n]`, A_m.
      x0: `[n]`, B_m.
      factor: `[n]`, C; where it is zero no prediction is made.
    """

    level: np.ndarray
    x: np.ndarray
    x0: np.ndarray
    factor: np.ndarray


class Rows(NamedTuple):
    """Coefficients of n steps, float64; `Sampler.table` makes them.

    Attributes:
      level: `[n]` int, of the schedule, from which each step starts.
      x: `[n]`, A.
      kept: `[n, memory]`, B: of u now and of the steps before.
      noise: `[n]`, S.
      keeps_eps: u is the predicted eps, not x0.
      second: the second stage, or None.
    """

    level: np.ndarray
    x: np.ndarray
    kept: np.ndarray
    noise: np.ndarray
    keeps_eps: bool = False
    second: SecondStage | None = None


class Path(NamedTuple):
    """Where a sampler goes: n levels and where the last step ends."""

    schedule: Schedule
    level: np.ndarray
    a: np.ndarray
    s: np.ndarray
    a1: np.ndarray
    s1: np.ndarray

    @property
    def k(self) -> np.ndarray:
        """Ratio of the noise levels of a step; 0 into the clean end."""
        return (self.s1 * self.a) / (self.s * self.a1)

    def order(self, highest: int, lower_at_end: bool) -> np.ndarray:
        """Order at each step: what its memory allows, and 1 into the clean end."""
        n = len(self.a)
        order = np.minimum(np.arange(n) + 1, highest)
        if lower_at_end:
            order = np.minimum(order, n - np.arange(n))
        return np.where(self.s1 == 0, 1, order)


@dataclass(frozen=True)
class Sampler:
    """A sampling method with its numbers; `ddim`, `dpmpp` and the others make it.

    Attributes:
      method: `(Path, **options) -> Rows`.
      options: names and values of the method's numbers.
      num_steps: how many levels of the schedule are visited; None for all.
      spacing: a rule of `spaced_levels`, or the levels themselves.
      final: "clean" ends at x0; "lowest" at level 0 of the schedule.
    """

    method: Callable[..., Rows]
    options: tuple[tuple[str, object], ...]
    num_steps: int | None
    spacing: str | tuple[int, ...]
    final: str

    def path(self, schedule: Schedule) -> Path:
        """The levels that are visited, from the most noise to the least.

        Args:
          schedule: the noise levels.

        Returns:
          A `Path`.

        Raises:
          ValueError: for steps that do not fit the schedule.
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
          ValueError: for steps that do not fit the schedule, and for a method that
            cannot start where there is no signal.
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
    spacing: str | tuple[int, ...],
    final: str = "clean",
    **options: object,
) -> Sampler:
    """A `Sampler` with its steps checked."""
    _checks.check_choice("final", final, ("clean", "lowest"))
    if num_steps is not None:
        num_steps = _checks.as_count("num_steps", num_steps)
    if isinstance(spacing, str):
        spaced_levels(1, 1, spacing=spacing)
    else:
        spacing = _explicit(spacing, num_steps)
    return Sampler(method, tuple(options.items()), num_steps, spacing, final)


def check_signal(path: Path) -> None:
    """For methods whose variable, s / a or lambda, is infinite without signal."""
    if (path.a == 0).any():
        raise _checks.fail(
            "schedule",
            "one with signal at every level visited, for this sampler",
            "a level without",
            "Start below it, or use ddim, ddpm or dpmpp.",
        )


def middle_levels(
    path: Path, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels nearest to the middle of each step in lambda, with their a and s.

    `end` is the ratio of noise s'/s that the deterministic part of a step ends at. Into
    the clean end there is no middle: the step's own level stands there, unused.

    Raises:
      ValueError: where no level of the schedule lies between two visited ones.
    """
    schedule = path.schedule
    log_sigmas = np.log(schedule.sigmas)
    found = []
    for i, level in enumerate(path.level):
        if path.s1[i] == 0:
            found.append(level)
            continue
        stop = np.log(end[i] * path.s[i] / path.a1[i])
        between = np.flatnonzero(
            (log_sigmas < log_sigmas[level]) & (log_sigmas > stop + 1e-9)
        )
        if len(between) == 0:
            raise _checks.fail(
                "num_steps",
                "few enough that a level lies between any two visited ones",
                f"none below level {level}",
            )
        middle = (log_sigmas[level] + stop) / 2
        found.append(between[np.argmin(np.abs(log_sigmas[between] - middle))])
    found = np.array(found, np.int32)
    return found, schedule.signal[found], schedule.noise[found]


def _explicit(spacing: tuple[int, ...], num_steps: int | None) -> tuple[int, ...]:
    levels = np.asarray(spacing)
    whole = levels.ndim == 1 and levels.size and np.issubdtype(levels.dtype, np.integer)
    if not whole or levels[0] < 0 or (np.diff(levels) <= 0).any():
        raise _checks.fail("spacing", "a rule or ascending levels", repr(spacing))
    if num_steps is not None and num_steps != levels.size:
        raise _checks.fail(
            "num_steps", f"None or {levels.size} with explicit levels", num_steps
        )
    return tuple(levels.tolist())
