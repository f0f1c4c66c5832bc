"""Losses of an upscaler: errors at single pixels, and of complete images.

`upscaler_loss` draws pixels of random scales. `upscaler_pixel_loss` compares all pixels
at the scales 2, 3 and 4, which is several times as many for one pass of the encoder.
"""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast, get_args

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.fields import streams
from inr.models import FeatureMap
from inr.training import (
    Loss,
    Reduction,
    ScaleBatch,
    reduce_crop,
    reduce_images,
    scale_batch,
)
from inr.upscaling.upscaler import Upscaler

_SCALES = (2, 3, 4)


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
    _checks.check_type("model", model, Upscaler)
    side = _checks.as_count("side", side)
    target_side = _checks.as_count("target_side", target_side)
    num_points = _checks.as_count("num_points", num_points)
    if _checks.as_positive("max_scale", max_scale) < 2:
        raise _checks.fail("max_scale", "at least 2", max_scale)
    _checks.check_sequence("interpolations", interpolations, "names")
    for interpolation in interpolations or (None,):
        _checks.check_choice("interpolations", interpolation, get_args(Reduction))
    _check_degradation(degradation)

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
            return _cell_means(model, params, feature_map, coords, cell)

        predictions = jax.vmap(predict)(batch.inputs, batch.coords, batch.cells)
        error = predictions - batch.colors
        parts = {"absolute": jnp.abs(error).mean(), "square": jnp.square(error).mean()}
        return parts["absolute"], parts

    return loss


def upscaler_pixel_loss(
    model: Upscaler,
    *,
    side: int = 44,
    counts: Sequence[int] = (3, 2, 2, 1),
    factors: tuple[float, float] = (1.4, 2.2),
    num_points: int = 2304,
    degradation: Callable[[Key, Array], Array] | None = None,
) -> Loss:
    """Mean absolute error of RGB at the scales 2, 3 and 4 and at random scales.

    Targets are random parts of the crops, reduced by a random factor. Inputs are
    targets reduced by bicubic interpolation. Both are rounded to 8-bit levels.

    Args:
      model: the model to train.
      side: side of the low-resolution inputs, in pixels.
      counts: crops of a batch for the scales 2, 3 and 4, whose targets have a side of
        `2 side`, `3 side` and `4 side` pixels, and for random scales between 1 and 4;
        see `inr.training.scale_batch`.
      factors: lowest and highest factor by which crops are reduced to targets, at least
        1. 1.4 removes most of the compression artifacts. The highest factor is lower
        where a target would exceed its crop.
      num_points: output pixels drawn in each crop of a random scale.
      degradation: `(key, inputs) -> inputs`, further degradation of the inputs, for
        example `functools.partial(inr.training.degrade, max_noise_std=0.02)`.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)` of crops `[b, s, s, 3]`, as
      `inr.training.crop_batches` makes them; b is the sum of `counts`. The metrics are
      `x2`, `x3`, `x4` and `any`, the mean absolute errors of the scales whose count is
      not 0.

    Raises:
      ValueError: for counts or a side out of range; from the loss, for crops that are
        too small or whose number is not the sum of `counts`.
    """
    _checks.check_type("model", model, Upscaler)
    side = _checks.as_count("side", side)
    num_points = _checks.as_count("num_points", num_points)
    factors = _as_factors(factors)
    _check_degradation(degradation)
    _checks.check_sequence("counts", counts, "numbers")
    sizes = [_checks.as_count("counts", n, least=0) for n in counts]
    if len(sizes) != len(_SCALES) + 1 or sum(sizes) == 0:
        raise _checks.fail("counts", "four numbers, one of them above 0", counts)

    def loss(params: Params, key: Key, crops: ArrayLike) -> tuple[Array, dict]:
        batch_key, degrade_key = jax.random.split(key)
        batch = _pixel_batch(batch_key, crops, side, sizes, factors, num_points)
        inputs = jnp.concatenate([part.inputs for part in batch.values()])
        if degradation is not None:
            inputs = _rounded(degradation(degrade_key, inputs))
        feature_maps = jax.vmap(lambda x: model.apply(params, x, method="encode"))(
            inputs
        )
        total, errors, start = jnp.zeros(()), {}, 0
        for name, part in batch.items():
            span = slice(start, start + len(part.inputs))
            part_maps = jax.tree.map(operator.itemgetter(span), feature_maps)
            errors[name] = _mean_error(model, params, part_maps, part)
            total = total + len(part.inputs) * errors[name]
            start = span.stop
        return total / sum(sizes), errors

    return loss


