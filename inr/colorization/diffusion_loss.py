"""Loss of a diffusion restorer."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.colorization._batches import check_options, restorer_batch
from inr.colorization.diffusion_restorer import DiffusionFeatureMap, DiffusionRestorer
from inr.diffusion import denoising_loss
from inr.training import Cells, Loss


def diffusion_loss(
    model: DiffusionRestorer,
    *,
    num_points: int = 1024,
    cells: Cells | None = None,
    views: float = 0.0,
) -> Loss:
    """Mean squared error of the denoiser's prediction, for `inr.training.train`.

    Batches are as for `restorer_loss`, or crops `[b, s, s, 6]`: RGB, and the RGB that a
    restorer predicted, whose chroma is then the mean. Take predictions of a restorer
    that was not trained on the same images: its errors are those to expect on others.
    Each point has its own level and noise, in both uses of the model, see
    `inr.diffusion.denoising_loss`. The parameters of the model's own restorer get no
    gradient.

    Args:
      model: the model to train.
      num_points: points in each crop, for each use; a square number.
      cells: mask cells of the encoder's input, see `inr.training.mask_cells`; None
        masks nothing.
      views: strength of random rotation, enlargement and shift, see
        `inr.training.random_views`.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)`. The metrics are its parts:
      `restored`, with low-resolution luma, and `colorized`, with exact luma.

    Raises:
      ValueError: if `num_points` is below 1; and, when the loss is called, if the crops
        are too small, or `num_points` is not a square number.
    """
    check_options(model, DiffusionRestorer, cells, views)
    sample = functools.partial(
        restorer_batch,
        model,
        num_points=_checks.as_count("num_points", num_points),
        cells=cells,
        resized_crops=False,
        views=views,
        points="jittered",
    )

    def loss(params: Params, key: Key, crops: ArrayLike) -> tuple[Array, dict]:
        restorer = jax.lax.stop_gradient(params["params"]["restorer"])
        params = {"params": {**params["params"], "restorer": restorer}}
        batch_key, dropout_key, *keys = jax.random.split(key, 4)
        batch = sample(params, batch_key, crops)
        shape = (*batch.colors.shape[:-1], 1)
        has_condition = jax.random.bernoulli(dropout_key, 1 - model.dropout, shape)

        def mean_error(key: Key, exact_luma: bool, maps: DiffusionFeatureMap) -> Array:
            module = model.clone(exact_luma=exact_luma)

            def compute_condition(*inputs: Any) -> Any:
                return module.apply(params, *inputs, method="condition")

            def denoise(*inputs: Array) -> Any:
                return module.apply(params, *inputs, method="denoise")

            inputs = (batch.coords, maps)
            if batch.mean_chroma is not None:
                inputs = (*inputs, batch.mean_chroma)
            mean, condition = jax.vmap(compute_condition)(*inputs)
            x0 = model.to_x0(batch.colors, mean)
            condition = jnp.where(has_condition, condition, 0)
            return denoising_loss(
                key,
                denoise,
                x0.reshape(-1, model.channels),
                schedule=model.schedule,
                predicts=model.predicts,
                condition=condition.reshape(-1, condition.shape[-1]),
            )

        parts = {
            "restored": mean_error(keys[0], False, batch.reduced_maps),
            "colorized": mean_error(keys[1], True, batch.exact_maps),
        }
        return parts["restored"] + parts["colorized"], parts

    return loss
