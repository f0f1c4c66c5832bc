"""Priors on smoothness, for what samples leave open."""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, Field, Key
from inr.calculus import gradient, hessian
from inr.fitting import Term

_MIN_SQUARE = 1e-12  # the square root has no derivative at zero


def smoothness_term(
    *, weight: float, order: Literal[1, 2] = 1, ndim: int = 2, batch_size: int = 4096
) -> Term:
    """Prior on smoothness: total variation, or its second-order version.

    The mean over the signal of the length of the gradient (order 1, total variation) or
    of the Hessian (order 2, Frobenius norm) of each feature, at random points.

    Args:
      weight: weight of the term; lengths are per unit of coords.
      order: 1 or 2.
      ndim: d, the number of coordinates.
      batch_size: number of points drawn in every step.

    Returns:
      A `Term`, for `fit` beside others.

    Raises:
      ValueError: for another order, or counts below 1.
    """
    _checks.check_choice("order", order, (1, 2))
    ndim = _checks.as_count("ndim", ndim)
    batch_size = _checks.as_count("batch_size", batch_size)
    residual = gradient_length if order == 1 else hessian_length
    weight = _checks.as_not_negative("weight", weight)
    return Term(residual, _RandomPoints((batch_size, ndim)), weight, reduce=jnp.mean)


def gradient_length(field: Field, batch: tuple[Array]) -> Array:
    """Length of each feature's gradient; a residual for `Term` with `reduce`.

    Args:
      field: function of coords `[n, d]`.
      batch: a tuple of the coords `[n, d]` alone.

    Returns:
      `[n, k]`.
    """
    (coords,) = _checks.as_batch(batch, "coords")
    square = jnp.square(gradient(field, coords)).sum(-2)
    return jnp.sqrt(jnp.maximum(square, _MIN_SQUARE))


def hessian_length(field: Field, batch: tuple[Array]) -> Array:
    """Frobenius norm of each feature's Hessian; a residual for `Term` with `reduce`.

    Args:
      field: function of coords `[n, d]`.
      batch: a tuple of the coords `[n, d]` alone.

    Returns:
      `[n, k]`.
    """
    (coords,) = _checks.as_batch(batch, "coords")
    square = jnp.square(hessian(field, coords)).sum((-3, -2))
    return jnp.sqrt(jnp.maximum(square, _MIN_SQUARE))


@dataclass(frozen=True)
class _RandomPoints:
    """`(key, step) -> (coords,)`, uniform in the signal; equal for equal shapes."""

    shape: tuple[int, int]

    def __call__(self, key: Key, step: int | Array) -> tuple[Array]:
        del step
        return (jax.random.uniform(key, self.shape, jnp.float32, -1, 1),)
