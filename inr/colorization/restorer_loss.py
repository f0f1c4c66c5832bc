"""Loss of a restorer.

A crop is reduced to the target image, and that is reduced to the input and made gray.
The loss compares predicted and true colors at random points, in both uses of the model:
with the low-resolution luma alone, and with the luma of the target (`exact_luma`).
"""

import functools
from typing import Any, get_args

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.color import rgb_to_luma
from inr.colorization._batches import check_options, restorer_batch
from inr.colorization.restorer import Restorer
from inr.models import FeatureMap
from inr.training import Cells, Loss, Points


def restorer_loss(
    model: Restorer,
    *,
    num_points: int = 1024,
    cells: Cells | None = None,
    resized_crops: bool = False,
    views: float = 0.0,
    points: Points = "jittered",
    feature_offset: float = 0.0,
    delta: float | None = None,
    luma_weight: float = 20.0,
) -> Loss:
    """Mean error of RGB at random points in both uses, for `inr.training.train`.

    Batches are crops `[b, s, s, 3]` of `inr.training.crop_batches`, with s at least
    `2 * model.side`. Larger crops are reduced, which removes noise and the artifacts of
    JPEG's chroma subsampling.

    Args:
      model: the model to train.
      num_points: points in each crop, for each use; a square number with most `points`.
      cells: mask cells of the encoder's input, see `inr.training.mask_cells`; None
        masks nothing.
      resized_crops: crop a random part at a random scale, see
        `inr.training.random_resized_crops`. Reduces overfitting on small training sets.
      views: strength of random rotation, enlargement and shift, see
        `inr.training.random_views`.
      points: placement of the points, see `inr.training.draw_points`.
      feature_offset: standard deviation, in coords, of a random offset between a point
        and the place where its features are read. Applied to half of the points, as
        augmentation.
      delta: threshold of the pseudo-Huber loss 2 d^2 (sqrt(1 + (e / d)^2) - 1). Errors
        well above it are penalized linearly. None means squared error.
      luma_weight: weight of the error of luma with low-resolution input. That error is
        a small part of RGB's, and decides how sharp the result looks.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)`. The metrics are its unweighted
      parts: `restored`, RGB with low-resolution luma; `luma`; and `colorized`, RGB with
      exact luma.

    Raises:
      ValueError: if `num_points` is below 1, `delta` or `luma_weight` is not above 0,
        or `feature_offset` is below 0; and, when the loss is called, if the crops are
        too small or have other channels, or `num_points` is not a square number.
    """
    check_options(model, Restorer, cells, views)
    _checks.check_flag("resized_crops", resized_crops)
    _checks.check_choice("points", points, get_args(Points))
    sample = functools.partial(
        restorer_batch,
        model,
        num_points=_checks.as_count("num_points", num_points),
        cells=cells,
        resized_crops=resized_crops,
        views=views,
        points=points,
    )
    luma_weight = _checks.as_positive("luma_weight", luma_weight)
    feature_offset = _checks.as_not_negative("feature_offset", feature_offset)
    if delta is not None:
        delta = _checks.as_positive("delta", delta)

    def loss(params: Params, key: Key, crops: ArrayLike) -> tuple[Array, dict]:
        _check_channels(crops)
        batch_key, offset_key = jax.random.split(key)
        batch = sample(params, batch_key, crops)
        feature_coords = _offset_half(offset_key, batch.coords, feature_offset)

        def predict(exact_luma: bool, maps: FeatureMap) -> Array:
            module = model.clone(exact_luma=exact_luma)

            def apply(*inputs: Any) -> Any:
                return module.apply(params, *inputs)

            return jax.vmap(apply)(batch.coords, maps, feature_coords)

        def mean_error(prediction: Array, target: Array) -> Array:
            return _penalty(prediction - target, delta).mean()

        restored = predict(False, batch.reduced_maps)
        colorized = predict(True, batch.exact_maps)
        parts = {
            "restored": mean_error(restored, batch.colors),
            "luma": mean_error(rgb_to_luma(restored), rgb_to_luma(batch.colors)),
            "colorized": mean_error(colorized, batch.colors),
        }
        total = parts["restored"] + parts["colorized"] + luma_weight * parts["luma"]
        return total, parts

    return loss


def _check_channels(crops: ArrayLike) -> None:
    shape = jnp.shape(crops)
    if len(shape) == 4 and shape[-1] != 3:
        fix = "Predictions of another restorer are for `diffusion_loss` only."
        raise _checks.fail("crops", "[b, s, s, 3]", f"shape {shape}", fix)


def _offset_half(key: Key, coords: Array, offset_std: float) -> Array:
    """Coords `[b, n, 2]`, every other point with a normal offset."""
    if not offset_std:
        return coords
    offset = offset_std * jax.random.normal(key, coords.shape)
    return coords.at[..., ::2, :].add(offset[..., ::2, :])


def _penalty(error: Array, delta: float | None) -> Array:
    if delta is None:
        return error**2
    # As 2 d^2 (root - 1), without the difference of nearly equal numbers.
    return 2 * error**2 / (1 + jnp.sqrt(1 + (error / delta) ** 2))
