"""From a gray image to a map of features at its own resolution.

Notation. The map has the image's pixels and `features` channels. Stage s works on
pixels 2^s times as long; the coarsest also sees the mean over the whole image. What a
stage found goes down to the coarsest and back up to the finest, where it meets what
each finer stage kept (Ronneberger et al. 2015). Convolutions reach beyond the border
to zeros; a size that 2^s does not divide is filled up with the border's pixels.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr._typing import Array, ArrayLike


class Block(nn.Module):
    """x + convolution(gelu(convolution(gelu(x)))), the identity from `init`.

    Attributes:
      width: channels of x and of what is between.
    """

    width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = nn.Conv(self.width, (3, 3), name="first")(nn.gelu(x))
        zeros = nn.initializers.zeros
        last = nn.Conv(self.width, (3, 3), kernel_init=zeros, name="second")
        return x + last(nn.gelu(y))


class Encoder(nn.Module):
    """A pyramid of stages, down and up again.

    Attributes:
      widths: channels of each stage, the finest first; each is half as fine as the one
        before.
      blocks: residual blocks of a stage on the way down; on the way up there is one.
    """

    widths: tuple[int, ...] = (32, 64, 96, 128)
    blocks: int = 1

    @nn.compact
    def __call__(self, image: ArrayLike) -> Array:
        """A map `[h, w, widths[0]]` of an image `[h, w, c]`."""
        h, w, _ = image.shape
        cell = 2 ** (len(self.widths) - 1)
        missing = [(0, -n % cell) for n in (h, w)]
        x = jnp.pad(image, [*missing, (0, 0)], mode="edge")
        x = nn.Conv(self.widths[0], (3, 3), name="input")(x)
        kept = []
        for s, width in enumerate(self.widths):
            if s > 0:
                kept.append(x)
                x = nn.Conv(width, (3, 3), strides=2, name=f"down_{s}")(nn.gelu(x))
            for i in range(self.blocks):
                x = Block(width, name=f"down_{s}_{i}")(x)
        x = x + _whole_image(x, self.widths[-1])
        for s in reversed(range(len(self.widths) - 1)):
            x = nn.Conv(self.widths[s], (1, 1), name=f"up_{s}")(x)
            x = kept[s] + _twice_as_fine(x)
            x = Block(self.widths[s], name=f"up_{s}_0")(x)
        return x[:h, :w]


def _whole_image(x: Array, width: int) -> Array:
    """What the mean over all pixels says to each of them, `[1, 1, width]`."""
    y = nn.gelu(
        nn.Dense(2 * width, name="whole_first")(nn.gelu(x).mean((0, 1), keepdims=True))
    )
    return nn.Dense(width, name="whole_second")(y)


def _twice_as_fine(x: Array) -> Array:
    h, w, k = x.shape
    return jax.image.resize(x, (2 * h, 2 * w, k), "linear")
