"""Guidance fields: the gradient to integrate, from the gradients of several images.

Contract: a guidance is a function `(gradients, weights) -> [h, w, 2, c]`. Its arguments
are the gradients `[n, h, w, 2, c]` of n images, per pixel as `poisson.grid_gradient`
returns them, and weights on the same edges, `[n, h, w, 2, 1]`, or `[n, 1, 1, 1, 1]` if
all are 1. Every argument that takes a name also takes such a function. Each function
object is compiled once, so define functions at module level; the ones here compare by
value.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp

from inr import _checks
from inr._typing import Array
from inr.color import rgb_to_luma

Guidance = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Strongest:
    """The gradient of the image in which it is strongest; the first image wins ties.

    Perez et al. [2003, eq. 12] choose for every edge and channel independently, which
    is `Strongest(joint_channels=False)`. Colors of both images then mix at an edge.

    Attributes:
      select: `"edge"` compares single edges; `"pixel"` compares the length of the
        gradient vector at each pixel and takes both of its edges from one image.
      joint_channels: compares the norm over channels and takes all of them from one
        image.
    """

    select: Literal["edge", "pixel"] = "edge"
    joint_channels: bool = True

    def __post_init__(self) -> None:
        _checks.check_choice("select", self.select, ("edge", "pixel"))
        _checks.check_flag("joint_channels", self.joint_channels)

    def __call__(self, gradients: Array, weights: Array) -> Array:
        """Select gradients; weights multiply only the strengths that are compared."""
        strength = jnp.square(weights * gradients)
        if self.select == "pixel":
            strength = strength.sum(3, keepdims=True)
        if self.joint_channels:
            strength = strength.sum(4, keepdims=True)
        pairs = zip(gradients, strength, strict=True)
        return functools.reduce(_stronger, pairs)[0]


def mean_gradient(gradients: Array, weights: Array) -> Array:
    """The weighted mean; zero on edges where all weights are zero.

    With equal weights its integral is the mean image.

    Args:
      gradients: `[n, h, w, 2, c]`.
      weights: `[n, h, w, 2, 1]` or `[n, 1, 1, 1, 1]`.

    Returns:
      `[h, w, 2, c]`.
    """
    total = weights.sum(0)
    return (weights * gradients).sum(0) / jnp.where(total == 0, 1, total)


def first_gradient(gradients: Array, weights: Array) -> Array:
    """The gradient of the first image: the source of `seamless_clone`.

    Args:
      gradients: `[n, h, w, 2, c]`.
      weights: not read.

    Returns:
      `[h, w, 2, c]` [Perez et al. 2003, eq. 10].
    """
    del weights
    return gradients[0]


def gray_gradient(gradients: Array, weights: Array) -> Array:
    """The gradient of the first image's BT.601 luma, in every channel.

    Args:
      gradients: `[n, h, w, 2, c]`; the mean over channels replaces luma if c is not 3.
      weights: not read.

    Returns:
      `[h, w, 2, c]`.
    """
    del weights
    first = gradients[0]
    is_rgb = first.shape[-1] == 3
    gray = rgb_to_luma(first) if is_rgb else first.mean(-1, keepdims=True)
    return jnp.broadcast_to(gray, first.shape)


def as_guidance(
    argument: str, value: str | Guidance, names: Mapping[str, Guidance]
) -> Guidance:
    """The function of a name, or the function itself."""
    if callable(value):
        return value
    if not isinstance(value, str) or value not in names:
        known = ", ".join(map(repr, names))
        raise _checks.fail(argument, f"one of {known}, or a function", repr(value))
    return names[value]


def apply_guidance(
    argument: str, guidance: Guidance, gradients: Array, weights: Array | None = None
) -> Array:
    """Call a guidance, with weights of 1 by default, and check the result's shape."""
    if weights is None:
        weights = jnp.ones((len(gradients), 1, 1, 1, 1), gradients.dtype)
    field = guidance(gradients, weights)
    expected = gradients.shape[1:]
    if getattr(field, "shape", None) != expected:
        got = getattr(field, "shape", type(field).__name__)
        raise _checks.fail(
            argument,
            f"a function that returns an array of shape {expected}",
            got,
            "It takes gradients [n, h, w, 2, c] and weights, and returns [h, w, 2, c].",
        )
    return field


def _stronger(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
    b_is_stronger = b[1] > a[1]
    return jnp.where(b_is_stronger, b[0], a[0]), jnp.maximum(a[1], b[1])