def _check_degradation(degradation: Any) -> None:
    if degradation is not None:
        _checks.check_callable("degradation", degradation)


def _as_factors(factors: tuple[float, float]) -> tuple[float, float]:
    _checks.check_sequence("factors", factors, "two numbers")
    numbers = [_checks.as_number("factors", x) for x in factors]
    if len(numbers) != 2 or not 1 <= numbers[0] <= numbers[1]:
        expected = "two numbers of at least 1, the lowest first"
        raise _checks.fail("factors", expected, repr(factors))
    return numbers[0], numbers[1]


class _ImageBatch(NamedTuple):
    """Inputs `[b, h, w, 3]` and targets `[b, s h, s w, 3]` of a scale s."""

    inputs: Array
    targets: Array


def _cell_means(
    model: Upscaler,
    params: Params,
    feature_map: Any,
    coords: Array,
    cell: Array,
) -> Array:
    cells = streams.seed_cells(coords, cell)
    return cast(streams.Cells, model.apply(params, cells, feature_map)).value


def _mean_error(
    model: Upscaler,
    params: Params,
    feature_maps: FeatureMap,
    batch: ScaleBatch | _ImageBatch,
) -> Array:
    """Mean absolute error of the predictions from the feature maps of a batch."""
    if isinstance(batch, ScaleBatch):
        predict = functools.partial(_cell_means, model, params)
        predictions = jax.vmap(predict)(feature_maps, batch.coords, batch.cells)
        return jnp.abs(predictions - batch.colors).mean()
    scale = (batch.targets.shape[1] // batch.inputs.shape[1],) * 2
    pixels = jax.vmap(lambda x: model.apply(params, x, scale, method="pixels"))
    predictions = cast(Array, pixels(feature_maps))
    return jnp.abs(predictions - batch.targets).mean()


def _pixel_batch(
    key: Key,
    crops: ArrayLike,
    side: int,
    counts: Sequence[int],
    factors: tuple[float, float],
    num_points: int,
) -> dict[str, ScaleBatch | _ImageBatch]:
    """Inputs and targets by the names of the metrics."""
    images = jnp.asarray(crops)
    if len(images) != sum(counts):
        raise _checks.fail("crops", f"{sum(counts)} images", len(images))
    if images.dtype == jnp.uint8:
        images = images / jnp.float32(255)
    keys = jax.random.split(key, len(counts) + 1)
    batch, start = {}, 0
    for scale, count, part_key in zip((*_SCALES, None), counts, keys, strict=False):
        if count == 0:
            continue
        part = images[start : start + count]
        start += count
        targets = _random_targets(part_key, part, (scale or 4) * side, factors)
        if scale is None:
            batch["any"] = scale_batch(
                keys[-1], targets, side=side, num_points=num_points
            )
        else:
            reduce = functools.partial(reduce_crop, size=(side, side))
            first, pitch = jnp.zeros(2), jnp.full(2, float(scale))
            inputs = jax.vmap(reduce, (0, None, None))(targets, first, pitch)
            batch[f"x{scale}"] = _ImageBatch(_rounded(inputs), targets)
    return batch


def _random_targets(
    key: Key, crops: Array, size: int, factors: tuple[float, float]
) -> Array:
    """A random part of each crop, reduced by a random factor, `[b, size, size, k]`."""
    low, high = factors
    side = min(crops.shape[1:3])
    if side < low * size:
        raise _checks.fail("crops", f"at least {low * size} pixels a side", side)
    factor_key, start_key = jax.random.split(key)
    shape = (len(crops), 1)
    high = min(high, side / size)
    factor = jax.random.uniform(factor_key, shape, jnp.float32, low, high)
    room = jnp.asarray([crops.shape[1:3]], jnp.float32) - factor * size
    start = jax.random.uniform(start_key, (len(crops), 2), jnp.float32) * room
    reduce = functools.partial(reduce_crop, size=(size, size))
    return _rounded(jax.vmap(reduce)(crops, start, factor))


def _rounded(images: Array) -> Array:
    """Images at 8-bit levels."""
    return jnp.round(255 * images.clip(0, 1)) / 255
