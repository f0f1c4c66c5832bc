"""Layers that the families share; each takes an array or `Streams`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from inr import _checks
from inr._typing import Array
from inr.fields import streams
from inr.fields.streams import Features


class Affine(nn.Module):
    """x W + b on an array or on `Streams`; `factor` multiplies both W and b.

    Attributes:
      features: output width.
      kernel_init: initializer of `[fan_in, features]`.
      bias_init: initializer of `[features]`; None leaves the bias out.
      factor: constant that multiplies the result. It is folded into the kernel, which
        is small, and not applied to the activations, which are many.
      precision: of the matmul.
      dtype: of the matmul's inputs; the result is at least float32.
    """

    features: int
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer | None = nn.initializers.zeros
    factor: float = 1.0
    precision: str | None = "highest"
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Features) -> Features:
        width = jax.tree.leaves(x)[0].shape[-1]
        shape, f32 = (width, self.features), jnp.float32
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
    dtype: Any,
) -> Features:
    """`depth` hidden layers and a linear one, for use inside a family's `network`.

    Args:
      x: features `[..., j]`, such as an encoding of the coords.
      activation: of the hidden layers, elementwise.
      features: output features, k.
      width: units of every hidden layer.
      depth: number of hidden layers; 0 leaves the linear one alone.
      precision: of the matmuls.
      dtype: of the matmuls' inputs.

    Returns:
      `[..., k]`, of the same kind as `x`.
    """
    he = nn.initializers.he_normal()
    for i in range(depth):
        name = f"hidden_{i}"
        layer = Affine(width, he, precision=precision, dtype=dtype, name=name)
        x = streams.pointwise(activation, layer(x))
    return Affine(features, precision=precision, dtype=dtype, name="linear")(x)


def per_layer(argument: str, value: Any, depth: int) -> tuple[float, ...]:
    """A number for all of `depth` layers, or one for each, as a tuple."""
    values = value if isinstance(value, tuple) else (value,) * depth
    if len(values) != depth:
        raise _checks.fail(argument, f"a number or {depth} of them", repr(value))
    return tuple(_checks.as_positive(argument, v) for v in values)
