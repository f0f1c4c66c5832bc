"""LPIPS: a distance between deep features, for weights that the user loads.

References:
  Zhang et al. 2018, The unreasonable effectiveness of deep features as a perceptual
    metric; weights of version 0.1.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.metrics._inputs import as_pair, as_rgb


def lpips(
    image: Float[ArrayLike, "h w 3"],
    reference: Float[ArrayLike, "h w 3"],
    *,
    weights: Mapping[str, ArrayLike],
) -> Array:
    """Learned perceptual image patch similarity, a distance, with the weights given.

    The keys of `weights` choose the network, a VGG16 or an AlexNet trunk:
    `VGG16_0/Conv_i/kernel` `[kh, kw, c_in, c_out]`, `VGG16_0/Conv_i/bias` `[c_out]`, or
    the same with `AlexNet_0`; and `NetLinLayer_j/Conv_0/kernel` `[1, 1, k, 1]`. Read
    them with `safetensors.numpy.load_file`. Half precision is widened.

    Args:
      image: `[h, w, 3]`, in [0, 1]; each side at least 16 for VGG16, 31 for AlexNet.
      reference: `[h, w, 3]`, in [0, 1].
      weights: name -> array; may be differentiated.

    Returns:
      `[]`; zero, to rounding, for identical images, and above for any others.

    Raises:
      ValueError: for integer or small images, shapes that differ, another number of
        channels, or weights of another network.
    """
    image, reference = as_pair(image, reference)
    trunk = _trunk_of(weights)
    least = _TRUNKS[trunk].least_side
    if min(as_rgb("image", image).shape[:2]) < least:
        raise _checks.fail(
            "image",
            f"at least {least} x {least} pixels for this network",
            f"shape {image.shape}",
            "Enlarge both images first.",
        )
    used = {name: jnp.asarray(weights[name]) for name in _names(trunk)}
    return _distance(image, reference, used)


def deep_features(
    images: Float[ArrayLike, "b h w 3"], *, weights: Mapping[str, ArrayLike]
) -> tuple[Array, ...]:
    """What LPIPS compares: features of a VGG16 or AlexNet trunk at five depths.

    The last of VGG16's are those of its thirteenth convolution.

    Args:
      images: `[b, h, w, 3]`, in [0, 1], of sides as for `lpips`.
      weights: as for `lpips`.

    Returns:
      `[b, h', w', k]`, the shallowest and finest first.

    Raises:
      ValueError: for integer images, another number of channels, or weights of another
        network.
    """
    images = as_rgb("images", _checks.as_floating("images", images))
    names = _names(_trunk_of(weights))
    used = {name: jnp.asarray(weights[name], images.dtype) for name in names}
    return tuple(_features(images, used))


class _Convolution(NamedTuple):
    """A convolution, the maximum pool before it, and whether LPIPS looks behind it."""

    stride: int
    padding: int
    pool: int | None
    looked_at: bool


class _Trunk(NamedTuple):
    convolutions: tuple[_Convolution, ...]
    least_side: int  # the last pool still has a full window


_TRUNKS = {
    "VGG16_0": _Trunk(
        tuple(
            _Convolution(1, 1, 2 if i in (2, 4, 7, 10) else None, i in (1, 3, 6, 9, 12))
            for i in range(13)
        ),
        least_side=16,
    ),
    "AlexNet_0": _Trunk(
        (
            _Convolution(4, 2, None, True),
            _Convolution(1, 2, 3, True),
            _Convolution(1, 1, 3, True),
            _Convolution(1, 1, None, True),
            _Convolution(1, 1, None, True),
        ),
        least_side=31,
    ),
}

# Mean and standard deviation of the training images, on the scale of [-1, 1].
VGG_MEAN = np.array([-0.030, -0.088, -0.188])
VGG_STD = np.array([0.458, 0.448, 0.450])


def _names(trunk: str) -> set[str]:
    layers = [f"{trunk}/Conv_{i}" for i in range(len(_TRUNKS[trunk].convolutions))]
    heads = {f"NetLinLayer_{i}/Conv_0/kernel" for i in range(5)}
    return heads | {
        f"{layer}/{part}" for layer in layers for part in ("kernel", "bias")
    }


def _trunk_of(weights: Mapping[str, ArrayLike]) -> str:
    """The trunk whose arrays are all there."""
    for trunk in _TRUNKS:
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
        # Where all features are zero, the gradient of a plain length is NaN.
        length = optax.safe_norm(features, 0.0, axis=-1, keepdims=True)
        first, second = features / (length + 1e-10)
        head = weights[f"NetLinLayer_{i}/Conv_0/kernel"].reshape(-1, 1)
        error = jnp.square(first - second)
        distance += jnp.matmul(error, head, precision=lax.Precision.HIGHEST).mean()
    return distance


def _features(images: Array, weights: dict[str, Array]) -> list[Array]:
    """`[b, h, w, 3]` in [0, 1] to features `[b, h', w', k]` at five depths."""
    trunk = _trunk_of(weights)
    mean, std = (
        jnp.asarray(x, images.dtype)[None, None, None] for x in (VGG_MEAN, VGG_STD)
    )
    x = (2 * images - 1 - mean) / std
    features = []
    for i, layer in enumerate(_TRUNKS[trunk].convolutions):
        if layer.pool is not None:
            window = (1, layer.pool, layer.pool, 1)
            x = lax.reduce_window(x, -jnp.inf, lax.max, window, (1, 2, 2, 1), "VALID")
        x = lax.conv_general_dilated(
            x,
            weights[f"{trunk}/Conv_{i}/kernel"],
            window_strides=(layer.stride, layer.stride),
            padding=[(layer.padding, layer.padding)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=lax.Precision.HIGHEST,
        )
        x = jax.nn.relu(x + weights[f"{trunk}/Conv_{i}/bias"][None, None, None])
        if layer.looked_at:
            features.append(x)
    return features
