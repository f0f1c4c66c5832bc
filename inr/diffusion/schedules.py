"""Noise schedules: how much signal and how much noise there is at every time.

Notation. At level t of a schedule, x_t = a_t x0 + s_t eps with eps ~ N(0, I). The table
holds a_t (`signal`) and s_t (`noise`) in float64 for t = 0, 1, ...; noise grows with t,
and the clean signal (a = 1, s = 0) lies below level 0. Variance preserving: a^2 + s^2 =
1 and alpha_bar = a^2. Variance exploding: a = 1. Flow matching: a = 1 - s.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inr import _checks
from inr._typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Schedule:
    """A table of noise levels: static, hashed and compared by value.

    Attributes:
      signal: `[levels]`, a_t.
      noise: `[levels]`, s_t > 0; s_t / a_t grows strictly.
      times: `[levels]`, what a denoiser is told at each level; by default the index t,
        int32. Whole numbers reach it as int32, others as floats.

    Raises:
      ValueError: for tables of different length, or not finite, or not monotone.
    """

    signal: np.ndarray
    noise: np.ndarray
    times: np.ndarray | None = None

    def __post_init__(self):
        self._freeze("signal", self.signal, np.float64)
        self._freeze("noise", self.noise, np.float64)
        times = np.arange(self.signal.size) if self.times is None else self.times
        whole = np.issubdtype(np.asarray(times).dtype, np.integer)
        self._freeze("times", times, np.int32 if whole else np.float64)
        shapes = {x.shape for x in (self.signal, self.noise, self.times)}
        if len(shapes) != 1 or self.signal.ndim != 1 or self.signal.size == 0:
            raise _checks.fail("signal", "[levels], as noise and times", f"{shapes}")
        if (self.signal < 0).any() or (self.noise <= 0).any():
            raise _checks.fail(
                "noise", "above 0, and signal at least 0", "other values"
            )
        if (np.diff(self.signal / self.noise) >= 0).any():
            raise _checks.fail(
                "noise", "a table whose noise / signal grows strictly", "another"
            )

    def _freeze(self, name: str, values: ArrayLike, dtype: type) -> None:
        table = np.array(values, dtype)
        _checks.check_finite(name, table)
        table.setflags(write=False)
        object.__setattr__(self, name, table)

    def __len__(self) -> int:
        return self.signal.size

    def __getitem__(self, levels: Sequence[int] | np.ndarray | slice) -> "Schedule":
        """Some of the levels, with their times."""
        return Schedule(self.signal[levels], self.noise[levels], self.times[levels])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    def __repr__(self) -> str:
        low, high = self.sigmas[[0, -1]]
        return f"Schedule({len(self)} levels, noise/signal {low:.3g} to {high:.3g})"

    @functools.cached_property
    def _bytes(self) -> tuple[bytes, ...]:
        return tuple(x.tobytes() for x in (self.signal, self.noise, self.times))

    @property
    def alpha_bar(self) -> np.ndarray:
        """`[levels]`, a_t^2: the share of signal where the variance is preserved."""
        return np.square(self.signal)

    @property
    def snr(self) -> np.ndarray:
        """`[levels]`, the signal-to-noise ratio a_t^2 / s_t^2."""
        return np.square(self.signal / self.noise)

    @property
    def sigmas(self) -> np.ndarray:
        """`[levels]`, s_t / a_t: the noise on a signal of unit scale, or infinity."""
        with np.errstate(divide="ignore"):
            return self.noise / self.signal

    @property
    def is_flow(self) -> bool:
        """True where a_t = 1 - s_t, the straight paths of flow matching."""
        return bool(np.allclose(self.signal + self.noise, 1, rtol=0, atol=1e-12))


def schedule_from_betas(betas: Sequence[float] | np.ndarray) -> Schedule:
    """A variance-preserving schedule: alpha_bar_t = prod over i <= t of (1 - beta_i).

    Args:
      betas: `[levels]`, each in (0, 1), or (0, 1] for the last.

    Returns:
      A `Schedule`.

    Raises:
      ValueError: for betas outside their range.
    """
    betas = np.asarray(betas, np.float64)
    if betas.ndim != 1 or betas.size == 0:
        raise _checks.fail("betas", "[levels]", f"shape {betas.shape}")
    if not ((betas > 0).all() and (betas[:-1] < 1).all() and betas[-1] <= 1):
        raise _checks.fail("betas", "in (0, 1)", f"{betas.min()} to {betas.max()}")
    return _from_alpha_bar(np.cumprod(1 - betas))


def linear_schedule(
    num_levels: int, *, start: float = 1e-4, stop: float = 0.02
) -> Schedule:
    """Betas on a straight line [Ho et al. 2020, arXiv:2006.11239].

    Args:
      num_levels: T.
      start: beta of level 0.
      stop: beta of the last level.

    Returns:
      A variance-preserving `Schedule`.

    Raises:
      ValueError: for betas outside (0, 1).
    """
    num_levels = _checks.as_count("num_levels", num_levels)
    return schedule_from_betas(np.linspace(start, stop, num_levels))


def scaled_linear_schedule(
    num_levels: int, *, start: float = 1e-4, stop: float = 0.02
) -> Schedule:
    """Square roots of the betas on a straight line; also called quadratic.

    Latent diffusion [Rombach et al. 2022, arXiv:2112.10752] uses it from 0.00085 to
    0.012.

    Args:
      num_levels: T.
      start: beta of level 0.
      stop: beta of the last level.

    Returns:
      A variance-preserving `Schedule`.

    Raises:
      ValueError: for betas outside (0, 1).
    """
    num_levels = _checks.as_count("num_levels", num_levels)
    return schedule_from_betas(np.linspace(start**0.5, stop**0.5, num_levels) ** 2)


def sigmoid_schedule(
    num_levels: int, *, start: float = 1e-4, stop: float = 0.02
) -> Schedule:
    """Betas along a logistic curve from -6 to 6 [Xu et al. 2022, arXiv:2203.02923].

    Args:
      num_levels: T.
      start: lower asymptote of beta.
      stop: upper asymptote of beta.

    Returns:
      A variance-preserving `Schedule`.

    Raises:
      ValueError: for betas outside (0, 1).
    """
    num_levels = _checks.as_count("num_levels", num_levels)
    rise = 1 / (1 + np.exp(-np.linspace(-6, 6, num_levels)))
    return schedule_from_betas(start + (stop - start) * rise)


def cosine_schedule(
    num_levels: int, *, min_beta: float = 0.0, max_beta: float = 0.999
) -> Schedule:
    """alpha_bar along a squared cosine [Nichol and Dhariwal 2021, arXiv:2102.09672].

    Args:
      num_levels: T.
      min_beta: betas below it are raised to it.
      max_beta: betas above it are lowered to it; it keeps some signal at the end.

    Returns:
      A variance-preserving `Schedule`.

    Raises:
      ValueError: for betas outside (0, 1).
    """
    num_levels = _checks.as_count("num_levels", num_levels)
    offset = 0.008
    t = np.arange(num_levels + 1) / num_levels
    f = np.cos((t + offset) / (1 + offset) * np.pi / 2) ** 2
    return schedule_from_betas(np.clip(1 - f[1:] / f[:-1], min_beta, max_beta))


def karras_schedule(
    num_levels: int,
    *,
    sigma_min: float = 0.002,
    sigma_max: float = 80.0,
    rho: float = 7.0,
) -> Schedule:
    """Variance exploding, evenly spaced in sigma^(1/rho) [Karras et al. 2022, eq. 5].

    arXiv:2206.00364. It starts from noise of standard deviation `sigma_max`.

    Args:
      num_levels: how many.
      sigma_min: noise of level 0.
      sigma_max: noise of the last level.
      rho: 1 is even spacing; larger puts more levels near the clean end.

    Returns:
      A `Schedule` with signal 1.

    Raises:
      ValueError: unless 0 < sigma_min < sigma_max.
    """
    return _exploding(_karras_sigmas(num_levels, sigma_min, sigma_max, rho))


def flow_schedule(num_levels: int, *, shift: float = 1.0) -> Schedule:
    """Straight paths x = (1 - s) x0 + s eps, s = 1/T, 2/T, ..., 1.

    Flow matching, also called rectified flow [Lipman et al. 2023, arXiv:2210.02747; Liu
    et al. 2023, arXiv:2209.03003]; shifted as in Esser et al. 2024, arXiv:2403.03206.

    Args:
      num_levels: T.
      shift: s becomes shift s / (1 + (shift - 1) s): above 1, more noise.

    Returns:
      A `Schedule`; the last level is noise alone.

    Raises:
      ValueError: for a shift that is not above 0.
    """
    num_levels = _checks.as_count("num_levels", num_levels)
    shift = _checks.as_positive("shift", shift)
    s = np.arange(1, num_levels + 1) / num_levels
    s = shift * s / (1 + (shift - 1) * s)
    return Schedule(1 - s, s)


def zero_terminal_snr(schedule: Schedule) -> Schedule:
    """The schedule with no signal left at its last level [Lin et al. 2024, alg. 1].

    arXiv:2305.08891. The signal is shifted and scaled so that level 0 stays. A denoiser
    for it must predict v or x0: eps says nothing where there is no signal.

    Args:
      schedule: a variance-preserving one of at least two levels.

    Returns:
      A `Schedule` with the same times.

    Raises:
      ValueError: for another kind of schedule.
    """
    _check_preserving(schedule)
    if len(schedule) < 2:
        raise _checks.fail("schedule", "one of at least two levels", "one level")
    first, last = schedule.signal[0], schedule.signal[-1]
    signal = (schedule.signal - last) * first / (first - last)
    return Schedule(signal, np.sqrt(1 - np.square(signal)), schedule.times)


def karras_levels(schedule: Schedule, num_levels: int, *, rho: float = 7.0) -> Schedule:
    """A schedule between the ends of another, with the spacing of `karras_schedule`.

    For a denoiser trained on `schedule`: `times` are interpolated in log sigma and
    fractional; round them if the denoiser wants whole numbers.

    Args:
      schedule: a variance-preserving one.
      num_levels: how many.
      rho: as in `karras_schedule`.

    Returns:
      A variance-preserving `Schedule`.

    Raises:
      ValueError: for another kind of schedule, or one without signal at its end.
    """
    _check_preserving(schedule)
    if schedule.signal[-1] == 0:
        raise _checks.fail("schedule", "one with signal at every level", "zero signal")
    known = schedule.sigmas
    sigmas = _karras_sigmas(num_levels, known[0], known[-1], rho)
    times = np.interp(np.log(sigmas), np.log(known), schedule.times)
    signal = 1 / np.sqrt(1 + np.square(sigmas))
    return Schedule(signal, sigmas * signal, times)


def _from_alpha_bar(alpha_bar: np.ndarray) -> Schedule:
    return Schedule(np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar))


def _exploding(sigmas: np.ndarray) -> Schedule:
    return Schedule(np.ones_like(sigmas), sigmas)


def _karras_sigmas(
    num_levels: int, sigma_min: float, sigma_max: float, rho: float
) -> np.ndarray:
    num_levels = _checks.as_count("num_levels", num_levels, least=2)
    if not 0 < sigma_min < sigma_max < np.inf:
        raise _checks.fail(
            "sigma_min", "above 0 and below sigma_max", f"{sigma_min} and {sigma_max}"
        )
    ends = (sigma_min ** (1 / rho), sigma_max ** (1 / rho))
    return np.linspace(*ends, num_levels) ** rho


def _check_preserving(schedule: Schedule) -> None:
    total = np.square(schedule.signal) + np.square(schedule.noise)
    if not np.allclose(total, 1):
        raise _checks.fail(
            "schedule", "variance preserving, signal^2 + noise^2 = 1", "another kind"
        )
