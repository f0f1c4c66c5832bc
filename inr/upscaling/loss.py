"""Loss of an upscaler: errors at pixels of random scales."""

from collections.abc import Callable, Sequence
from typing import cast

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.fields import streams
from inr.training import Loss, Reduction, reduce_images, scale_batch
from inr.upscaling.upscaler import Upscaler


def upscaler_loss(
    model: Upscaler,
    *,
    side: int = 40,
    target_side: int = 160,
    num_points: int = 1600,
    max_scale: float = 4.0,
    interpolations: Sequence[Reduction] = ("bicubic",),
    degradation: Callable[[Key, Array], Array] | None = None,
) -> Loss:
    """Mean absolute error of RGB over pixels of random scales, for `training.train`.

    Args:
      model: the model to train.
      side: side of the low-resolution inputs, in pixels.
      target_side: side to which crops are reduced first, in pixels, at least `max_scale
        * side`. Choose it smaller than the crops: the reduction removes their noise and
        compression artifacts.
      num_points: output pixels drawn in each crop.
      max_scale: largest scale; see `inr.training.scale_batch`.
      interpolations: how targets are reduced to inputs, one drawn for each; see
        `inr.training.scale_batch`.
      degradation: further degradation of the inputs; see `inr.training.scale_batch`.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)` of crops `[b, s, s, 3]`, as
      `inr.training.crop_batches` makes them. The metrics are `absolute` and `square`,
      the mean absolute and squared error.

    Raises:
      ValueError: for a count below 1; from the loss, for crops or targets that are too
        small.
    """
    target_side = _checks.as_count("target_side", target_side)

    def loss(params: Params, key: Key, crops: ArrayLike) -> tuple[Array, dict]:
        # Bicubic, because means over areas are softer than photographs.
        targets = reduce_images(
            crops, (target_side, target_side), interpolation="bicubic"
        )
        batch = scale_batch(
            key,
            targets.clip(0, 1),
            side=side,
            num_points=num_points,
            max_scale=max_scale,
            interpolations=interpolations,
            degradation=degradation,
        )

        def predict(image: Array, coords: Array, cell: Array) -> Array:
            feature_map = model.apply(params, image, method="encode")
            cells = streams.seed_cells(coords, cell)
            return cast(streams.Cells, model.apply(params, cells, feature_map)).value

        predictions = jax.vmap(predict)(batch.inputs, batch.coords, batch.cells)
        error = predictions - batch.colors
        parts = {"absolute": jnp.abs(error).mean(), "square": jnp.square(error).mean()}
        return parts["absolute"], parts

    return loss
