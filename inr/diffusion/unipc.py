"""UniPC: a predictor and a corrector in one row of the table.

Notation as in `tables`: lambda = log(a/s), h is the step in lambda, D_i is the
predicted x0 at step i.
"""

import math
from typing import Literal

import numpy as np

from inr import _checks
from inr.diffusion.spacing import Spacing
from inr.diffusion.tables import Path, Rows, Sampler, check_signal, make_sampler


def unipc(
    *,
    order: Literal[1, 2, 3] = 2,
    num_steps: int | None = None,
    spacing: Spacing | tuple[int, ...] = "trailing",
) -> Sampler:
    """UniPC: predictor and corrector with one prediction a step [Zhao et al. 2023].

    arXiv:2302.04867, with B(h) = exp(h) - 1. Predictor and corrector of a step have the
    same factor of x, so that one row of the table holds both.

    Args:
      order: order of the predictor, 1, 2 or 3; the corrector adds one. The order falls
        to 1 over the last steps.
      num_steps: number of levels to visit; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: if an option is outside its range.
    """
    _checks.check_choice("order", order, (1, 2, 3))
    return make_sampler(_unipc, num_steps, spacing, order=order)


def _unipc(path: Path, *, order: int) -> Rows:
    check_signal(path)
    n, a1, k = len(path.a), path.a1, path.k
    orders = path.orders(order, lower_order_final=True).tolist()
    x = path.s1 / path.s
    memory = np.zeros((n, order + 1))
    memory[:, 0] = a1 * (1 - k)
    for i in range(n):
        memory[i, : orders[i]] += _predictor(path, i, orders[i])
        if i > 0:
            # The corrector changes x_i before the predictor starts from it.
            p = orders[i - 1]
            correction = _corrector(path, i - 1, p)
            correction[1:] -= _predictor(path, i - 1, p)
            memory[i, : p + 1] += x[i] * correction
    return Rows(path.level, x, memory, 0 * x)


def _predictor(path: Path, i: int, order: int) -> np.ndarray:
    """Weights of D_i, D_{i-1}, ... in addition to the step of order 1 from level i."""
    if order == 1:
        return np.zeros(1)
    nodes, phi, factor = _unipc_system(path, i, order)
    powers = np.vander(nodes[:-1], increasing=True).T
    # At order 2 the paper uses the limit of a small step.
    rho = np.array([0.5]) if order == 2 else np.linalg.solve(powers, phi[:-1])
    weights = factor * rho / nodes[:-1]
    return np.append(-weights.sum(), weights)


def _corrector(path: Path, i: int, order: int) -> np.ndarray:
    """Weights of D_{i+1}, D_i, ... in addition to the step of order 1 from level i."""
    nodes, phi, factor = _unipc_system(path, i, order)
    powers = np.vander(nodes, increasing=True).T
    rho = np.array([0.5]) if order == 1 else np.linalg.solve(powers, phi)
    weights = factor * rho / nodes
    return np.concatenate([weights[-1:], [-weights.sum()], weights[:-1]])


def _unipc_system(
    path: Path, i: int, order: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Nodes (the earlier levels, then 1 for the next), moments and common factor."""
    log_snr = np.log(path.a / path.s)
    h = -math.log(path.k[i])
    nodes = [(log_snr[i - j] - log_snr[i]) / h for j in range(1, order)]
    moments, phi, factorial = [], math.expm1(-h) / -h - 1, 1
    for j in range(1, order + 1):
        moments.append(phi * factorial / math.expm1(-h))
        factorial *= j + 1
        phi = phi / -h - 1 / factorial
    factor = -path.a1[i] * math.expm1(-h)
    return np.array([*nodes, 1.0]), np.array(moments), factor
