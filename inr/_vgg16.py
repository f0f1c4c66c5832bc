"""Convolutions of VGG16 [Simonyan and Zisserman 2015], shared by encoders and LPIPS.

Notation. Convolution i = 0, ..., 12 is 3 x 3 with ReLU; a 2 x 2 maximum pool precedes
convolutions 2, 4, 7 and 10. Weights are a mapping with the names of the LPIPS files,
`VGG16_0/Conv_i/kernel` `[3, 3, c_in, c_out]` and `VGG16_0/Conv_i/bias` `[c_out]`.
The weights that come with the library were trained on ImageNet.
"""

import functools
import importlib.resources
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from inr import _checks
from inr._typing import Array, ArrayLike

WIDTHS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
"""Output channels of each convolution."""

STAGES = (1, 3, 6, 9, 12)
"""Last convolution of each resolution, whose features LPIPS compares."""

PREFIX = "VGG16_0"

# Mean and standard deviation of the training images, for values in [-1, 1].
MEAN = np.array([-0.030, -0.088, -0.188])
STD = np.array([0.458, 0.448, 0.450])

_POOLED = (2, 4, 7, 10)


def features(
    x: Array, convolution: Callable[[int, Array], Array], *, count: int = 13
) -> list[Array]:
    """Outputs of the first `count` convolutions, after their ReLUs.

    Args:
      x: `[..., h, w, c]`, standardized images.
      convolution: maps (i, input) to the output of convolution i before its ReLU: a
        function of fixed weights, or one that creates a Linen submodule.
      count: number of convolutions.

    Returns:
      `[..., h', w', k]` for each convolution, in their order.
    """
    outputs = []
    for i in range(count):
        if i in _POOLED:
            x = max_pool(x, window=2)
        x = jax.nn.relu(convolution(i, x))
        outputs.append(x)
    return outputs


def convolve(
    x: Array, kernel: ArrayLike, bias: ArrayLike, *, stride: int = 1, padding: int = 1
) -> Array:
    """A convolution of `[b, h, w, c]` with `[kh, kw, c, k]`, padded with zeros."""
    y = lax.conv_general_dilated(
        x,
        jnp.asarray(kernel, x.dtype),
        window_strides=(stride, stride),
        padding=[(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=lax.Precision.HIGHEST,
    )
    return y + jnp.asarray(bias, x.dtype)[None, None, None]


def max_pool(x: Array, *, window: int) -> Array:
    """Maximum over `window` x `window` cells `[..., h, w, k]`, with a stride of 2."""
    ones = (1,) * (x.ndim - 3)
    return lax.reduce_window(
        x, -jnp.inf, lax.max, (*ones, window, window, 1), (*ones, 2, 2, 1), "VALID"
    )


def standardize(images: Array) -> Array:
    """RGB `[..., 3]` in [0, 1], standardized as the training images of VGG16 were."""
    shape = (1,) * (images.ndim - 1) + (3,)
    mean, std = (jnp.asarray(x, images.dtype).reshape(shape) for x in (MEAN, STD))
    return (2 * images - 1 - mean) / std


@functools.cache
def pretrained() -> Mapping[str, np.ndarray]:
    """Weights that come with the library, with the heads of LPIPS; float16, by name."""
    import safetensors.numpy

    file = importlib.resources.files("inr") / "weights" / "shared" / "vgg16.safetensors"
    return safetensors.numpy.load(file.read_bytes())


def pretrained_layers() -> dict[str, dict[str, np.ndarray]]:
    """Kernel and bias of `pretrained` by convolution, `"0"` to `"12"`, float32."""
    layers = {}
    for i in range(len(WIDTHS)):
        kernel, bias = weights_of(pretrained(), i)
        layers[str(i)] = {
            "kernel": np.asarray(kernel, np.float32),
            "bias": np.asarray(bias, np.float32),
        }
    return layers


def weights_of(weights: Mapping[str, ArrayLike], i: int) -> tuple[ArrayLike, ArrayLike]:
    """Kernel and bias of convolution i.

    Raises:
      ValueError: if an array is missing.
    """
    _checks.check_type("weights", weights, Mapping)
    arrays = []
    for part in ("kernel", "bias"):
        name = f"{PREFIX}/Conv_{i}/{part}"
        if name not in weights:
            raise _checks.fail("weights", "the arrays of VGG16", f"none named {name}")
        arrays.append(weights[name])
    return arrays[0], arrays[1]
