"""Hooks of a sampling run: corrections, projection of the noise, and inpainting."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from inr import _checks
from inr._typing import Array, ArrayLike


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("inpaint",),
    meta_fields=("correct_x0", "correct_x", "project_noise"),
)
@dataclass(frozen=True)
class Hooks:
    """Changes to a sampling run. By default there are none.

    Attributes:
      correct_x0: `x0 -> x0`, applied to every predicted clean signal: `clip(-1, 1)`,
        `dynamic_threshold(0.995)` or another function. Define it at module level: a
        new function object compiles anew.
      correct_x: `x -> x`, applied to the start and to the state after every step.
      project_noise: keep the distance of x from the predicted x0, in the norm of the
        last axis, as it is without noise; the noise changes the direction only.
      inpaint: `(known, mask)`. known is `[...]`, of the shape of x; mask is bool, True
        where to generate, of the shape of x or with axes of length 1. Elsewhere x
        follows the forward process from `known` with the noise of the start [after
        Song et al. 2021, arXiv:2011.13456, appendix I.2], and the sample equals `known`
        exactly.
    """

    correct_x0: Callable[[Array], Array] | None = None
    correct_x: Callable[[Array], Array] | None = None
    project_noise: bool = False
    inpaint: tuple[Float[ArrayLike, "*shape"], Bool[ArrayLike, "*mask"]] | None = None

    def __post_init__(self) -> None:
        for name in ("correct_x0", "correct_x"):
            if getattr(self, name) is not None:
                _checks.check_callable(name, getattr(self, name))
        _checks.check_flag("project_noise", self.project_noise)

    def check(self, x: Array) -> None:
        """Raise ValueError unless `inpaint` fits x."""
        if self.inpaint is None:
            return
        if not isinstance(self.inpaint, tuple | list) or len(self.inpaint) != 2:
            raise _checks.fail("inpaint", "(known, mask)", repr(self.inpaint))
        known, mask = self.inpaint
        if jnp.shape(known) != x.shape:
            raise _checks.fail(
                "inpaint",
                f"(known, mask) with known of shape {x.shape}",
                f"shape {jnp.shape(known)}",
            )
        _checks.check_finite("inpaint", known)
        if jnp.result_type(mask) != jnp.bool_:
            raise _checks.fail(
                "inpaint",
                "(known, mask) with a bool mask, True where to generate",
                f"dtype {jnp.result_type(mask)}",
                "Compare it with a number, as in `mask > 127`.",
            )
        shape = jnp.shape(mask)
        fits = len(shape) == x.ndim and all(
            m in (1, n) for m, n in zip(shape, x.shape, strict=True)
        )
        if not fits:
            raise _checks.fail(
                "inpaint",
                f"(known, mask) with a mask {x.shape}, or with axes of length 1",
                f"shape {shape}",
            )

    def apply_correct_x0(self, x0: Array) -> Array:
        """x0 after `correct_x0`."""
        return x0 if self.correct_x0 is None else self.correct_x0(x0)

    def apply_correct_x(self, x: Array) -> Array:
        """x after `correct_x`."""
        return x if self.correct_x is None else self.correct_x(x)

    def add_noise(self, mean: Array, z: Array, x0: Array) -> Array:
        """mean + z; with `project_noise`, at the distance of mean from x0."""
        if not self.project_noise:
            return mean + z
        offset = mean + z - x0
        norm = _norm(offset)
        # An offset of 0 has no direction: the result is x0.
        return x0 + _norm(mean - x0) * offset / jnp.where(norm > 0, norm, 1)

    def replace_known(
        self, x: Array, a: ArrayLike, s: ArrayLike, noise: Array | None
    ) -> Array:
        """x with its known part at the level (a, s)."""
        if self.inpaint is None or noise is None:
            return x
        known, mask = self.inpaint
        known = jnp.asarray(known, x.dtype)
        return jnp.where(jnp.broadcast_to(mask, x.shape), x, a * known + s * noise)


def _norm(x: Array) -> Array:
    """Euclidean norm along the last axis, with gradient 0, not NaN, at 0."""
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
        magnitude = jnp.abs(x0).reshape(x0.shape[0], -1)
        bound = jnp.quantile(magnitude, self.quantile, axis=-1)
        bound = jnp.maximum(bound, self.limit).reshape(-1, *(1,) * (x0.ndim - 1))
        return jnp.clip(x0, -bound, bound) * (self.limit / bound)


def clip(low: float, high: float) -> Callable[[Array], Array]:
    """A correction for `Hooks` that clips values to two bounds.

    Args:
      low: lower bound.
      high: upper bound.

    Returns:
      `x -> x`; two results with equal bounds compare equal.

    Raises:
      ValueError: unless low < high.
    """
    low = _checks.as_number("low", low, finite=False)
    high = _checks.as_number("high", high, finite=False)
    if not low < high:
        raise _checks.fail("high", f"above `low`, {low}", high)
    return _Clip(low, high)


def dynamic_threshold(
    quantile: float, *, limit: float = 1.0
) -> Callable[[Array], Array]:
    """A correction for `Hooks.correct_x0`: dynamic thresholding [Saharia et al. 2022].

    arXiv:2205.11487, section 2.3. If the quantile of the absolute values of a signal is
    above `limit`, the signal is clipped to the quantile and scaled to `limit`.

    Args:
      quantile: from 0 to 1, such as 0.995.
      limit: the largest absolute value of clean signals.

    Returns:
      `x0 -> x0` for signals with a leading batch axis.

    Raises:
      ValueError: if a number is outside its range.
    """
    quantile = _checks.as_fraction("quantile", quantile)
    return _DynamicThreshold(quantile, _checks.as_positive("limit", limit))


def as_hooks(hooks: Hooks | None) -> Hooks:
    """The hooks, or none."""
    if hooks is None:
        return Hooks()
    _checks.check_type("hooks", hooks, Hooks)
    return hooks
