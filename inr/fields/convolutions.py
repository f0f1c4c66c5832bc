"""Convolutional sine layers, for networks whose input is an image."""

from collections.abc import Sequence

import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from inr._typing import Array, ArrayLike
from inr.fields import init
from inr.fields.sine import sine


class SineConv(nn.Module):
    """sin(omega (x * W + b)), with the initialization of SIREN.

    For images in [-1, 1], a first layer with 3 x 3 pixels and omega 30 has phases of a
    few radians. Later layers preserve the distribution of activations at any depth, as
    dense sine layers do; the fan-in counts the kernel's pixels. See `inr.fields.init`.

    Attributes:
      features: output channels.
      kernel_size: pixels along each axis.
      strides: stride along each axis, in pixels.
      padding: as in `flax.linen.Conv`.
      omega: frequency factor.
      first: whether the input is an image and not the output of a sine layer.
      kernel_init: replaces the initializer of SIREN.
      bias_init: replaces the initializer of SIREN, which is uniform over all phases for
        a first layer and zeros otherwise.
    """

    features: int
    kernel_size: Sequence[int] = (3, 3)
    strides: int | Sequence[int] = 1
    padding: str = "SAME"
    omega: float = 30.0
    first: bool = False
    kernel_init: Initializer | None = None
    bias_init: Initializer | None = None

    @nn.compact
    def __call__(self, x: ArrayLike) -> Array:
        """Map images `[n, *size, c]` to `[n, *size, features]`."""
        kernel_init = init.sine_first() if self.first else init.sine_hidden(self.omega)
        zeros = nn.initializers.zeros
        bias_init = init.sine_phase(self.omega) if self.first else zeros
        conv = nn.Conv(
            self.features,
            tuple(self.kernel_size),
            strides=self.strides,
            padding=self.padding,
            kernel_init=self.kernel_init or kernel_init,
            bias_init=self.bias_init or bias_init,
            name="conv",
        )
        return sine(self.omega * conv(jnp.asarray(x)))
