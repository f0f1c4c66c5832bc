"""What may be done to a sample on its way: corrections, projection, inpainting."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from inr import _checks
from inr._typing import Array, ArrayLike, Denoiser


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("inpaint",),
    meta_fields=("correct_x0", "correct_x", "project_noise"),
)
@dataclass(frozen=True)
class Hooks:
    """Changes to a sampling run; none by default.

    Attributes:
      correct_x0: `x0 -> x0`, on every predicted clean signal: `clip(-1, 1)`,
        `dynamic_threshold(0.995)` or a function of your own at module level.
      correct_x: `x -> x`, on the start and on the state after every step.
      project_noise: noise only turns x about the predicted x0, at the distance that it
        has without noise, in the norm of the last axis.
      inpaint: `(known, mask)`: known `[...]` of the shape of x, and mask, bool, True
        where to generate; of the shape of x, or with ones. Elsewhere x follows the
        forward process from `known` with the noise of the start [after Song et al.
        2021, arXiv:2011.13456, appendix I.2], and the sample equals `known` exactly.
    """

    correct_x0: Callable[[Array], Array] | None = None
    correct_x: Callable[[Array], Array] | None = None
    project_noise: bool = False
    inpaint: tuple[Float[ArrayLike, "*shape"], Bool[ArrayLike, "*mask"]] | None = None

    def check(self, x: Array) -> None:
        """Raises ValueError unless `inpaint` fits x."""
        if self.inpaint is None:
            return
        known, mask = self.inpaint
        if jnp.shape(known) != x.shape:
            raise _checks.fail("inpaint", f"known {x.shape}", f"{jnp.shape(known)}")
        _checks.check_finite("inpaint", known)
        if jnp.result_type(mask) != jnp.bool_:
            raise _checks.fail(
                "inpaint",
                "a bool mask, True where to generate",
                f"dtype {jnp.result_type(mask)}",
                "Compare it, as in `mask > 127`.",
            )
        shape = jnp.shape(mask)
        fits = len(shape) == x.ndim and all(
            m in (1, n) for m, n in zip(shape, x.shape, strict=True)
        )
        if not fits:
            raise _checks.fail("inpaint", f"a mask {x.shape} or with ones", f"{shape}")

    def corrected_x0(self, x0: Array) -> Array:
        return x0 if self.correct_x0 is None else self.correct_x0(x0)

    def corrected_x(self, x: Array) -> Array:
        return x if self.correct_x is None else self.correct_x(x)

    def add_noise(self, mean: Array, z: Array, x0: Array) -> Array:
        """mean + z, at the distance of mean from x0 where noise is projected."""
        if not self.project_noise:
            return mean + z
        away = mean + z - x0
        length = _length(away)
        # Without a direction there is nothing to turn: x0 itself.
        return x0 + _length(mean - x0) * away / jnp.where(length > 0, length, 1)

    def inpainted(
        self, x: Array, a: Array | float, s: Array | float, noise: Array | None
    ) -> Array:
        """x with the known part put in at the level (a, s)."""
        if self.inpaint is None:
            return x
        known, mask = self.inpaint
        known = jnp.asarray(known, x.dtype)
        return jnp.where(jnp.broadcast_to(mask, x.shape), x, a * known + s * noise)


def _length(x: Array) -> Array:
    """Euclidean, along the last axis, with a gradient of 0 at 0 and not NaN."""
    square = jnp.square(x).sum(-1, keepdims=True)
    positive = square > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1)), 0)


@dataclass(frozen=True)
class _Clip:
    low: float
    high: float

    def __call__(self, x: Array) -> Array:
        return jnp.clip(x, self.low, self.high)


@dataclass(frozen=True)
class _DynamicThreshold:
    quantile: float
    limit: float

    def __call__(self, x0: Array) -> Array:
        size = jnp.abs(x0).reshape(x0.shape[0], -1)
        reach = jnp.maximum(jnp.quantile(size, self.quantile, axis=-1), self.limit)
        reach = reach.reshape(-1, *(1,) * (x0.ndim - 1))
        return jnp.clip(x0, -reach, reach) * (self.limit / reach)


def clip(low: float, high: float) -> Callable[[Array], Array]:
    """A correction for `Hooks` that keeps values between two bounds.

    Args:
      low: lower bound.
      high: upper bound.

    Returns:
      `x -> x`; two with equal bounds are equal.

    Raises:
      ValueError: unless low < high.
    """
    if not low < high:
        raise _checks.fail("high", f"above low, {low}", high)
    return _Clip(float(low), float(high))


def dynamic_threshold(
    quantile: float, *, limit: float = 1.0
) -> Callable[[Array], Array]:
    """A correction for `Hooks.correct_x0`: dynamic thresholding [Saharia et al. 2022].

    arXiv:2205.11487, section 2.3: each signal `[b, ...]` is clipped to the given
    quantile of its absolute values and scaled into `limit`, if that quantile is above
    the limit.

    Args:
      quantile: from 0 to 1, such as 0.995.
      limit: the largest absolute value that clean signals have.

    Returns:
      `x0 -> x0` for signals with a leading batch axis.

    Raises:
      ValueError: for numbers outside their range.
    """
    quantile = _checks.as_fraction("quantile", quantile)
    return _DynamicThreshold(quantile, _checks.as_positive("limit", limit))


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("denoiser", "unconditional", "guidance_scale", "interval"),
    meta_fields=(),
)
@dataclass(frozen=True)
class _Guided:
    denoiser: Any
    unconditional: Any
    guidance_scale: Any
    interval: Any

    def __call__(self, x: Array, t: Array, condition: Any) -> Array:
        low, high = self.interval
        scale = jnp.where((low <= t) & (t <= high), self.guidance_scale, 1)
        scale = scale.reshape(scale.shape + (1,) * (x.ndim - scale.ndim))
        with_condition = self.denoiser(x, t, condition)
        without = self.denoiser(x, t, self.unconditional)
        return without + scale.astype(x.dtype) * (with_condition - without)


def guided(
    denoiser: Denoiser,
    unconditional: Any,
    *,
    guidance_scale: float | Array,
    interval: tuple[int | float, int | float] | None = None,
) -> Denoiser:
    """A denoiser with classifier-free guidance [Ho and Salimans 2022].

    arXiv:2207.12598. The prediction is p(unconditional) + guidance_scale *
    (p(condition) - p(unconditional)): 1 is the conditional prediction, 0 the
    unconditional one. (The paper's w is guidance_scale - 1.)

    Args:
      denoiser: `(x, t, condition)` to a prediction.
      unconditional: the condition that stands for none, as the denoiser was trained.
      guidance_scale: a number; it may be traced.
      interval: `(low, high)`, times within which to guide [Kynkaanniemi et al. 2024,
        arXiv:2404.07724]; outside, the scale is 1. All of them by default.

    Returns:
      A denoiser `(x, t, condition)`; another scale or interval compiles nothing.

    Raises:
      ValueError: unless low <= high.
    """
    low, high = (-jnp.inf, jnp.inf) if interval is None else interval
    if not low <= high:
        raise _checks.fail("interval", "(low, high) with low <= high", f"{interval}")
    denoiser = _checks.as_pytree("denoiser", denoiser)
    return _Guided(denoiser, unconditional, guidance_scale, (low, high))
