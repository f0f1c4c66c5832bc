"""UniPC, a predictor and a corrector in one row of the table.

Notation as in `tables`: lambda = log(a/s), h the step in lambda, D_i the predicted x0
at step i.
"""

import math

import numpy as np

from inr import _checks
from inr.diffusion.tables import Path, Rows, Sampler, check_signal, make_sampler


def unipc(
    *,
    order: int = 2,
    num_steps: int | None = None,
    spacing: str | tuple[int, ...] = "trailing",
) -> Sampler:
    """UniPC, a predictor and a corrector at one prediction a step [Zhao et al. 2023].

    arXiv:2302.04867, with B(h) = exp(h) - 1. The corrector of a step shares its factor
    of x with the predictor, so that both are one row of the table.

    Args:
      order: 1, 2 or 3 of the predictor; the corrector adds one. It falls to 1 over the
        last steps.
      num_steps: how many levels are visited; None for all.
      spacing: a rule of `spaced_levels`, or the ascending levels themselves.

    Returns:
      A `Sampler`.

    Raises:
      ValueError: for numbers outside their range.
    """
    _checks.check_choice("order", order, (1, 2, 3))
    return make_sampler(_unipc, num_steps, spacing, order=order)


def _unipc(path: Path, *, order: int) -> Rows:
    check_signal(path)
    n, a1, k = len(path.a), path.a1, path.k
    reached = path.order(order, True).tolist()
    x = path.s1 / path.s
    kept = np.zeros((n, order + 1))
    kept[:, 0] = a1 * (1 - k)
    for i in range(n):
        kept[i, : reached[i]] += _predictor(path, i, reached[i])
        if i > 0:
            # What the corrector adds to x_i before the predictor goes on from there.
            p = reached[i - 1]
            correction = _corrector(path, i - 1, p)
            correction[1:] -= _predictor(path, i - 1, p)
            kept[i, : p + 1] += x[i] * correction
    return Rows(path.level, x, kept, 0 * x)


def _predictor(path: Path, i: int, order: int) -> np.ndarray:
    """Weights of D_i, D_{i-1}, ... beside the first-order step from level i."""
    if order == 1:
        return np.zeros(1)
    nodes, phi, scale = _unipc_system(path, i, order)
    powers = np.vander(nodes[:-1], increasing=True).T
    # At order 2 the authors take the limit of a small step.
    rho = np.array([0.5]) if order == 2 else np.linalg.solve(powers, phi[:-1])
    weights = scale * rho / nodes[:-1]
    return np.append(-weights.sum(), weights)


def _corrector(path: Path, i: int, order: int) -> np.ndarray:
    """Weights of D_{i+1}, D_i, ... beside the first-order step from level i."""
    nodes, phi, scale = _unipc_system(path, i, order)
    powers = np.vander(nodes, increasing=True).T
    rho = np.array([0.5]) if order == 1 else np.linalg.solve(powers, phi)
    weights = scale * rho / nodes
    return np.concatenate([weights[-1:], [-weights.sum()], weights[:-1]])


def _unipc_system(
    path: Path, i: int, order: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Nodes (the levels before, then the next at 1), moments, and the common factor."""
    log_snr = np.log(path.a / path.s)
    h = -math.log(path.k[i])
    nodes = [(log_snr[i - j] - log_snr[i]) / h for j in range(1, order)]
    moments, phi, factorial = [], math.expm1(-h) / -h - 1, 1
    for j in range(1, order + 1):
        moments.append(phi * factorial / math.expm1(-h))
        factorial *= j + 1
        phi = phi / -h - 1 / factorial
    scale = -path.a1[i] * math.expm1(-h)
    return np.array([*nodes, 1.0]), np.array(moments), scale
