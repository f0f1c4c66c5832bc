"""Guidance fields: from the gradients of several images to the one to be integrated.

Contract: a guidance is a function `(gradients, weights) -> [h, w, 2, c]` of the
gradients `[n, h, w, 2, c]` of n images, per pixel as `poisson.grid_gradient` gives
them, and of weights on the same edges, `[n, h, w, 2, 1]`, or `[n, 1, 1, 1, 1]` where
all are one. Pass any such function where a name is taken. A function is compiled once
for each function object, so define it at module level; the ones here compare by value.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp

from inr import _checks
from inr._typing import Array
from inr.color import rgb_to_luma

Guidance = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Strongest:
    """The gradient of the image in which it is strongest; the first image wins ties.

    Perez et al. [2003, eq. 12] choose on every edge and in every channel alone, which
    is `Strongest(joint_channels=False)`: colors of both images then mix at an edge.

    Attributes:
      select: `"edge"` compares edges one by one; `"pixel"` the length of the gradient
        vector at each pixel, both of whose edges then come from one image.
      joint_channels: compares the norm over channels, so that all come from one image.
    """

    select: str = "edge"
    joint_channels: bool = True

    def __post_init__(self) -> None:
        _checks.check_choice("select", self.select, ("edge", "pixel"))

    def __call__(self, gradients: Array, weights: Array) -> Array:
        """Weights multiply the strengths that are compared, not what is taken."""
        strength = jnp.square(weights * gradients)
        if self.select == "pixel":
            strength = strength.sum(3, keepdims=True)
        if self.joint_channels:
            strength = strength.sum(4, keepdims=True)
        pairs = zip(gradients, strength, strict=True)
        return functools.reduce(_stronger, pairs)[0]


def mean_gradient(gradients: Array, weights: Array) -> Array:
    """The weighted mean; zero on edges where all weights are zero.

    With equal weights it is the gradient of the mean image: integrating it makes
    nothing new.

    Args:
      gradients: `[n, h, w, 2, c]`.
      weights: `[n, h, w, 2, 1]` or `[n, 1, 1, 1, 1]`.

    Returns:
      `[h, w, 2, c]`.
    """
    total = weights.sum(0)
    return (weights * gradients).sum(0) / jnp.where(total == 0, 1, total)


def first_gradient(gradients: Array, weights: Array) -> Array:
    """The first image's: for a clone, the source's [Perez et al. 2003, eq. 10].

    Args:
      gradients: `[n, h, w, 2, c]`.
      weights: not read.

    Returns:
      `[h, w, 2, c]`.
    """
    del weights
    return gradients[0]


def gray_gradient(gradients: Array, weights: Array) -> Array:
    """The gradient of the first image's BT.601 luma, in every channel.

    Args:
      gradients: `[n, h, w, 2, c]`; with c other than 3 the mean takes luma's place.
      weights: not read.

    Returns:
      `[h, w, 2, c]`.
    """
    del weights
    first = gradients[0]
    is_rgb = first.shape[-1] == 3
    gray = rgb_to_luma(first) if is_rgb else first.mean(-1, keepdims=True)
    return jnp.broadcast_to(gray, first.shape)


def as_guidance(argument: str, value: str | Guidance, names: dict) -> Guidance:
    """The function of a name, or the function itself."""
    if callable(value):
        return value
    if value not in names:
        known = ", ".join(map(repr, names))
        raise _checks.fail(argument, f"one of {known}, or a function", repr(value))
    return names[value]


def _stronger(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
    wins = b[1] > a[1]
    return jnp.where(wins, b[0], a[0]), jnp.maximum(a[1], b[1])
