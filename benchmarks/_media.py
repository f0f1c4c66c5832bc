"""Shared by the benchmarks of sound and video: fits that take a given time."""

import time
from collections.abc import Callable

import inr

_FEW = 60


def fitted_in(
    seconds: float, fit: Callable[[int], inr.FitResult]
) -> tuple[inr.FitResult, float]:
    """A fit of as many steps as the seconds hold, and the seconds that it took.

    Compilation and the steps that measure the speed come before, and do not count.
    """
    fit(_FEW)
    few, more = _timed(fit, _FEW), _timed(fit, 4 * _FEW)
    # The difference: what a call costs whatever its steps is paid once.
    a_step = max((more - few) / (3 * _FEW), 1e-6)
    start = time.perf_counter()
    result = fit(max(int(seconds / a_step), _FEW))
    return result, time.perf_counter() - start


def _timed(fit: Callable[[int], inr.FitResult], num_steps: int) -> float:
    start = time.perf_counter()
    fit(num_steps)
    return time.perf_counter() - start
