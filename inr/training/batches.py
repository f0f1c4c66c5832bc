"""Batches of examples from crops: inputs, and points with their target colors.

Pure JAX; call these functions inside a loss. Only crops, as bytes, then travel to the
devices, and every step draws its points from its own key. On two CPU cores a batch of
32 crops of 128 x 128 takes 7 ms, in place of 25 ms in NumPy.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Shaped

from inr import _checks, color, coords as _coords
from inr._typing import Array, ArrayLike, Key, Size
from inr.training._images import as_images
from inr.training.masks import Cells, mask_cells
from inr.training.points import Points, draw_points
from inr.training.reduction import Reduction, reduce_crop, reduce_images


class PointBatch(NamedTuple):
    """Examples for a model that maps an image and points to colors.

    Attributes:
      inputs: `[b, h, w, c]` in [0, 1], reduced and possibly masked; c is 1 for gray.
      coords: `[b, n, 2]`, points in [-1, 1].
      colors: `[b, n, k]` in [0, 1], colors of the crops at the points.
    """

    inputs: Array
    coords: Array
    colors: Array


class ScaleBatch(NamedTuple):
    """Examples for a model that maps an image, points and cells to colors.

    Attributes:
      inputs: `[b, side, side, k]` in [0, 1], at a coarser scale than the crops.
      coords: `[b, n, 2]`, centers of the crops' pixels, in [-1, 1] of the input.
      cells: `[b, 2]`, size of these pixels, in coords.
      colors: `[b, n, k]` in [0, 1], colors of these pixels.
    """

    inputs: Array
    coords: Array
    cells: Array
    colors: Array


def point_batch(
    key: Key,
    crops: Shaped[ArrayLike, "b h w k"],
    *,
    size: Size,
    num_points: int,
    points: Points = "uniform",
    gray: bool = True,
    cells: Cells | None = None,
    interpolation: Literal["linear", "cubic"] = "linear",
) -> PointBatch:
    """Inputs reduced to `size`, and random points with the colors of the crops.

    Inputs are reduced by means over areas, see `reduce_images`.

    Args:
      key: PRNG key of the points and the masks.
      crops: `[b, h, w, k]`, uint8 or floating in [0, 1]; k is 3 where `gray`.
      size: `(h, w)` of the inputs, at most that of the crops.
      num_points: points in each image, n.
      points: placement of the points, see `draw_points`.
      gray: convert the inputs to gray, by BT.601 luma.
      cells: mask cells of the inputs, see `mask_cells`; None masks nothing.
      interpolation: how colors between pixel centers are interpolated: `"linear"`, or
        `"cubic"`, which is sharper; see `inr.coords.sample_grid`.

    Returns:
      A `PointBatch`.

    Raises:
      ValueError: if `crops` is not a batch of images or smaller than `size`, or an
        option is unknown.
    """
    _checks.check_choice("interpolation", interpolation, ("linear", "cubic"))
    _checks.check_flag("gray", gray)
    key_points, key_mask = jax.random.split(_checks.as_key("key", key))
    crops = as_images("crops", crops)
    inputs = reduce_images(crops, size)
    if gray:
        inputs = color.rgb_to_luma(inputs)
    if cells is not None:
        inputs = mask_cells(key_mask, inputs, cells=cells)
    keys = jax.random.split(key_points, len(crops))
    coords = jax.vmap(lambda key: draw_points(key, num_points, points=points))(keys)
    sample = functools.partial(_coords.sample_grid, interpolation=interpolation)
    return PointBatch(inputs, coords, jax.vmap(sample)(crops, coords))


def scale_batch(
    key: Key,
    crops: Shaped[ArrayLike, "b h w k"],
    *,
    side: int,
    num_points: int,
    max_scale: float = 4.0,
    interpolations: Sequence[Reduction] = ("bicubic",),
    degradation: Callable[[Key, Array], Array] | None = None,
) -> ScaleBatch:
    """Parts of crops reduced by random scales, and pixels of the crops in these parts.

    Each example has its own scale; the shapes do not depend on it. Half of the scales
    are uniform in [1, max_scale], the others are whole numbers from 2, which users ask
    for most. A part starts at a random pixel. Inputs are rounded to 8-bit levels.
    Pixels whose centers lie in the part are drawn uniformly.

    Args:
      key: PRNG key.
      crops: `[b, h, w, k]`, uint8 or floating in [0, 1], at least `max_scale * side`
        pixels in h and w.
      side: height and width of the inputs, in pixels.
      num_points: pixels of each crop, n.
      max_scale: largest number of crop pixels per input pixel, at least 2.
      interpolations: `"bicubic"`, `"area"` or both: how inputs are reduced, drawn for
        each example; see `reduce_crop`.
      degradation: `(key, inputs) -> inputs`, applied before rounding, for example
        `functools.partial(degrade, max_noise_std=0.02)`.

    Returns:
      A `ScaleBatch`.

    Raises:
      ValueError: if `crops` is not a batch of images or too small, `max_scale` is below
        2, or `interpolations` is empty or unknown.
    """
    crops = as_images("crops", crops)
    side = _checks.as_count("side", side)
    num_points = _checks.as_count("num_points", num_points)
    if _checks.as_positive("max_scale", max_scale) < 2:
        raise _checks.fail("max_scale", "at least 2", max_scale)
    b, h, w, _ = crops.shape
    if min(h, w) < max_scale * side:
        least = math.ceil(max_scale * side)
        raise _checks.fail("crops", f"at least {least} pixels a side", f"{(h, w)}")
    if degradation is not None:
        _checks.check_callable("degradation", degradation)
    keys = jax.random.split(_checks.as_key("key", key), 5)
    scale_key, start_key, point_key, reduce_key, degrade_key = keys
    scale = _draw_scales(scale_key, b, max_scale)[:, None]
    span = scale * side
    room = jnp.asarray([(h, w)], jnp.float32) - span
    start = jax.random.uniform(start_key, (b, 2), jnp.float32)
    start = jnp.floor(start * (room + 1)).clip(0, jnp.floor(room))
    inputs = _reduce_crops(reduce_key, crops, start, scale, side, interpolations)
    if degradation is not None:
        inputs = degradation(degrade_key, inputs)
    inputs = jnp.round(255 * inputs.clip(0, 1)) / 255
    # Only whole pixels count, beginning with the part's first.
    draw = jax.random.uniform(point_key, (b, num_points, 2), jnp.float32)
    pixel = jnp.floor(draw * jnp.floor(span)[:, None])
    coords = (pixel + 0.5) / span[:, None] * 2 - 1
    index = (pixel + start[:, None]).astype(jnp.int32)
    colors = jax.vmap(lambda crop, i: crop[i[:, 0], i[:, 1]])(crops, index)
    cells = jnp.broadcast_to(2 / span, (b, 2))
    return ScaleBatch(inputs, coords, cells, colors)


def _reduce_crops(
    key: Key,
    crops: Array,
    start: Array,
    scale: Array,
    side: int,
    interpolations: Sequence[Reduction],
) -> Array:
    """A part of each crop, `[b, side, side, k]`, reduced by a random interpolation."""
    if not isinstance(interpolations, Sequence) or len(interpolations) == 0:
        raise _checks.fail("interpolations", "at least one", repr(interpolations))
    for interpolation in interpolations:
        _checks.check_choice("interpolations", interpolation, get_args(Reduction))
    choice = jax.random.randint(key, (len(crops),), 0, len(interpolations), jnp.int32)
    result = jnp.zeros((), crops.dtype)
    for i, interpolation in enumerate(interpolations):
        reduce = functools.partial(
            reduce_crop, size=(side, side), interpolation=interpolation
        )
        parts = jax.vmap(reduce)(crops, start, scale)
        result = jnp.where((choice == i).reshape(-1, 1, 1, 1), parts, result)
    return result


def _draw_scales(key: Key, count: int, max_scale: float) -> Array:
    kind_key, real_key, integer_key = jax.random.split(key, 3)
    real = jax.random.uniform(real_key, (count,), jnp.float32, 1.0, max_scale)
    integer = jax.random.randint(
        integer_key, (count,), 2, int(max_scale) + 1, jnp.int32
    )
    is_integer = jax.random.bernoulli(kind_key, 0.5, (count,))
    return jnp.where(is_integer, integer.astype(jnp.float32), real)
