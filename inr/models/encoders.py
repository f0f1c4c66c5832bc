"""Encoders: from an image to a feature map on the image's own pixels.

Notation. The feature map has the image's size and `features` channels. Stage s of a
pyramid works at 1 / 2^s of the resolution; the coarsest one also receives the mean over
all pixels. Features pass down to the coarsest stage and back up, with a skip connection
at each resolution (Ronneberger et al. 2015). Convolutions pad with zeros. Edges are
replicated where 2^s does not divide the size.
"""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, _vgg16
from inr._typing import Array, ArrayLike, Params


class Block(nn.Module):
    """Residual block: x + convolution(a(convolution(a(x)))). The identity at `init`.

    Attributes:
      width: channels of the input, the hidden layer and the output.
      activation: a, elementwise.
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
    """Residual blocks at full resolution, without normalization.

    As EDSR's [Lim et al. 2017, arXiv:1707.02921], but for blocks that begin with their
    activation.

    Attributes:
      width: channels.
      blocks: residual blocks, of two convolutions each.
    """

    width: int = 48
    blocks: int = 8

    @property
    def reach(self) -> int:
        """Radius of the receptive field, in pixels."""
        return 2 * self.blocks + 2

    @nn.compact
    def __call__(self, image: ArrayLike) -> Array:
        """Feature map `[h, w, width]` of an image `[h, w, c]`."""
        first = nn.Conv(self.width, (3, 3), name="input")(image)
        x = first
        for i in range(self.blocks):
            x = Block(self.width, activation=nn.relu, name=f"block_{i}")(x)
        return first + nn.Conv(self.width, (3, 3), name="output")(nn.relu(x))


class Encoder(nn.Module):
    """A pyramid of residual stages, down and up again.

    Attributes:
      widths: channels of each stage, the finest first.
      blocks: residual blocks of a stage on the way down; there is one on the way up.
    """

    widths: tuple[int, ...] = (32, 64, 96, 128)
    blocks: int = 1

    @nn.compact
    def __call__(self, image: ArrayLike) -> Array:
        """Feature map `[h, w, widths[0]]` of an image `[h, w, c]`."""
        image = jnp.asarray(image)
        h, w, _ = image.shape
        x = _padded(image, len(self.widths))
        x = nn.Conv(self.widths[0], (3, 3), name="input")(x)
        stages = []
        for s, width in enumerate(self.widths):
            if s > 0:
                stages.append(x)
                x = nn.Conv(width, (3, 3), strides=2, name=f"down_{s}")(nn.gelu(x))
            for i in range(self.blocks):
                x = Block(width, name=f"down_{s}_{i}")(x)
        return _up([*stages, x], self.widths)[:h, :w]


class TrunkEncoder(nn.Module):
    """A pyramid whose way down is the first nine convolutions of VGG16.

    5.3 million parameters, which `gray_trunk` takes from a VGG16 trained on ImageNet
    [Simonyan and Zisserman 2015]; use it when you have few training images.

    Attributes:
      widths: channels of each stage on the way up, the finest first; at most four.
    """

    widths: tuple[int, ...] = (32, 64, 96, 128)

    @nn.compact
    def __call__(self, image: ArrayLike) -> Array:
        """Feature map `[h, w, widths[0]]` of a gray image `[h, w, 1]`."""
        most = len(_STAGE_DEPTHS)
        if len(self.widths) > most:
            raise _checks.fail("widths", f"at most {most} stages", self.widths)
        image = jnp.asarray(image)
        h, w, _ = image.shape
        names = _trunk_names(len(self.widths))

        def convolution(i: int, x: Array) -> Array:
            return nn.Conv(_vgg16.WIDTHS[i], (3, 3), name=names[i])(x)

        x = _padded(image, len(self.widths))
        outputs = _vgg16.features(x, convolution, count=len(names))
        stages = []
        for s, width in enumerate(self.widths):
            last = sum(_STAGE_DEPTHS[: s + 1]) - 1
            normalized = nn.LayerNorm(name=f"norm_{s}")(outputs[last])
            stages.append(nn.Conv(width, (1, 1), name=f"stage_{s}")(normalized))
        return _up(stages, self.widths)[:h, :w]


# Convolutions of each stage. VGG16's fourth stage has a third one, left out because it
# alone has 2.4 million weights.
_STAGE_DEPTHS = (2, 2, 3, 2)


def _trunk_names(num_stages: int) -> list[str]:
    """Name of each trunk convolution, in order."""
    depths = enumerate(_STAGE_DEPTHS[:num_stages])
    return [f"trunk_{s}_{i}" for s, depth in depths for i in range(depth)]


def gray_trunk(weights: Mapping[str, ArrayLike]) -> Params:
    """Convert VGG16's weights to those of a `TrunkEncoder` for gray images minus 0.5.

    A gray image has three equal channels, so kernels are summed over them, and the
    standardization of VGG16's input moves into the first kernel and bias. Features
    therefore equal VGG16's, except near the border, where padding is mid-gray now.

    Args:
      weights: `VGG16_0/Conv_i/kernel` `[3, 3, c_in, c_out]` and `/bias` for i from 0 to
        8, as `inr.metrics.lpips` takes them.

    Returns:
      `{"trunk_s_i": {"kernel", "bias"}}`, float32, to replace the encoder's own.

    Raises:
      ValueError: if an array is missing.
    """
    layers = {}
    for i, name in enumerate(_trunk_names(len(_STAGE_DEPTHS))):
        kernel, bias = (
            np.asarray(x, np.float64) for x in _vgg16.weights_of(weights, i)
        )
        if i == 0:
            kernel = kernel / _vgg16.STD[:, None]
            bias = bias - (kernel * _vgg16.MEAN[:, None]).sum((0, 1, 2))
            kernel = 2 * kernel.sum(2, keepdims=True)
        layers[name] = {"kernel": np.float32(kernel), "bias": np.float32(bias)}
    return layers


def _padded(image: Array, num_stages: int) -> Array:
    """The image with replicated edges, so that every stage halves its size exactly."""
    cell = 2 ** (num_stages - 1)
    missing = [(0, -n % cell) for n in image.shape[:2]]
    return jnp.pad(image, [*missing, (0, 0)], mode="edge")


def _up(stages: Sequence[Array], widths: Sequence[int]) -> Array:
    """Merge the stages' features from the coarsest to the finest. Adds submodules."""
    x = stages[-1] + _global_context(stages[-1], widths[-1])
    for s in reversed(range(len(widths) - 1)):
        x = nn.Conv(widths[s], (1, 1), name=f"up_{s}")(x)
        x = stages[s] + _upsampled(x)
        x = Block(widths[s], name=f"up_{s}_0")(x)
    return x


def _global_context(x: Array, width: int) -> Array:
    """Features of the mean over all pixels, `[1, 1, width]`."""
    y = nn.gelu(
        nn.Dense(2 * width, name="context_0")(nn.gelu(x).mean((0, 1), keepdims=True))
    )
    return nn.Dense(width, name="context_1")(y)


def _upsampled(x: Array) -> Array:
    """Twice the resolution, by linear interpolation."""
    h, w, k = x.shape
    return jax.image.resize(x, (2 * h, 2 * w, k), "linear")
