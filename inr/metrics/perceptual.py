"""LPIPS: a distance between deep features.

References:
  Zhang et al. 2018, The unreasonable effectiveness of deep features as a perceptual
    metric; weights of version 0.1.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Float

from inr import _checks, _vgg16
from inr._typing import Array, ArrayLike, ImageLike
from inr.metrics._inputs import as_pair, as_rgb


def lpips(
    image: ImageLike,
    reference: ImageLike,
    *,
    weights: Mapping[str, ArrayLike] | None = None,
) -> Array:
    """Learned perceptual image patch similarity (LPIPS), a distance.

    The weights on VGG16 come with the library, in float16. The keys of other `weights`
    select the network, a VGG16 or an AlexNet trunk: `VGG16_0/Conv_i/kernel` `[kh, kw,
    c_in, c_out]`, `VGG16_0/Conv_i/bias` `[c_out]`, or the same with `AlexNet_0`; and
    `NetLinLayer_j/Conv_0/kernel` `[1, 1, k, 1]`. Read them with
    `safetensors.numpy.load_file`. Half precision is converted to that of the images.

    Args:
      image: `[h, w, 3]`, in [0, 1]; each side at least 16 for VGG16, 31 for AlexNet.
      reference: `[h, w, 3]`, in [0, 1].
      weights: name -> array; may be differentiated. None for those of VGG16.

    Returns:
      `[]`, at least 0; 0 up to rounding for identical images.

    Raises:
      ValueError: for small images, shapes that differ, another number of channels, or
        weights of another network.
    """
    first, second = as_pair(image, reference)
    weights = _vgg16.pretrained() if weights is None else weights
    trunk = _trunk_of(weights)
    least = trunk.least_side
    if min(as_rgb("image", first).shape[:2]) < least:
        raise _checks.fail(
            "image",
            f"at least {least} x {least} pixels for this network",
            f"shape {first.shape}",
            "Enlarge both images first.",
        )
    arrays = {name: jnp.asarray(weights[name]) for name in _names(trunk)}
    return _distance(first, second, arrays)


def deep_features(
    images: Float[ArrayLike, "b h w 3"],
    *,
    weights: Mapping[str, ArrayLike] | None = None,
) -> tuple[Array, ...]:
    """Features that LPIPS compares: those of a VGG16 or AlexNet trunk at five depths.

    The deepest features of VGG16 are those of its thirteenth convolution.

    Args:
      images: `[b, h, w, 3]`, floating, in [0, 1], at least as large as for `lpips`.
      weights: as for `lpips`.

    Returns:
      Five arrays `[b, h', w', k]`, the shallowest and finest first.

    Raises:
      ValueError: for integer images, another number of channels, or weights of another
        network.
    """
    batch = _checks.as_floating("images", images)
    _checks.check_rank("images", batch, "[b, h, w, 3]")
    _checks.check_not_empty("images", batch)
    as_rgb("images", batch)
    weights = _vgg16.pretrained() if weights is None else weights
    names = _names(_trunk_of(weights))
    arrays = {name: jnp.asarray(weights[name], batch.dtype) for name in names}
    return tuple(_features(batch, arrays))


class _Trunk(NamedTuple):
    """Name of a trunk in the weights, number of its convolutions, smallest side."""

    name: str
    num_convolutions: int
    least_side: int  # the last pool still has a full window


_VGG16 = _Trunk(_vgg16.PREFIX, 13, least_side=16)
_ALEXNET = _Trunk("AlexNet_0", 5, least_side=31)

_ALEXNET_PADDING = (2, 2, 1, 1, 1)
_ALEXNET_POOLED = (1, 2)  # convolutions after a 3 x 3 pool


def _names(trunk: _Trunk) -> set[str]:
    layers = [f"{trunk.name}/Conv_{i}" for i in range(trunk.num_convolutions)]
    heads = {f"NetLinLayer_{i}/Conv_0/kernel" for i in range(5)}
    return heads | {
        f"{layer}/{part}" for layer in layers for part in ("kernel", "bias")
    }


def _trunk_of(weights: Mapping[str, ArrayLike]) -> _Trunk:
    """The trunk whose arrays are all present."""
    _checks.check_type("weights", weights, Mapping)
    for trunk in (_VGG16, _ALEXNET):
        if _names(trunk) <= set(weights):
            return trunk
    raise _checks.fail(
        "weights",
        "the arrays of LPIPS on VGG16 or AlexNet",
        f"{len(weights)} arrays, the first {sorted(weights)[:2]}",
        "Read them with `safetensors.numpy.load_file(path)`.",
    )


@jax.jit
def _distance(image: Array, reference: Array, weights: dict[str, Array]) -> Array:
    pair = jnp.stack([image, reference])
    weights = {name: array.astype(pair.dtype) for name, array in weights.items()}
    distance = jnp.zeros((), pair.dtype)
    for i, features in enumerate(_features(pair, weights)):
        # Where all features are zero, the gradient of a plain norm is NaN.
        norm = optax.safe_norm(features, 0.0, axis=-1, keepdims=True)
        first, second = features / (norm + 1e-10)
        head = weights[f"NetLinLayer_{i}/Conv_0/kernel"].reshape(-1, 1)
        error = jnp.square(first - second)
        distance += jnp.matmul(error, head, precision=lax.Precision.HIGHEST).mean()
    return distance


def _features(images: Array, weights: dict[str, Array]) -> list[Array]:
    """Features `[b, h', w', k]` at five depths of images `[b, h, w, 3]` in [0, 1]."""
    x = _vgg16.standardize(images)
    if _trunk_of(weights) is _ALEXNET:
        return _alexnet_features(x, weights)

    def convolution(i: int, x: Array) -> Array:
        kernel, bias = _vgg16.weights_of(weights, i)
        return _vgg16.convolve(x, kernel, bias)

    outputs = _vgg16.features(x, convolution)
    return [outputs[i] for i in _vgg16.STAGES]


def _alexnet_features(x: Array, weights: dict[str, Array]) -> list[Array]:
    outputs = []
    for i, padding in enumerate(_ALEXNET_PADDING):
        if i in _ALEXNET_POOLED:
            x = _vgg16.max_pool(x, window=3)
        kernel, bias = (
            weights[f"{_ALEXNET.name}/Conv_{i}/{part}"] for part in ("kernel", "bias")
        )
        stride = 4 if i == 0 else 1
        x = _vgg16.convolve(x, kernel, bias, stride=stride, padding=padding)
        x = jax.nn.relu(x)
        outputs.append(x)
    return outputs
