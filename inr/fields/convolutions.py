"""Sine layers over the pixels of a grid, for networks that see images."""

from collections.abc import Sequence

import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from inr._typing import Array, ArrayLike
from inr.fields import init
from inr.fields.sine import sine


class SineConv(nn.Module):
    """sin(omega (x * W + b)), with SIREN's initialization of each kind of layer.

    Images in [-1, 1] that a first layer of 3 x 3 pixels sees with omega 30 have phases
    of a few radians. Later layers keep the distribution of their activations at any
    depth, as dense ones do: the fan-in counts the kernel's pixels. See
    `inr.fields.init`.

    Attributes:
      features: channels of the result.
      kernel_size: pixels along each axis.
      strides: pixels from one result to the next.
      padding: as of `flax.linen.Conv`.
      omega: frequency factor.
      first: the layer sees an image, not what other sine layers made.
      kernel_init: in place of SIREN's.
      bias_init: in place of SIREN's: phases all around for a first layer, else zeros.
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
        """`[n, *size, features]` of images `[n, *size, c]`."""
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
