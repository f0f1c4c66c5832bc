"""High-order samplers: the DPM-Solver family and linear multistep.

Notation as in `tables`: lambda = log(a/s), h the step in lambda, k = exp(-h), D_i the
predicted x0 at step i, r = h_{i-1} / h_i.
"""

import numpy as np

from inr import _checks
from inr.diffusion.samplers import posterior_deviation
from inr.diffusion.tables import (
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
    order: int = 2,
    eta: float = 0.0,
    rule: str = "midpoint",
    lower_order_final: bool = False,
    num_steps: int | None = None,
    spacing: str | tuple[int, ...] = "trailing",
    final: str = "clean",
) -> Sampler:
    """DPM-Solver++ with memory: 2M, 3M and their SDE forms [Lu et al. 2022].

    arXiv:2211.01095. One prediction a step. With eta = 1 it solves the reverse SDE.

    Args:
      order: 1, 2 or 3; the first steps have the order that their memory allows.
      eta: 0 deterministic, 1 the reverse SDE; from 0 to 1.
      rule: "midpoint" or "heun", how order 2 weighs the difference of predictions.
      lower_order_final: lets the order fall to 1 over the last steps, for few steps.
      num_steps: how many levels are visited; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.
      final: "clean" ends at x0, by a step of order 1; "lowest" at level 0.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: for numbers outside their range.
    """
    _checks.check_choice("order", order, (1, 2, 3))
    _checks.check_choice("rule", rule, ("midpoint", "heun"))
    return make_sampler(
        _dpmpp,
        num_steps,
        spacing,
        final,
        order=order,
        eta=_checks.as_fraction("eta", eta),
        rule=rule,
        lower_at_end=bool(lower_order_final),
    )


def dpmpp_2s(
    *,
    eta: float = 0.0,
    num_steps: int | None = None,
    spacing: str | tuple[int, ...] = "trailing",
) -> Sampler:
    """DPM-Solver++ 2S: order 2 from two predictions a step [Lu et al. 2022, alg. 1].

    The second prediction is made at the level of the schedule that is nearest to the
    middle of the step in lambda.

    Args:
      eta: 0 deterministic, 1 ancestral; from 0 to 1.
      num_steps: how many levels are visited; None for all. A level must lie between any
        two of them.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: for numbers outside their range.
    """
    eta = _checks.as_fraction("eta", eta)
    return make_sampler(_dpmpp_2s, num_steps, spacing, eta=eta)


def dpm_solver(
    *,
    order: int = 2,
    num_steps: int | None = None,
    spacing: str | tuple[int, ...] = "trailing",
    final: str = "clean",
) -> Sampler:
    """DPM-Solver with memory, in the predicted noise [Lu et al. 2022].

    arXiv:2206.00927. `dpmpp`, in the predicted x0, is the steadier one.

    Args:
      order: 1 or 2.
      num_steps: how many levels are visited; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.
      final: "clean" ends at x0, by a step of order 1; "lowest" at level 0.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: for numbers outside their range.
    """
    _checks.check_choice("order", order, (1, 2))
    return make_sampler(_dpm_solver, num_steps, spacing, final, order=order)


def lms(
    *,
    order: int = 4,
    num_steps: int | None = None,
    spacing: str | tuple[int, ...] = "trailing",
) -> Sampler:
    """Linear multistep on the probability flow: Adams-Bashforth in s / a.

    The slope, which is the predicted eps, is interpolated by a polynomial through the
    last `order` levels and integrated over the step.

    Args:
      order: 1 to 4.
      num_steps: how many levels are visited; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: for numbers outside their range.
    """
    _checks.check_choice("order", order, (1, 2, 3, 4))
    return make_sampler(_lms, num_steps, spacing, order=order)


def _dpmpp(
    path: Path, *, order: int, eta: float, rule: str, lower_at_end: bool
) -> Rows:
    a1, s1, k = path.a1, path.s1, path.k
    # With noise the signal decays by exp(-eta h) more, and the noise fills that up.
    x = s1 / path.s * k**eta
    whole = a1 * (1 - k ** (1 + eta))
    noise = s1 * np.sqrt(1 - k ** (2 * eta))

    h = -np.log(k)
    r0 = _shifted(h, 1) / h
    r1 = _shifted(h, 2) / h
    h_eta = h * (1 + eta)
    phi_2 = a1 * (1 + np.expm1(-h_eta) / h_eta)
    phi_3 = phi_2 / h_eta - a1 / 2
    slope = whole / 2 if rule == "midpoint" else phi_2

    # Divided differences of D: first [1, -1] / r0, second from two of them.
    none = np.zeros_like(k)
    first = np.stack([1 / r0, -1 / r0, none], -1)
    before = np.stack([none, 1 / r1, -1 / r1], -1)
    bend = (first - before) / (r0 + r1)[:, None]
    second_order = slope[:, None] * first
    third_order = phi_2[:, None] * (first + r0[:, None] * bend) - phi_3[:, None] * bend

    reached = path.order(order, lower_at_end)[:, None]
    kept = np.where(reached == 2, second_order, np.where(reached == 3, third_order, 0))
    kept[:, 0] += whole
    return Rows(path.level, x, kept[:, :order], noise)


def _dpmpp_2s(path: Path, *, eta: float) -> Rows:
    check_signal(path)
    a1, s1 = path.a1, path.s1
    sigma = eta * posterior_deviation(path)
    x = np.sqrt(np.maximum(np.square(s1) - np.square(sigma), 0)) / path.s
    k = x * path.a / a1
    level, a_m, s_m = middle_levels(path, x)
    k_m = (s_m * path.a) / (path.s * a_m)
    into_clean = s1 == 0
    r = np.log(np.where(into_clean, 0.5, k_m)) / np.log(np.where(into_clean, 0.25, k))
    whole = a1 * (1 - k)
    factor = np.where(into_clean, 0, whole / (2 * r))
    second = SecondStage(level, s_m / path.s, a_m * (1 - k_m), factor)
    return Rows(path.level, x, (whole - factor)[:, None], sigma, second=second)


def _dpm_solver(path: Path, *, order: int) -> Rows:
    check_signal(path)
    h = -np.log(path.k)
    r = _shifted(h, 1) / h
    x = path.a1 / path.a
    whole = path.s1 - path.s * x
    reached = path.order(order, False)
    slope = np.where(reached == 2, whole / (2 * r), 0)
    kept = np.stack([whole + slope, -slope], -1)
    return Rows(path.level, x, kept[:, :order], 0 * x, keeps_eps=True)


def _lms(path: Path, *, order: int) -> Rows:
    check_signal(path)
    sigma = np.append(path.s / path.a, path.s1[-1] / path.a1[-1])
    kept = np.zeros((len(path.a), order))
    for i in range(len(path.a)):
        # Relative to where the step starts, against cancellation.
        nodes = sigma[max(i + 1 - order, 0) : i + 1][::-1] - sigma[i]
        step = sigma[i + 1] - sigma[i]
        for j, node in enumerate(nodes):
            others = np.delete(nodes, j)
            basis = np.atleast_1d(np.poly(others)) / np.prod(node - others)
            kept[i, j] = np.polyval(np.polyint(basis), step)
    kept *= path.a1[:, None]
    return Rows(path.level, path.a1 / path.a, kept, 0 * path.a, keeps_eps=True)


def _shifted(h: np.ndarray, by: int) -> np.ndarray:
    """h of an earlier step; 1 where there was none, which goes unused."""
    return np.append(np.ones(by), h)[: len(h)]
