"""What a `HypercolumnColorizer` learns from: cells of images, read once by VGG16.

VGG16 stays as it is, so that each image is read once: `hypercolumn_samples` has random
cells of it. In such samples `init_hypercolumns` finds the principal components, the
bins of colors and their frequencies. Gradients train the perceptrons alone, from
`perceptron_inputs`, by `hypercolumn_loss`.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from inr import _checks, _conversions, _display, _vgg16
from inr._typing import Array, ArrayLike, Key, Params
from inr.color import rgb_to_ycbcr
from inr.colorization.hypercolumn import (
    CELL,
    HypercolumnColorizer,
    check_hypercolumn_params,
    hypercolumns,
)
from inr.training import random_resized_crops, reduce_images

_WIDTHS = tuple(_vgg16.WIDTHS[i] for i in _vgg16.STAGES)
_CONTRASTS, _BRIGHTNESS = (0.75, 1.25), 0.1


class HypercolumnSamples(NamedTuple):
    """Cells of images, to train a `HypercolumnColorizer`.

    Attributes:
      features: `[b, n, 1472]`, float16, square roots of the hypercolumns.
      means: `[b, 1472]`, float16, their means over each image.
      chroma: `[b, n, 2]`, Cb and Cr.
    """

    features: Array
    means: Array
    chroma: Array

    def __repr__(self) -> str:
        return _display.attributes_text(self)


def hypercolumn_samples(
    key: Key, crops: ArrayLike, *, num_points: int = 200, side: int = 192
) -> HypercolumnSamples:
    """Hypercolumns and colors of random cells of images.

    The trunk reads a random part of each crop, with random contrast and brightness.

    Args:
      key: PRNG key.
      crops: `[b, s, s, 3]`, uint8 or floating in [0, 1], as of
        `inr.training.crop_batches`.
      num_points: cells of 4 x 4 pixels of each image, n.
      side: pixels along a side of what the trunk reads, a multiple of 16, at most s.

    Returns:
      `HypercolumnSamples`.

    Raises:
      ValueError: if `crops` are no batch of RGB images, and for a `side` or a number of
        points that does not fit.
    """
    key = _checks.as_key("key", key)
    crops = _conversions.as_unit_range(_checks.as_array("crops", crops))
    crops = _checks.as_floating("crops", crops)
    _checks.check_not_empty("crops", crops)
    if crops.ndim != 4 or crops.shape[-1] != 3:
        raise _checks.fail("crops", "[b, s, s, 3]", f"shape {crops.shape}")
    side = _checks.as_count("side", side, most=min(crops.shape[1:3]))
    if side % 16:
        raise _checks.fail("side", "a multiple of 16", side)
    num_points = _checks.as_count("num_points", num_points, most=(side // CELL) ** 2)
    return _samples(key, _vgg16.pretrained_layers(), crops, num_points, side)


@functools.partial(jax.jit, static_argnames=("num_points", "side"))
def _samples(
    key: Key, layers: Mapping[str, Any], crops: Array, num_points: int, side: int
) -> HypercolumnSamples:
    keys = jax.random.split(key, 3)
    images = rgb_to_ycbcr(random_resized_crops(keys[0], crops, (side, side)))
    luma, chroma = images[..., :1], images[..., 1:]
    b, cells = len(images), side // CELL
    gray = _change_contrast(keys[1], luma)
    chroma = reduce_images(chroma, (cells, cells)).reshape(b, cells**2, 2)

    def sample(inputs: tuple[Key, Array, Array]) -> HypercolumnSamples:
        key, gray, chroma = inputs
        rows = hypercolumns(layers, gray).reshape(cells**2, -1)
        index = jax.random.choice(key, cells**2, (num_points,), replace=False)
        features, mean = rows[index], rows.mean(0)
        half = jnp.float16
        return HypercolumnSamples(
            features.astype(half), mean.astype(half), chroma[index]
        )

    # One image after the other, because the features of all cells are large.
    return lax.map(sample, (jax.random.split(keys[2], b), gray, chroma))


def _change_contrast(key: Key, luma: Array) -> Array:
    """Luma `[b, h, w, 1]` with random contrast and brightness, clipped to [0, 1]."""
    shape = (len(luma), 1, 1, 1)
    low, high = _CONTRASTS
    keys = jax.random.split(key)
    contrast = jax.random.uniform(keys[0], shape, luma.dtype, low, high)
    shift = jax.random.uniform(keys[1], shape, luma.dtype, -1.0, 1.0) * _BRIGHTNESS
    mean = luma.mean((1, 2), keepdims=True)
    return (mean + contrast * (luma - mean) + shift).clip(0, 1)


def init_hypercolumns(
    key: Key, model: HypercolumnColorizer, samples: HypercolumnSamples
) -> Params:
    """Parameters whose components, bins and frequencies are those of samples.

    Args:
      key: PRNG key of the perceptrons.
      model: the colorizer.
      samples: of several images, with more points than bins and components.

    Returns:
      Collections of the model.

    Raises:
      ValueError: if the points are too few.
    """
    key = _checks.as_key("key", key)
    _checks.check_type("model", model, HypercolumnColorizer)
    _checks.check_type("samples", samples, HypercolumnSamples)
    features = np.asarray(samples.features, np.float32).reshape(-1, sum(_WIDTHS))
    chroma = np.asarray(samples.chroma, np.float64).reshape(-1, 2)
    least = max(model.bins, *model.components) + 1
    if len(features) < least:
        raise _checks.fail("samples", f"at least {least} points", len(features))
    image = jnp.zeros((16, 16, 1), jnp.float32)
    variables = model.init(key, jnp.zeros((1, 2), jnp.float32), image)
    stages = np.split(features, np.cumsum(_WIDTHS)[:-1], axis=1)
    projections = {
        f"projection_{i}": _principal_components(stage, count)
        for i, (stage, count) in enumerate(zip(stages, model.components, strict=True))
    }
    from scipy.cluster import vq

    colors, bin_of = vq.kmeans2(chroma, model.bins, minit="++", rng=0)
    frequencies = np.bincount(bin_of, minlength=model.bins) / len(bin_of)
    trained = {
        **variables["params"],
        **projections,
        "colors": jnp.asarray(colors, jnp.float32),
        "log_prior": jnp.asarray(np.log(frequencies + 1e-6), jnp.float32),
    }
    return {**variables, "params": trained}


def perceptron_inputs(
    model: HypercolumnColorizer, params: Params, samples: HypercolumnSamples
) -> Array:
    """Inputs of the perceptrons: components of the samples, and of their images' means.

    Args:
      model: the colorizer.
      params: its collections, from `init_hypercolumns`.
      samples: of the images.

    Returns:
      `[b, n, k]`, float16, where k is twice the number of components.

    Raises:
      ValueError: for parameters of another model.
    """
    check_hypercolumn_params(model, params)
    _checks.check_type("samples", samples, HypercolumnSamples)
    return _inputs(model, params, samples)


@functools.partial(jax.jit, static_argnames="model")
def _inputs(model: Any, params: Params, samples: HypercolumnSamples) -> Array:
    def components(rows: Array) -> Array:
        rows = rows.astype(jnp.float32)
        return model.apply(params, rows, method="project")

    x, mean = components(samples.features), components(samples.means[:, None])
    x = jnp.concatenate([x, jnp.broadcast_to(mean, x.shape)], -1)
    return x.astype(jnp.float16)


def _principal_components(rows: np.ndarray, count: int) -> dict[str, Array]:
    """An affine map of rows `[n, k]` to their first components.

    Each is divided by the root of its standard deviation, between raw components, of
    which perceptrons see the first few only, and whitened ones, of which the last are
    mostly noise.
    """
    mean = rows.mean(0, dtype=np.float64)
    covariance = np.cov(rows, rowvar=False, dtype=np.float64)
    variances, vectors = np.linalg.eigh(covariance)
    first = np.argsort(variances)[::-1][:count]
    kernel = vectors[:, first] / np.maximum(variances[first], 1e-8) ** 0.25
    as_array = functools.partial(jnp.asarray, dtype=jnp.float32)
    return {"kernel": as_array(kernel), "bias": as_array(-mean @ kernel)}
