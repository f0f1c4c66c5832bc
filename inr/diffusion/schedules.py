"""Noise schedules: the amounts of signal and of noise at every level.

Notation. At level t of a schedule, x_t = a_t x0 + s_t eps with eps ~ N(0, I). The table
holds a_t (`signal`) and s_t (`noise`) in float64 for t = 0, 1, ...; noise grows with t,
and the clean signal (a = 1, s = 0) lies below level 0. Variance preserving: a^2 + s^2 =
1 and alpha_bar = a^2. Variance exploding: a = 1. Flow matching: a = 1 - s.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from inr import _checks

Table: TypeAlias = Sequence[float] | Sequence[int] | np.ndarray


@dataclass(frozen=True, eq=False, init=False)
class Schedule:
    """A table of noise levels: static, hashed and compared by value.

    Attributes:
      signal: `[levels]`, a_t >= 0.
      noise: `[levels]`, s_t > 0; s_t / a_t increases strictly.
      times: `[levels]`, the value of `t` that a denoiser receives at each level; by
        default the index of the level. Integers are passed as int32, other numbers in
        the dtype of the signals.

    Raises:
      ValueError: if the tables differ in length, are empty or not finite, or if s_t /
        a_t does not increase strictly.
    """

    signal: np.ndarray
    noise: np.ndarray
    times: np.ndarray

    def __init__(self, signal: Table, noise: Table, times: Table | None = None):
        self._freeze("signal", signal, np.float64)
        self._freeze("noise", noise, np.float64)
        times = np.arange(self.signal.size) if times is None else times
        kind = _checks.as_numpy("times", times, "real numbers").dtype.kind
        self._freeze("times", times, np.int32 if kind in "iu" else np.float64)
        self._check()

    def _freeze(self, name: str, values: Table, dtype: type) -> None:
        table = _checks.as_float64(name, values).astype(dtype)
        _checks.check_finite(name, table)
        table.setflags(write=False)
        object.__setattr__(self, name, table)

    def _check(self) -> None:
        shapes = [x.shape for x in (self.signal, self.noise, self.times)]
        if len(set(shapes)) != 1 or self.signal.ndim != 1 or self.signal.size == 0:
            raise _checks.fail(
                "signal", "[levels], like `noise` and `times`", f"shapes {shapes}"
            )
        if (self.signal < 0).any():
            raise _checks.fail("signal", "at least 0", self.signal.min())
        if (self.noise <= 0).any():
            raise _checks.fail("noise", "above 0", self.noise.min())
        rises = np.diff(self.signal / self.noise) < 0
        if not rises.all():
            raise _checks.fail(
                "noise",
                "a table whose ratio to `signal` increases strictly",
                f"no increase from level {np.argmin(rises)} to the next",
            )

    def __len__(self) -> int:
        return self.signal.size

    def __getitem__(self, levels: Sequence[int] | np.ndarray | slice) -> "Schedule":
        """The schedule of some of the levels, with their times."""
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
        """`[levels]`, a_t^2: the variance of the signal in x_t."""
        return np.square(self.signal)

    @property
    def snr(self) -> np.ndarray:
        """`[levels]`, the signal-to-noise ratio a_t^2 / s_t^2."""
        return np.square(self.signal / self.noise)

    @property
    def sigmas(self) -> np.ndarray:
        """`[levels]`, s_t / a_t: the noise relative to the signal, or infinity."""
        with np.errstate(divide="ignore"):
            return self.noise / self.signal

    @property
    def is_flow(self) -> bool:
        """True if a_t = 1 - s_t, the straight paths of flow matching."""
        return bool(np.allclose(self.signal + self.noise, 1, rtol=0, atol=1e-12))


def zero_terminal_snr(schedule: Schedule) -> Schedule:
    """The schedule without any signal at its last level [Lin et al. 2024, alg. 1].

    arXiv:2305.08891. The signal is shifted and scaled so that level 0 stays the same.
    The denoiser must predict v or x0: a prediction of eps does not determine x0 where
    there is no signal.

    Args:
      schedule: a variance-preserving schedule of at least two levels.

    Returns:
      A `Schedule` with the same times.

    Raises:
      ValueError: if the schedule does not preserve the variance or has one level.
    """
    check_variance_preserving(schedule)
    if len(schedule) < 2:
        raise _checks.fail("schedule", "of at least two levels", "one level")
    first, last = schedule.signal[0], schedule.signal[-1]
    signal = (schedule.signal - last) * first / (first - last)
    return Schedule(signal, np.sqrt(1 - np.square(signal)), schedule.times)


def check_schedule(schedule: object) -> None:
    """Raise TypeError unless `schedule` is a `Schedule`."""
    _checks.check_type("schedule", schedule, Schedule)


def check_variance_preserving(schedule: Schedule) -> None:
    """Raise ValueError unless a_t^2 + s_t^2 = 1 at every level."""
    check_schedule(schedule)
    variance = np.square(schedule.signal) + np.square(schedule.noise)
    if not np.allclose(variance, 1):
        raise _checks.fail(
            "schedule",
            "variance preserving, signal^2 + noise^2 = 1",
            f"a sum from {variance.min():.3g} to {variance.max():.3g}",
        )
