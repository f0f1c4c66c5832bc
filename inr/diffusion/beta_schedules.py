"""Variance-preserving schedules from betas, the variances of single forward steps.

Notation as in `schedules`: alpha_bar_t = prod over i <= t of (1 - beta_i) = a_t^2.
"""

from collections.abc import Sequence

import numpy as np

from inr import _checks
from inr.diffusion.schedules import Schedule


def schedule_from_betas(betas: Sequence[float] | np.ndarray) -> Schedule:
    """A variance-preserving schedule: alpha_bar_t = prod over i <= t of (1 - beta_i).

    Args:
      betas: `[levels]`, each in (0, 1); the last may be 1.

    Returns:
      A `Schedule`.

    Raises:
      ValueError: if a beta is outside its range.
    """
    betas = _checks.as_float64("betas", betas)
    if betas.ndim != 1 or betas.size == 0:
        raise _checks.fail("betas", "[levels]", f"shape {betas.shape}")
    if not ((betas > 0).all() and (betas[:-1] < 1).all() and betas[-1] <= 1):
        raise _checks.fail("betas", "in (0, 1)", f"{betas.min()} to {betas.max()}")
    alpha_bar = np.cumprod(1 - betas)
    return Schedule(np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar))


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
      ValueError: if a beta is outside (0, 1).
    """
    num_levels = _checks.as_count("num_levels", num_levels)
    start, stop = _as_betas(start=start, stop=stop)
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
      ValueError: if a beta is outside (0, 1).
    """
    num_levels = _checks.as_count("num_levels", num_levels)
    start, stop = _as_betas(start=start, stop=stop)
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
      ValueError: if a beta is outside (0, 1).
    """
    num_levels = _checks.as_count("num_levels", num_levels)
    start, stop = _as_betas(start=start, stop=stop)
    rise = 1 / (1 + np.exp(-np.linspace(-6, 6, num_levels)))
    return schedule_from_betas(start + (stop - start) * rise)


def cosine_schedule(
    num_levels: int, *, min_beta: float = 0.0, max_beta: float = 0.999
) -> Schedule:
    """alpha_bar along a squared cosine [Nichol and Dhariwal 2021, arXiv:2102.09672].

    Args:
      num_levels: T.
      min_beta: lower bound of the betas.
      max_beta: upper bound of the betas; below 1 it leaves some signal at the end.

    Returns:
      A variance-preserving `Schedule`.

    Raises:
      ValueError: if a beta is outside (0, 1).
    """
    num_levels = _checks.as_count("num_levels", num_levels)
    min_beta, max_beta = _as_betas(min_beta=min_beta, max_beta=max_beta)
    offset = 0.008
    t = np.arange(num_levels + 1) / num_levels
    f = np.cos((t + offset) / (1 + offset) * np.pi / 2) ** 2
    return schedule_from_betas(np.clip(1 - f[1:] / f[:-1], min_beta, max_beta))


def _as_betas(**betas: float) -> list[float]:
    return [_checks.as_fraction(name, beta) for name, beta in betas.items()]
