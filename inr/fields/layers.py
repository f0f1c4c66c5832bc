"""Layers of field families, for every kind of features in `inr.fields.streams`."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer
from jax.typing import DTypeLike

from inr import _checks
from inr._typing import Array
from inr.fields import streams
from inr.fields.streams import Features

OUTPUT_LAYER = "linear"
"""Name of the last layer of every family of the library."""


class Affine(nn.Module):
    """Affine layer x W + b, for arrays and `Streams`.

    Attributes:
      features: output features.
      kernel_init: initializer of W `[fan_in, features]`.
      bias_init: initializer of b `[features]`; None for no bias.
      factor: constant that multiplies W and b, and so the result.
      precision: precision of the product.
      dtype: dtype of the product's inputs; the result is float32 or wider.
    """

    features: int
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer | None = nn.initializers.zeros
    factor: float = 1.0
    precision: str | None = "highest"
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, x: Features) -> Features:
        shape, f32 = (streams.width(x), self.features), jnp.float32
        # The kernel is smaller than the activations, so the factor multiplies it.
        kernel = self.factor * self.param("kernel", self.kernel_init, shape, f32)
        bias = None
        if self.bias_init is not None:
            bias = self.factor * self.param("bias", self.bias_init, shape[1:], f32)
        return streams.affine(
            x, kernel, bias, precision=self.precision, dtype=self.dtype
        )


def perceptron(
    x: Features,
    activation: Callable[[Array], Array],
    *,
    features: int,
    width: int,
    depth: int,
    precision: str | None,
    dtype: DTypeLike | None,
) -> Features:
    """Hidden layers and a linear layer, for use inside a family's `network`.

    Args:
      x: features `[..., j]`, such as an encoding of the coords.
      activation: elementwise activation of the hidden layers.
      features: output features, k.
      width: units of every hidden layer.
      depth: number of hidden layers; 0 for the linear layer only.
      precision: precision of matrix products.
      dtype: dtype of the inputs of matrix products.

    Returns:
      `[..., k]`, of the same kind as `x`.
    """
    he = nn.initializers.he_normal()
    for i in range(depth):
        name = f"hidden_{i}"
        layer = Affine(width, he, precision=precision, dtype=dtype, name=name)
        x = streams.pointwise(activation, layer(x))
    return Affine(features, precision=precision, dtype=dtype, name=OUTPUT_LAYER)(x)


def per_layer(argument: str, value: Any, depth: int) -> tuple[float, ...]:
    """Return one positive number for each of `depth` layers, as a tuple."""
    if not isinstance(value, tuple):
        return (_checks.as_positive(argument, value),) * depth
    if len(value) != depth:
        raise _checks.fail(argument, f"a number or {depth} numbers", repr(value))
    return tuple(_checks.as_positive(argument, v) for v in value)
