"""Encoders: from the samples of a signal to one vector.

An encoder is a Linen module that takes coords `[*grid, d]`, normalized features
`[*grid, k]` and the weights `[*grid]` of the samples, 1 where a sample is known and 0
elsewhere. It returns a vector. Features of unknown samples must have no effect.
"""

import functools

import jax.numpy as jnp
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike, Size
from inr.fields import Affine, init, register, sine
from inr.models import Block


@register("meta.SetEncoder")
class SetEncoder(nn.Module):
    """Encoder of samples at any points, in any order and number.

    Sine layers encode each sample, and a perceptron the mean over all samples [deep
    sets, Zaheer et al. 2017, arXiv:1703.06114; as in Sitzmann et al. 2020, section
    4.4, but for the layer after the mean].

    Attributes:
      width: units of every layer.
      depth: layers before the mean, after the first one.
      omega: frequency factor of the first layer. It sets how finely samples are told
        apart by their coords.
    """

    width: int = 256
    depth: int = 2
    omega: float = 30.0

    def __post_init__(self):
        super().__post_init__()
        _checks.as_count("width", self.width)
        _checks.as_count("depth", self.depth, least=0)
        _checks.as_positive("omega", self.omega)

    @nn.compact
    def __call__(
        self, coords: ArrayLike, features: ArrayLike, known: ArrayLike
    ) -> Array:
        """Vector `[width]` of the samples."""
        coords, features, known = map(jnp.asarray, (coords, features, known))
        # The features count as much as the coords whatever the frequency is.
        x = jnp.concatenate([coords, features / self.omega], -1)
        first = functools.partial(Affine, bias_init=init.sine_phase(self.omega))
        x = first(self.width, init.uniform(1.0), factor=self.omega, name="sine_0")(x)
        x = sine(x)
        for i in range(self.depth):
            name = f"sine_{i + 1}"
            x = sine(Affine(self.width, init.sine_hidden(1.0), name=name)(x))
        known = known[..., None]
        axes = tuple(range(x.ndim - 1))
        mean = (known * x).sum(axes) / known.sum(axes)
        return nn.gelu(nn.Dense(self.width, name="mean")(mean))


@register("meta.ConvEncoder")
class ConvEncoder(nn.Module):
    """Convolutional encoder of images of one size.

    Every stage halves the resolution and adds a residual block. The last feature map is
    the vector, so that places are kept. Unknown pixels are zero, and the mask of the
    known ones is a channel of the input.

    Attributes:
      size: (h, w) of the images.
      widths: channels of each stage, the finest first.
    """

    size: Size = (32, 32)
    widths: tuple[int, ...] = (32, 64, 128)

    def __post_init__(self):
        super().__post_init__()
        if len(_checks.as_size("size", self.size)) != 2:
            raise _checks.fail("size", "(h, w)", repr(self.size))
        _checks.as_size("widths", self.widths)

    @nn.compact
    def __call__(
        self, coords: ArrayLike, features: ArrayLike, known: ArrayLike
    ) -> Array:
        """Vector of the image `[h, w, k]` where it is known."""
        del coords
        features, known = jnp.asarray(features), jnp.asarray(known)
        if features.shape[:-1] != tuple(self.size):
            expected = f"images of size {self.size} for this `ConvEncoder`"
            got = f"samples {features.shape[:-1]}"
            raise _checks.fail("signals", expected, got, "Use a `SetEncoder`.")
        known = known[..., None]
        x = jnp.concatenate([known * features, known], -1)
        for i, width in enumerate(self.widths):
            x = nn.Conv(width, (4, 4), strides=2, name=f"down_{i}")(x)
            x = Block(width, name=f"block_{i}")(x)
        return nn.gelu(x).reshape(-1)
