"""The trunk of SPAN, a small super-resolution network, as an encoder.

Swift Parameter-free Attention Network [Wan et al. 2024, arXiv:2311.12770], in its form
for inference, where every convolution is a plain 3 x 3 one. There is no pooling, so the
receptive field has a radius of `SpanEncoder.reach` pixels.

Notation. A published network stores its arrays under `conv_1`, `block_i.cj_r` for
j = 1, 2, 3, `conv_2`, `conv_cat` and `upsampler.0`. Each has a `kernel`, with axes
height, width, input and output, and a `bias`.
"""

import re
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike, Params

# Mean color of the training set of the published networks.
_MEAN = (0.4488, 0.4371, 0.4040)

_BLOCK_LAYERS = ("c1_r", "c2_r", "c3_r")


class SpanBlock(nn.Module):
    """Three convolutions with an attention that has no parameters.

    The output is `(y + x) (sigmoid(y) - 1/2)`, where y is the output of the last
    convolution.

    Attributes:
      width: channels of the input and of each layer.
    """

    width: int

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Output and activations of the first layer, both `[h, w, width]`."""
        first, second, third = (
            nn.Conv(self.width, (3, 3), name=name) for name in _BLOCK_LAYERS
        )
        low_level = nn.silu(first(x))
        y = third(nn.silu(second(low_level)))
        return (y + x) * (nn.sigmoid(y) - 0.5), low_level


class SpanEncoder(nn.Module):
    """SPAN's trunk: a feature map at full resolution.

    `span_params` converts the weights of a published network.

    Attributes:
      width: channels of each layer and of the feature map.
      blocks: blocks of three convolutions.
    """

    width: int = 28
    blocks: int = 6

    @property
    def reach(self) -> int:
        """Radius of the receptive field, in pixels."""
        return 3 * self.blocks + 2

    @nn.compact
    def __call__(self, image: ArrayLike) -> Array:
        """Feature map `[h, w, width]` of an image `[h, w, 3]` in [0, 1]."""
        x = 255 * (image - jnp.asarray(_MEAN, jnp.float32).reshape(1, 1, 3))
        first = nn.Conv(self.width, (3, 3), name="conv_1")(x)
        x = first
        outputs = []
        for i in range(self.blocks):
            x, low_level = SpanBlock(self.width, name=f"block_{i + 1}")(x)
            outputs.append(x)
        last = nn.Conv(self.width, (3, 3), name="conv_2")(x)
        features = jnp.concatenate([first, last, outputs[0], low_level], -1)
        return nn.Conv(self.width, (1, 1), name="conv_cat")(features)


def span_params(weights: Mapping[str, ArrayLike]) -> tuple[SpanEncoder, Params]:
    """Convert the weights of a published SPAN to a `SpanEncoder` and its parameters.

    The shapes of the arrays determine the width and the number of blocks. The upsampler
    is not converted. Load the arrays with `safetensors.numpy.load_file`.

    Args:
      weights: arrays of a SPAN in its form for inference, by name, such as
        `conv_1/kernel` `[3, 3, 3, width]` and `block_1.c1_r/bias` `[width]`.

    Returns:
      The encoder, and its parameters `{"params": ...}` in float32.

    Raises:
      ValueError: if an array is missing or has another shape.
    """
    _checks.check_type("weights", weights, Mapping)
    numbers = [re.match(r"block_(\d+)\.c1_r/kernel$", name) for name in weights]
    blocks = max((int(n[1]) for n in numbers if n), default=0)
    if blocks == 0 or "conv_1/bias" not in weights:
        got = f"those named {sorted(weights)[:4]}"
        raise _checks.fail("weights", "the arrays of a SPAN for inference", got)
    encoder = SpanEncoder(np.shape(weights["conv_1/bias"])[0], blocks)
    image = jax.ShapeDtypeStruct((4, 4, 3), jnp.float32)
    shapes = jax.eval_shape(encoder.init, jax.random.key(0), image)

    def array(path: tuple, expected: jax.ShapeDtypeStruct) -> Array:
        *layers, part = (key.key for key in path[1:])
        name = f"{'.'.join(layers)}/{part}"
        if name not in weights:
            raise _checks.fail("weights", f"with an array {name!r}", "none")
        if np.shape(weights[name]) != expected.shape:
            expectation = f"{name!r} of shape {expected.shape}"
            raise _checks.fail("weights", expectation, np.shape(weights[name]))
        return jnp.asarray(weights[name], jnp.float32)

    return encoder, jax.tree_util.tree_map_with_path(array, shapes)
