"""What models are trained on whose examples are pixels: upscalers and colorizers.

Crops are reduced to the picture that is wanted, and that to what a model is given.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.color import rgb_to_lab, rgb_to_luma
from inr.fields.streams import seed_cells
from inr.restoration.colorizers import SCALE, GridColorizer, lightness
from inr.restoration.upscaler import Upscaler
from inr.training import reduce_images, scale_batch
from inr.training.step import Loss


def upscaler_loss(
    model: Upscaler,
    *,
    side: int = 40,
    picture: int = 160,
    num_points: int = 1600,
    max_scale: float = 4.0,
    methods: Sequence[str] = ("bicubic",),
    degradation: Callable[[Key, Array], Array] | None = None,
) -> Loss:
    """Mean absolute error of RGB over pixels of random scales, for `training.train`.

    Its batches are crops `[b, s, s, 3]` as `inr.training.crop_batches` makes them.

    Args:
      model: to be trained.
      side: of what the model is given, in pixels.
      picture: what crops are reduced to first: less than their own side, they lose the
        noise and the halved chroma of the files that they come from. At least
        `max_scale * side`.
      num_points: pixels drawn of each picture.
      max_scale: pixels of the picture to one of what the model is given, at most. See
        `inr.training.scale_batch`.
      methods: how what the model is given was reduced, see there.
      degradation: what else happened to it, see there.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)`; the metrics are `absolute`
      and `square`, the mean errors.

    Raises:
      ValueError: once it is called, for crops or a picture that are too small.
    """
    picture = _checks.as_count("picture", picture)

    def loss(params: Params, key: Key, crops: ArrayLike) -> tuple[Array, dict]:
        # By bicubic interpolation: means over areas are softer than photographs are.
        wanted = reduce_images(crops, (picture, picture), method="bicubic")
        batch = scale_batch(
            key,
            wanted.clip(0, 1),
            side=side,
            num_points=num_points,
            max_scale=max_scale,
            methods=methods,
            degradation=degradation,
        )

        def made(image: Array, coords: Array, cell: Array) -> Array:
            maps = model.apply(params, image, method="encode")
            return model.apply(params, seed_cells(coords, cell), maps).value

        error = jax.vmap(made)(batch.inputs, batch.coords, batch.cells) - batch.colors
        parts = {"absolute": jnp.abs(error).mean(), "square": jnp.square(error).mean()}
        return parts["absolute"], parts

    return loss


def colorizer_loss(model: GridColorizer) -> Loss:
    """Mean squared error of the colours on a colorizer's grid, for `training.train`.

    Its batches are crops `[b, s, s, 3]` as `inr.training.crop_batches` makes them,
    which are reduced to what the model sees.

    Args:
      model: a `Colorizer` or `PatchColorizer`, whose error is of (a, b) / 128, or a
        `DenseColorizer`, whose error is of RGB.

    Returns:
      A loss `(params, key, crops) -> (scalar, {})`.
    """

    def loss(params: Params, key: Key, crops: ArrayLike) -> tuple[Array, dict]:
        del key
        wanted = reduce_images(crops, model.seen_size(crops.shape[1:3]))
        light = lightness(rgb_to_luma(wanted))
        made = model.apply(params, light, method="colours")
        wanted = reduce_images(wanted, made.shape[1:3])
        if model.predicts == "ab":
            wanted = rgb_to_lab(wanted)[..., 1:] / SCALE
        return jnp.square(made - wanted).mean(), {}

    return loss
