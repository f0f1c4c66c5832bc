"""Fits of a given duration, for the benchmarks of sound and video."""

import time
from collections.abc import Callable

import inr

_SHORT_FIT = 60  # steps


def fit_for(
    seconds: float, fit: Callable[[int], inr.FitResult]
) -> tuple[inr.FitResult, float]:
    """A fit whose number of steps should take `seconds`, and its actual seconds.

    Short fits before it compile the step and measure its speed; they do not count.
    """
    fit(_SHORT_FIT)
    short, long = _timed(fit, _SHORT_FIT), _timed(fit, 4 * _SHORT_FIT)
    # The difference excludes the constant cost of a call.
    seconds_per_step = max((long - short) / (3 * _SHORT_FIT), 1e-6)
    start = time.perf_counter()
    result = fit(max(int(seconds / seconds_per_step), _SHORT_FIT))
    return result, time.perf_counter() - start


def _timed(fit: Callable[[int], inr.FitResult], num_steps: int) -> float:
    start = time.perf_counter()
    fit(num_steps)
    return time.perf_counter() - start
