"""From an image to a map of features at its own resolution.

Notation. The map has the image's pixels and `features` channels. Stage s works on
pixels 2^s times as long; the coarsest also sees the mean over the whole image. What a
stage found goes down to the coarsest and back up to the finest, where it meets what
each finer stage kept (Ronneberger et al. 2015). Convolutions reach beyond the border
to zeros; a size that 2^s does not divide is filled up with the border's pixels.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike, Params
from inr.metrics.perceptual import VGG_MEAN, VGG_STD


class FeatureMap(NamedTuple):
    """What an image is to a decoder.

    Attributes:
      features: `[h, w, k]`, of the image as the encoder saw it.
      image: `[h, w, c]`, as it is.
    """

    features: Array
    image: Array


def as_gray(argument: str, value: ArrayLike) -> Array:
    """`value` as a floating gray image `[h, w, 1]`; color is refused."""
    image = _checks.as_image(argument, value)
    if image.shape[-1] != 1:
        fix = "Give `inr.color.rgb_to_luma(image)`."
        raise _checks.fail(argument, "gray, [h, w] or [h, w, 1]", image.shape, fix)
    return image


class Block(nn.Module):
    """x + convolution(a(convolution(a(x)))), the identity from `init`.

    Attributes:
      width: channels of x and of what is between.
      activation: a, of each number.
    """

    width: int
    activation: Callable[[Array], Array] = nn.gelu

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = nn.Conv(self.width, (3, 3), name="first")(self.activation(x))
        zeros = nn.initializers.zeros
        last = nn.Conv(self.width, (3, 3), kernel_init=zeros, name="second")
        return x + last(self.activation(y))


class FlatEncoder(nn.Module):
    """Residual blocks on the image's own pixels, without normalization.

    As EDSR's [Lim et al. 2017, arXiv:1707.02921], but for blocks that begin with their
    activation. A feature depends on the image up to `reach` pixels away, no farther.

    Attributes:
      width: channels.
      blocks: residual blocks, of two convolutions each.
    """

    width: int = 48
    blocks: int = 8

    @property
    def reach(self) -> int:
        """Pixels to each side that a feature depends on."""
        return 2 * self.blocks + 2

    @nn.compact
    def __call__(self, image: ArrayLike) -> Array:
        """A map `[h, w, width]` of an image `[h, w, c]`."""
        first = nn.Conv(self.width, (3, 3), name="input")(image)
        x = first
        for i in range(self.blocks):
            x = Block(self.width, activation=nn.relu, name=f"block_{i}")(x)
        return first + nn.Conv(self.width, (3, 3), name="output")(nn.relu(x))


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
        x = _filled(image, len(self.widths))
        x = nn.Conv(self.widths[0], (3, 3), name="input")(x)
        kept = []
        for s, width in enumerate(self.widths):
            if s > 0:
                kept.append(x)
                x = nn.Conv(width, (3, 3), strides=2, name=f"down_{s}")(nn.gelu(x))
            for i in range(self.blocks):
                x = Block(width, name=f"down_{s}_{i}")(x)
        return _up([*kept, x], self.widths)[:h, :w]


class TrunkEncoder(nn.Module):
    """The pyramid with the first nine convolutions of VGG16 on its way down.

    Simonyan and Zisserman 2015; `gray_trunk` gives their weights. They are 5.3 million,
    so a network that knows ImageNet's things already, for few images of one's own.

    Attributes:
      widths: channels of each stage on the way up, the finest first; at most four.
    """

    widths: tuple[int, ...] = (32, 64, 96, 128)

    @nn.compact
    def __call__(self, image: ArrayLike) -> Array:
        """A map `[h, w, widths[0]]` of a gray image `[h, w, 1]`."""
        if len(self.widths) > len(_TRUNK):
            raise _checks.fail("widths", f"at most {len(_TRUNK)}", self.widths)
        h, w, _ = image.shape
        x = _filled(image, len(self.widths))
        kept = []
        for s, width in enumerate(self.widths):
            if s > 0:
                x = nn.max_pool(x, (2, 2), (2, 2))
            for i in range(_TRUNK[s].depth):
                x = nn.Conv(_TRUNK[s].width, (3, 3), name=f"trunk_{s}_{i}")(x)
                x = nn.relu(x)
            seen = nn.LayerNorm(name=f"norm_{s}")(x)
            kept.append(nn.Conv(width, (1, 1), name=f"kept_{s}")(seen))
        return _up(kept, self.widths)[:h, :w]


class _Stage(NamedTuple):
    width: int
    depth: int


# Without the third convolution of the fourth stage, which alone is 2.4 million weights.
_TRUNK = (_Stage(64, 2), _Stage(128, 2), _Stage(256, 3), _Stage(512, 2))


def gray_trunk(weights: Mapping[str, ArrayLike]) -> Params:
    """VGG16's weights for the way down of a `TrunkEncoder`, for images less one half.

    Gray is three equal channels: kernels are added up over them, and the mean and
    deviation that VGG's images are brought to go into kernels and biases. So features
    are those of the gray image, but for the border, where zeros now are mid-gray.

    Args:
      weights: `VGG16_0/Conv_i/kernel` `[3, 3, c_in, c_out]` and `/bias` for i from 0 to
        8, as `inr.metrics.lpips` takes them.

    Returns:
      `{"trunk_s_i": {"kernel", "bias"}}`, float32, to put over the encoder's own.

    Raises:
      ValueError: if an array is missing.
    """
    names = [
        f"trunk_{s}_{i}" for s, stage in enumerate(_TRUNK) for i in range(stage.depth)
    ]
    found = {}
    for j, name in enumerate(names):
        arrays = [f"VGG16_0/Conv_{j}/{part}" for part in ("kernel", "bias")]
        missing = [key for key in arrays if key not in weights]
        if missing:
            raise _checks.fail("weights", "those of VGG16", f"none named {missing[0]}")
        kernel, bias = (np.asarray(weights[key], np.float64) for key in arrays)
        if j == 0:
            kernel = kernel / VGG_STD[:, None]
            bias = bias - (kernel * VGG_MEAN[:, None]).sum((0, 1, 2))
            kernel = 2 * kernel.sum(2, keepdims=True)
        found[name] = {"kernel": np.float32(kernel), "bias": np.float32(bias)}
    return found


def _filled(image: ArrayLike, stages: int) -> Array:
    """The image continued until every stage is half as long as the one before."""
    cell = 2 ** (stages - 1)
    missing = [(0, -n % cell) for n in image.shape[:2]]
    return jnp.pad(image, [*missing, (0, 0)], mode="edge")


def _up(kept: Sequence[Array], widths: Sequence[int]) -> Array:
    """From the coarsest of what stages kept to the finest. Makes submodules."""
    x = kept[-1] + _whole_image(kept[-1], widths[-1])
    for s in reversed(range(len(widths) - 1)):
        x = nn.Conv(widths[s], (1, 1), name=f"up_{s}")(x)
        x = kept[s] + _twice_as_fine(x)
        x = Block(widths[s], name=f"up_{s}_0")(x)
    return x


def _whole_image(x: Array, width: int) -> Array:
    """What the mean over all pixels says to each of them, `[1, 1, width]`."""
    y = nn.gelu(
        nn.Dense(2 * width, name="whole_first")(nn.gelu(x).mean((0, 1), keepdims=True))
    )
    return nn.Dense(width, name="whole_second")(y)


def _twice_as_fine(x: Array) -> Array:
    h, w, k = x.shape
    return jax.image.resize(x, (2 * h, 2 * w, k), "linear")
