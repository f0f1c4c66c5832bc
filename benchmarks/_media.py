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
    start = time.perf_counter()
    fit(_FEW)
    num_steps = max(int(_FEW * seconds / (time.perf_counter() - start)), _FEW)
    start = time.perf_counter()
    result = fit(num_steps)
    return result, time.perf_counter() - start
