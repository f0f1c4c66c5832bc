"""High-order samplers: the DPM-Solver family and linear multistep.

Notation as in `tables`: lambda = log(a/s), h is the step in lambda, k = exp(-h), D_i is
the predicted x0 at step i, r = h_{i-1} / h_i.
"""

from typing import Literal

import numpy as np

from inr import _checks
from inr.diffusion.samplers import posterior_std
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


def dpmpp(
    *,
    order: Literal[1, 2, 3] = 2,
    eta: float = 0.0,
    rule: Literal["midpoint", "heun"] = "midpoint",
    lower_order_final: bool = False,
    num_steps: int | None = None,
    spacing: Spacing | tuple[int, ...] = "trailing",
    final: FinalLevel = "clean",
) -> Sampler:
    """DPM-Solver++ with memory: 2M, 3M and their SDE forms [Lu et al. 2022].

    arXiv:2211.01095. One prediction a step.

    Args:
      order: 1, 2 or 3. The first steps have lower orders, because there are no earlier
        predictions.
      eta: from 0, deterministic, to 1, the reverse SDE.
      rule: weight of the difference of predictions at order 2, "midpoint" or "heun".
      lower_order_final: reduce the order to 1 over the last steps. Use it with few
        steps.
      num_steps: number of levels to visit; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.
      final: "clean" ends at x0, with a step of order 1; "lowest" at level 0.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: if an option is outside its range.
    """
    _checks.check_choice("order", order, (1, 2, 3))
    _checks.check_choice("rule", rule, ("midpoint", "heun"))
    _checks.check_flag("lower_order_final", lower_order_final)
    return make_sampler(
        _dpmpp,
        num_steps,
        spacing,
        final,
        order=order,
        eta=_checks.as_fraction("eta", eta),
        rule=rule,
        lower_order_final=bool(lower_order_final),
    )


def dpmpp_2s(
    *,
    eta: float = 0.0,
    num_steps: int | None = None,
    spacing: Spacing | tuple[int, ...] = "trailing",
) -> Sampler:
    """DPM-Solver++ 2S: order 2 from two predictions a step [Lu et al. 2022, alg. 1].

    The second prediction is at the level of the schedule that is nearest to the middle
    of the step in lambda.

    Args:
      eta: from 0, deterministic, to 1, ancestral.
      num_steps: number of levels to visit; None for all. A level must lie between any
        two of them.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: if an option is outside its range.
    """
    eta = _checks.as_fraction("eta", eta)
    return make_sampler(_dpmpp_2s, num_steps, spacing, eta=eta)


def dpm_solver(
    *,
    order: Literal[1, 2] = 2,
    num_steps: int | None = None,
    spacing: Spacing | tuple[int, ...] = "trailing",
    final: FinalLevel = "clean",
) -> Sampler:
    """DPM-Solver with memory, on the predicted noise [Lu et al. 2022].

    arXiv:2206.00927. `dpmpp`, on the predicted x0, is more stable.

    Args:
      order: 1 or 2.
      num_steps: number of levels to visit; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.
      final: "clean" ends at x0, with a step of order 1; "lowest" at level 0.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: if an option is outside its range.
    """
    _checks.check_choice("order", order, (1, 2))
    return make_sampler(_dpm_solver, num_steps, spacing, final, order=order)


def lms(
    *,
    order: Literal[1, 2, 3, 4] = 4,
    num_steps: int | None = None,
    spacing: Spacing | tuple[int, ...] = "trailing",
) -> Sampler:
    """Linear multistep on the probability flow: Adams-Bashforth in s / a.

    The slope is the predicted eps. A polynomial interpolates it through the last
    `order` levels and is integrated over the step.

    Args:
      order: 1 to 4.
      num_steps: number of levels to visit; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: if an option is outside its range.
    """
    _checks.check_choice("order", order, (1, 2, 3, 4))
    return make_sampler(_lms, num_steps, spacing, order=order)


