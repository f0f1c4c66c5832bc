"""Samplers of order 1, and two of order 2 with two predictions a step.

Notation as in `tables`: a step goes from (a, s) to (a', s'), k = (s'/a') / (s/a).
"""

from typing import Literal

import numpy as np

from inr import _checks
from inr.diffusion.spacing import Spacing
from inr.diffusion.tables import (
    FinalLevel,
    Path,
    Rows,
    Sampler,
    SecondStage,
    check_signal,
    make_sampler,
    middle_levels,
)


def ddim(
    *,
    eta: float = 0.0,
    num_steps: int | None = None,
    spacing: Spacing | tuple[int, ...] = "trailing",
    final: FinalLevel = "clean",
) -> Sampler:
    """Denoising diffusion implicit models [Song et al. 2021, arXiv:2010.02502, eq. 12].

    With eta = 0 this is Euler's method on the probability flow, DPM-Solver++ of order 1
    and, on a flow schedule, Euler's method along the velocity. With eta = 1 it is DDPM
    on the visited levels, and Euler's ancestral method.

    Args:
      eta: from 0, deterministic, to 1, the noise of the posterior.
      num_steps: number of levels to visit; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.
      final: "clean" ends at x0; "lowest" at level 0 of the schedule.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: if an option is outside its range.
    """
    eta = _checks.as_fraction("eta", eta)
    return make_sampler(_ddim, num_steps, spacing, final, eta=eta)


def ddpm(
    *,
    variance: Literal["small", "large"] = "small",
    num_steps: int | None = None,
    spacing: Spacing | tuple[int, ...] = "trailing",
) -> Sampler:
    """Ancestral sampling from the posterior [Ho et al. 2020, arXiv:2006.11239, alg. 2].

    Args:
      variance: "small" is the variance of the posterior, "large" that of a forward step
        (beta_t if every level is visited).
      num_steps: number of levels to visit; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: if the variance is unknown or an option is outside its range.
    """
    _checks.check_choice("variance", variance, ("small", "large"))
    method = _ddim if variance == "small" else _ddpm_large
    return make_sampler(method, num_steps, spacing, eta=1.0)


def heun(
    *, num_steps: int | None = None, spacing: Spacing | tuple[int, ...] = "trailing"
) -> Sampler:
    """Heun's method on the probability flow [Karras et al. 2022, alg. 1]; order 2.

    Two predictions a step, one in the last. Integrates in the variable s / a, or along
    the velocity on a flow schedule. A schedule that ends almost without signal, such as
    the cosine schedule, makes the first step in s / a far too long: use `karras_levels`
    of it.

    Args:
      num_steps: number of levels to visit; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: if an option is outside its range.
    """
    return make_sampler(_heun, num_steps, spacing)


def midpoint(
    *, num_steps: int | None = None, spacing: Spacing | tuple[int, ...] = "trailing"
) -> Sampler:
    """The midpoint method on the probability flow in s / a; order 2 ("DPM2").

    Two predictions a step, one in the last. The second prediction is at the level of
    the schedule that is nearest to the middle of the step in lambda.

    Args:
      num_steps: number of levels to visit; None for all. A level must lie between any
        two of them.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: if an option is outside its range.
    """
    return make_sampler(_midpoint, num_steps, spacing)


def _ddim(path: Path, *, eta: float) -> Rows:
    _, _, a, s, a1, s1 = path
    sigma = eta * posterior_std(path)
    # The predicted noise is continued with standard deviation sqrt(s'^2 - sigma^2).
    x = np.sqrt(np.maximum(np.square(s1) - np.square(sigma), 0)) / s
    return Rows(path.level, x, (a1 - a * x)[:, None], sigma)


def _ddpm_large(path: Path, *, eta: float) -> Rows:
    rows = _ddim(path, eta=eta)
    forward_std = np.sqrt(_forward_variance(path))
    return rows._replace(noise_std=np.where(path.s1 == 0, 0, forward_std))


def _forward_variance(path: Path) -> np.ndarray:
    """Variance of x_t given x at the next visited level."""
    return np.square(path.s) - np.square(path.a / path.a1 * path.s1)


def posterior_std(path: Path) -> np.ndarray:
    """Standard deviation of x at the next level given x_t and x0."""
    return path.s1 / path.s * np.sqrt(_forward_variance(path))


def _heun(path: Path) -> Rows:
    level, x, a1, k = path.level, path.s1 / path.s, path.a1, path.k
    if path.schedule.is_flow:
        # Along the velocity x is not divided by a, and s takes the place of s / a.
        a1, k = np.ones_like(k), x
    else:
        check_signal(path)
    to_clean = path.s1 == 0
    half = np.where(to_clean, 0, a1 * (1 - k) / (2 * np.where(to_clean, 1, k)))
    next_level = np.append(level[1:], level[-1])
    second = SecondStage(next_level, x, a1 * (1 - k), half)
    return Rows(level, x, (a1 * (1 - k) - half)[:, None], 0 * x, second=second)


def _midpoint(path: Path) -> Rows:
    check_signal(path)
    x, a1, k = path.s1 / path.s, path.a1, path.k
    level, a_m, s_m = middle_levels(path, x)
    k_m = (s_m * path.a) / (path.s * a_m)
    to_clean = path.s1 == 0
    weight = np.where(to_clean, 0, a1 * (1 - k) / k_m)
    second = SecondStage(level, s_m / path.s, a_m * (1 - k_m), weight)
    return Rows(path.level, x, (a1 * (1 - k) - weight)[:, None], 0 * x, second=second)
