"""Samplers as tables of numbers: one row of coefficients for every step.

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
        if not isinstance(schedule, Schedule):
            raise _checks.fail("schedule", "a Schedule", type(schedule).__name__)
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


def ddim(
    *,
    eta: float = 0.0,
    num_steps: int | None = None,
    spacing: str | tuple[int, ...] = "trailing",
    final: str = "clean",
) -> Sampler:
    """Denoising diffusion implicit models [Song et al. 2021, arXiv:2010.02502, eq. 12].

    With eta = 0 it is also Euler's method on the probability flow, DPM-Solver++ of
    order 1 and, on a flow schedule, Euler's method along the velocity. With eta = 1 it
    is DDPM on the levels visited, and Euler's ancestral method.

    Args:
      eta: 0 deterministic, 1 as much noise as the posterior has; from 0 to 1.
      num_steps: how many levels are visited; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.
      final: "clean" ends at x0; "lowest" at level 0 of the schedule.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: for numbers outside their range.
    """
    eta = _checks.as_fraction("eta", eta)
    return make_sampler(_ddim, num_steps, spacing, final, eta=eta)


def ddpm(
    *,
    variance: str = "small",
    num_steps: int | None = None,
    spacing: str | tuple[int, ...] = "trailing",
) -> Sampler:
    """Ancestral sampling from the posterior [Ho et al. 2020, arXiv:2006.11239, alg. 2].

    Args:
      variance: "small" is the posterior's, "large" that of a forward step (beta_t where
        every level is visited).
      num_steps: how many levels are visited; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: for an unknown variance or steps outside their range.
    """
    _checks.check_choice("variance", variance, ("small", "large"))
    method = _ddim if variance == "small" else _ddpm_large
    return make_sampler(method, num_steps, spacing, eta=1.0)


def heun(
    *, num_steps: int | None = None, spacing: str | tuple[int, ...] = "trailing"
) -> Sampler:
    """Heun's method on the probability flow [Karras et al. 2022, alg. 1]; order 2.

    Two predictions a step but for the last. In the variable s / a, or along the
    velocity on a flow schedule.

    Args:
      num_steps: how many levels are visited; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: for steps outside their range.
    """
    return make_sampler(_heun, num_steps, spacing)


def midpoint(
    *, num_steps: int | None = None, spacing: str | tuple[int, ...] = "trailing"
) -> Sampler:
    """The midpoint method on the probability flow in s / a; order 2 ("DPM2").

    Two predictions a step but for the last; the second at the level of the schedule
    that is nearest to the middle in lambda.

    Args:
      num_steps: how many levels are visited; None for all. A level must lie between any
        two of them.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: for steps outside their range.
    """
    return make_sampler(_midpoint, num_steps, spacing)


def _ddim(path: Path, *, eta: float) -> Rows:
    _, _, a, s, a1, s1 = path
    sigma = eta * posterior_deviation(path)
    # sqrt(s'^2 - sigma^2) is what remains of the predicted noise.
    x = np.sqrt(np.maximum(np.square(s1) - np.square(sigma), 0)) / s
    return Rows(path.level, x, (a1 - a * x)[:, None], sigma)


def _ddpm_large(path: Path, *, eta: float) -> Rows:
    rows = _ddim(path, eta=eta)
    forward = np.sqrt(_forward_variance(path))
    return rows._replace(noise=np.where(path.s1 == 0, 0, forward))


def _forward_variance(path: Path) -> np.ndarray:
    """Of x_t given x at the next level visited."""
    return np.square(path.s) - np.square(path.a / path.a1 * path.s1)


def posterior_deviation(path: Path) -> np.ndarray:
    """Of x at the next level given x_t and x0."""
    return path.s1 / path.s * np.sqrt(_forward_variance(path))


def _heun(path: Path) -> Rows:
    level, x, a1, k = path.level, path.s1 / path.s, path.a1, path.k
    if path.schedule.is_flow:
        # Along the velocity x is not divided by a, and s takes the place of s / a.
        a1, k = np.ones_like(k), x
    else:
        check_signal(path)
    into_clean = path.s1 == 0
    half = np.where(into_clean, 0, a1 * (1 - k) / (2 * np.where(into_clean, 1, k)))
    next_level = np.append(level[1:], level[-1])
    second = SecondStage(next_level, x, a1 * (1 - k), half)
    return Rows(level, x, (a1 * (1 - k) - half)[:, None], 0 * x, second=second)


def _midpoint(path: Path) -> Rows:
    check_signal(path)
    x, a1, k = path.s1 / path.s, path.a1, path.k
    level, a_m, s_m = middle_levels(path, x)
    k_m = (s_m * path.a) / (path.s * a_m)
    into_clean = path.s1 == 0
    factor = np.where(into_clean, 0, a1 * (1 - k) / k_m)
    second = SecondStage(level, s_m / path.s, a_m * (1 - k_m), factor)
    return Rows(path.level, x, (a1 * (1 - k) - factor)[:, None], 0 * x, second=second)


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