def _dpmpp(
    path: Path, *, order: int, eta: float, rule: str, lower_order_final: bool
) -> Rows:
    a1, s1, k = path.a1, path.s1, path.k
    # With eta > 0, x decays by a further exp(-eta h), and fresh noise replaces it.
    x = s1 / path.s * k**eta
    weight = a1 * (1 - k ** (1 + eta))
    noise_std = s1 * np.sqrt(1 - k ** (2 * eta))

    h = -np.log(k)
    r0 = _earlier(h, 1) / h
    r1 = _earlier(h, 2) / h
    h_eta = h * (1 + eta)
    phi_2 = a1 * (1 + np.expm1(-h_eta) / h_eta)
    phi_3 = phi_2 / h_eta - a1 / 2
    slope = weight / 2 if rule == "midpoint" else phi_2

    # Divided differences of D: the first is [1, -1] / r0, the second follows from two.
    zero = np.zeros_like(k)
    first = np.stack([1 / r0, -1 / r0, zero], -1)
    earlier = np.stack([zero, 1 / r1, -1 / r1], -1)
    second = (first - earlier) / (r0 + r1)[:, None]
    order_2 = slope[:, None] * first
    order_3 = phi_2[:, None] * (first + r0[:, None] * second)
    order_3 -= phi_3[:, None] * second

    orders = path.orders(order, lower_order_final=lower_order_final)[:, None]
    memory = np.where(orders == 2, order_2, np.where(orders == 3, order_3, 0))
    memory[:, 0] += weight
    return Rows(path.level, x, memory[:, :order], noise_std)


def _dpmpp_2s(path: Path, *, eta: float) -> Rows:
    check_signal(path)
    a1, s1 = path.a1, path.s1
    sigma = eta * posterior_std(path)
    x = np.sqrt(np.maximum(np.square(s1) - np.square(sigma), 0)) / path.s
    k = x * path.a / a1
    level, a_m, s_m = middle_levels(path, x)
    k_m = (s_m * path.a) / (path.s * a_m)
    to_clean = s1 == 0
    r = np.log(np.where(to_clean, 0.5, k_m)) / np.log(np.where(to_clean, 0.25, k))
    weight = a1 * (1 - k)
    second_weight = np.where(to_clean, 0, weight / (2 * r))
    second = SecondStage(level, s_m / path.s, a_m * (1 - k_m), second_weight)
    memory = (weight - second_weight)[:, None]
    return Rows(path.level, x, memory, sigma, second=second)


def _dpm_solver(path: Path, *, order: int) -> Rows:
    check_signal(path)
    h = -np.log(path.k)
    r = _earlier(h, 1) / h
    x = path.a1 / path.a
    weight = path.s1 - path.s * x
    orders = path.orders(order, lower_order_final=False)
    slope = np.where(orders == 2, weight / (2 * r), 0)
    memory = np.stack([weight + slope, -slope], -1)
    return Rows(path.level, x, memory[:, :order], 0 * x, remembers_eps=True)


def _lms(path: Path, *, order: int) -> Rows:
    check_signal(path)
    sigma = np.append(path.s / path.a, path.s1[-1] / path.a1[-1])
    memory = np.zeros((len(path.a), order))
    for i in range(len(path.a)):
        # Relative to the start of the step, to avoid cancellation.
        nodes = sigma[max(i + 1 - order, 0) : i + 1][::-1] - sigma[i]
        step = sigma[i + 1] - sigma[i]
        for j, node in enumerate(nodes):
            others = np.delete(nodes, j)
            basis = np.atleast_1d(np.poly(others)) / np.prod(node - others)
            memory[i, j] = np.polyval(np.polyint(basis), step)
    memory *= path.a1[:, None]
    return Rows(path.level, path.a1 / path.a, memory, 0 * path.a, remembers_eps=True)


def _earlier(h: np.ndarray, num_steps: int) -> np.ndarray:
    """h of an earlier step; 1, which is not used, where there is no such step."""
    return np.append(np.ones(num_steps), h)[: len(h)]
