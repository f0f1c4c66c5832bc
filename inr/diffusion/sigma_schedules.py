"""Schedules from the noise levels themselves: variance exploding and flow matching.

Notation as in `schedules`: sigma = s / a is the noise relative to the signal.
"""

import numpy as np

from inr import _checks
from inr.diffusion.schedules import Schedule, check_variance_preserving


def karras_schedule(
    num_levels: int,
    *,
    sigma_min: float = 0.002,
    sigma_max: float = 80.0,
    rho: float = 7.0,
) -> Schedule:
    """Variance exploding, evenly spaced in sigma^(1/rho) [Karras et al. 2022, eq. 5].

    arXiv:2206.00364. Sampling starts from noise of standard deviation `sigma_max`.

    Args:
      num_levels: T, at least 2.
      sigma_min: noise of level 0.
      sigma_max: noise of the last level.
      rho: 1 spaces sigma evenly; a larger value puts more levels near the clean end.

    Returns:
      A `Schedule` with signal 1.

    Raises:
      ValueError: unless 0 < sigma_min < sigma_max.
    """
    sigmas = _karras_sigmas(num_levels, sigma_min, sigma_max, rho)
    return Schedule(np.ones_like(sigmas), sigmas)


def karras_levels(schedule: Schedule, num_levels: int, *, rho: float = 7.0) -> Schedule:
    """A schedule between the ends of another, with the spacing of `karras_schedule`.

    Use it with a denoiser that was trained on `schedule`. `times` are interpolated in
    log sigma and fractional; round them if the denoiser expects integers.

    Args:
      schedule: a variance-preserving schedule.
      num_levels: T, at least 2.
      rho: as in `karras_schedule`.

    Returns:
      A variance-preserving `Schedule`.

    Raises:
      ValueError: if the schedule does not preserve the variance or has no signal at its
        last level.
    """
    check_variance_preserving(schedule)
    if schedule.signal[-1] == 0:
        raise _checks.fail(
            "schedule", "a schedule with signal at every level", "zero signal"
        )
    trained = schedule.sigmas
    sigmas = _karras_sigmas(num_levels, trained[0], trained[-1], rho)
    times = np.interp(np.log(sigmas), np.log(trained), schedule.times)
    signal = 1 / np.sqrt(1 + np.square(sigmas))
    return Schedule(signal, sigmas * signal, times)


def flow_schedule(num_levels: int, *, shift: float = 1.0) -> Schedule:
    """Straight paths x = (1 - s) x0 + s eps, s = 1/T, 2/T, ..., 1.

    Flow matching, also called rectified flow [Lipman et al. 2023, arXiv:2210.02747; Liu
    et al. 2023, arXiv:2209.03003]; shifted as in Esser et al. 2024, arXiv:2403.03206.

    Args:
      num_levels: T.
      shift: s becomes shift s / (1 + (shift - 1) s); above 1, levels have more noise.

    Returns:
      A `Schedule`; the last level has no signal.

    Raises:
      ValueError: if `shift` is not above 0.
    """
    num_levels = _checks.as_count("num_levels", num_levels)
    shift = _checks.as_positive("shift", shift)
    s = np.arange(1, num_levels + 1) / num_levels
    s = shift * s / (1 + (shift - 1) * s)
    return Schedule(1 - s, s)


def _karras_sigmas(
    num_levels: int, sigma_min: float, sigma_max: float, rho: float
) -> np.ndarray:
    num_levels = _checks.as_count("num_levels", num_levels, least=2)
    sigma_min = _checks.as_positive("sigma_min", sigma_min)
    sigma_max = _checks.as_positive("sigma_max", sigma_max)
    rho = _checks.as_positive("rho", rho)
    if not sigma_min < sigma_max:
        raise _checks.fail("sigma_min", f"below `sigma_max`, {sigma_max}", sigma_min)
    ends = (sigma_min ** (1 / rho), sigma_max ** (1 / rho))
    return np.linspace(*ends, num_levels) ** rho
