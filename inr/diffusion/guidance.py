"""Classifier-free guidance of a denoiser with a condition."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from inr import _checks
from inr._typing import Array, ArrayLike, Denoiser


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("denoiser", "unconditional", "guidance_scale", "interval"),
    meta_fields=(),
)
@dataclass(frozen=True)
class _Guided:
    denoiser: Denoiser
    unconditional: PyTree
    guidance_scale: ArrayLike
    interval: tuple[ArrayLike, ArrayLike]

    def __call__(self, x: Array, t: Array, condition: PyTree) -> Array:
        low, high = self.interval
        guide = (low <= t) & (t <= high)
        scale = jnp.where(guide, self.guidance_scale, 1)
        scale = scale.reshape(scale.shape + (1,) * (x.ndim - scale.ndim))
        conditional = self.denoiser(x, t, condition)
        unconditional = self.denoiser(x, t, self.unconditional)
        return unconditional + scale.astype(x.dtype) * (conditional - unconditional)


def guided(
    denoiser: Denoiser,
    unconditional: PyTree,
    *,
    guidance_scale: ArrayLike,
    interval: tuple[int | float, int | float] | None = None,
) -> Denoiser:
    """A denoiser with classifier-free guidance [Ho and Salimans 2022].

    arXiv:2207.12598. The prediction is p(unconditional) + guidance_scale *
    (p(condition) - p(unconditional)): 1 is the conditional prediction, 0 the
    unconditional one. (The paper's w is guidance_scale - 1.)

    Args:
      denoiser: `(x, t, condition)` to a prediction.
      unconditional: the condition that stood for no condition in training.
      guidance_scale: a number, or one for each signal; it may be traced.
      interval: `(low, high)`, the times within which to guide [Kynkaanniemi et al.
        2024, arXiv:2404.07724]; outside, the scale is 1. None guides at all times.

    Returns:
      A denoiser `(x, t, condition)`. Other scales and intervals compile nothing.

    Raises:
      ValueError: unless low <= high.
    """
    guidance_scale = _checks.as_real("guidance_scale", guidance_scale)
    interval = (-math.inf, math.inf) if interval is None else interval
    if not isinstance(interval, Sequence) or len(interval) != 2:
        raise _checks.fail("interval", "(low, high)", repr(interval))
    low, high = (_checks.as_number("interval", x, finite=False) for x in interval)
    if not low <= high:
        raise _checks.fail("interval", "(low, high) with low <= high", f"{interval}")
    denoiser = _checks.as_pytree("denoiser", denoiser)
    return _Guided(denoiser, unconditional, guidance_scale, (low, high))
