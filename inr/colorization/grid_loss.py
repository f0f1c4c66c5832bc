"""Loss of the colorizers that predict a grid of colors."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.color import rgb_to_lab, rgb_to_luma
from inr.colorization.grid_colorizer import GridColorizer
from inr.colorization.spaces import AB_SCALE, lightness
from inr.coords import grid
from inr.metrics import lpips
from inr.models import FeatureMap
from inr.training import Loss, reduce_images


def colorizer_loss(
    model: GridColorizer,
    *,
    weights: Mapping[str, ArrayLike] | None = None,
    perceptual_weight: float = 0.05,
) -> Loss:
    """Mean squared error of the colors on a colorizer's grid, for `training.train`.

    Batches are crops `[b, s, s, 3]` of `inr.training.crop_batches`, which are reduced
    to the input size of the model.

    Args:
      model: a `Colorizer` or `PatchColorizer`, whose error is that of (a, b) / 128, or
        a `DenseColorizer`, whose error is that of RGB.
      weights: weights of VGG16, as for `inr.metrics.lpips`. The loss then includes the
        perceptual distance of the result, which favors plausible colors; squared error
        alone favors their mean, which is duller.
      perceptual_weight: weight of the perceptual distance.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)`. The metrics are `square`, and
      with `weights` also `perceptual`.

    Raises:
      ValueError: if `perceptual_weight` is not above 0; and, when the loss is called
        with `weights`, if they are those of another network, or the input size of the
        model is below 16 pixels.
    """
    _checks.check_type("model", model, GridColorizer)
    if weights is not None:
        _checks.check_type("weights", weights, Mapping)
    perceptual_weight = _checks.as_positive("perceptual_weight", perceptual_weight)

    def predict(params: Params, light: Array) -> Any:
        return model.apply(params, light, method="colors")

    def loss(params: Params, key: Key, crops: ArrayLike) -> tuple[Array, dict]:
        del key
        images = reduce_images(crops, model.input_size(jnp.shape(crops)[1:3]))
        luma = rgb_to_luma(images)
        prediction = predict(params, lightness(luma))
        target = reduce_images(images, prediction.shape[1:3])
        if model.predicts == "ab":
            target = rgb_to_lab(target)[..., 1:] / AB_SCALE
        parts = {"square": jnp.square(prediction - target).mean()}
        if weights is None:
            return parts["square"], parts
        pixels = grid(images.shape[1:3])

        def to_rgb(*feature_map: Array) -> Any:
            return model.apply(params, pixels, FeatureMap(*feature_map))

        rgb = jax.vmap(to_rgb)(prediction, luma)
        distance = jax.vmap(functools.partial(lpips, weights=weights))
        parts["perceptual"] = distance(rgb, images).mean()
        return parts["square"] + perceptual_weight * parts["perceptual"], parts

    return loss
