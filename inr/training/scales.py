"""Crops made into examples of upscaling: a part at a coarser scale, and fine pixels.

Pure JAX, to be called inside a loss, as `inr.training.examples`. Every example has a
scale of its own, so that arrays keep one shape whatever the scale.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Shaped

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Size
from inr.coords import keys_cubic
from inr.training._images import as_images
from inr.training.examples import INTERPOLATIONS


class ScaleBatch(NamedTuple):
    """Examples for a model that maps an image and cells to their colors.

    Attributes:
      inputs: `[b, side, side, k]` in [0, 1], of a coarser scale.
      coords: `[b, n, 2]`, centers of finer pixels, in [-1, 1] of the input.
      cells: `[b, 2]`, the size of a finer pixel, in coords.
      colors: `[b, n, k]` in [0, 1], of the finer pixels.
    """

    inputs: Array
    coords: Array
    cells: Array
    colors: Array


def scale_batch(
    key: Key,
    crops: Shaped[ArrayLike, "b h w k"],
    *,
    side: int,
    num_points: int,
    max_scale: float = 4.0,
    interpolations: Sequence[str] = ("bicubic",),
    degradation: Callable[[Key, Array], Array] | None = None,
) -> ScaleBatch:
    """Parts of crops reduced by random scales, and pixels of the crops themselves.

    Half of the scales are uniform in [1, max_scale], the others are among its whole
    numbers from 2, which are asked for most. A part begins at a random pixel. Inputs
    are reduced by one of the interpolations, see `reduce_part`, and rounded to the levels of
    an 8-bit file; pixels whose centers lie in the part are drawn uniformly.

    Args:
      key: PRNG key.
      crops: `[b, h, w, k]`, uint8 or floating in [0, 1], at least `max_scale * side`
        pixels in h and w.
      side: of the inputs, in pixels.
      num_points: pixels drawn of each crop, n.
      max_scale: pixels of a crop to one of its input, at most; at least 2.
      interpolations: of the reduction, one of them for each input: `"bicubic"`, `"area"`.
      degradation: `(key, inputs) -> inputs`, what else happened to them, such as
        `functools.partial(degrade, noise=0.02)`.

    Returns:
      A `ScaleBatch`.

    Raises:
      ValueError: for crops that are no images or too small, a scale below 2, and
        unknown interpolations or none.
    """
    crops = as_images("crops", crops)
    side = _checks.as_count("side", side)
    num_points = _checks.as_count("num_points", num_points)
    if not max_scale >= 2:
        raise _checks.fail("max_scale", "at least 2", max_scale)
    b, h, w, _ = crops.shape
    if min(h, w) < max_scale * side:
        least = math.ceil(max_scale * side)
        raise _checks.fail("crops", f"at least {least} pixels a side", f"{(h, w)}")
    scale_key, part_key, point_key, interpolation_key, degrade_key = jax.random.split(
        key, 5
    )
    scale = _draw_scales(scale_key, b, max_scale)[:, None]
    span = scale * side
    room = jnp.asarray([(h, w)], jnp.float32) - span
    start = jax.random.uniform(part_key, (b, 2), jnp.float32)
    start = jnp.floor(start * (room + 1)).clip(0, jnp.floor(room))
    inputs = _reduced_parts(
        interpolation_key, crops, start, scale, (side, side), interpolations
    )
    if degradation is not None:
        inputs = degradation(degrade_key, inputs)
    inputs = jnp.round(255 * inputs.clip(0, 1)) / 255
    # Whole pixels: from the part's first, as many as lie in it.
    draw = jax.random.uniform(point_key, (b, num_points, 2), jnp.float32)
    pixel = jnp.floor(draw * jnp.floor(span)[:, None])
    coords = (pixel + 0.5) / span[:, None] * 2 - 1
    index = (pixel + start[:, None]).astype(jnp.int32)
    colors = jax.vmap(lambda crop, i: crop[i[:, 0], i[:, 1]])(crops, index)
    cells = jnp.broadcast_to(2 / span, (b, 2))
    return ScaleBatch(inputs, coords, cells, colors)


def random_parts(key: Key, images: Shaped[ArrayLike, "b h w k"], size: Size) -> Array:
    """A random part of each image, at a random scale, all of one size.

    The scale is uniform from 1, the image's own, to that at which the part is as large
    as the image. Parts are reduced as by `reduce_part`, and clipped to [0, 1].

    Args:
      key: PRNG key of scales and places.
      images: `[b, h, w, k]`, uint8 or floating in [0, 1].
      size: `(h, w)` of the parts, no larger than the images.

    Returns:
      `[b, *size, k]`, floating.

    Raises:
      ValueError: for images that are none, or a size that is larger.
    """
    images = as_images("images", images)
    b, h, w, _ = images.shape
    if size[0] > h or size[1] > w:
        raise _checks.fail("size", f"(h, w), at most {(h, w)}", size)
    scale_key, place_key = jax.random.split(key)
    most = min(h / size[0], w / size[1])
    scale = jax.random.uniform(scale_key, (b, 1), jnp.float32, 1.0, most)
    room = jnp.asarray([(h, w)], jnp.float32) - scale * jnp.asarray([size], jnp.float32)
    start = jax.random.uniform(place_key, (b, 2), jnp.float32) * room
    parts = jax.vmap(reduce_part, (0, 0, 0, None))(images, start, scale, tuple(size))
    return parts.clip(0, 1)


def reduce_part(
    image: ArrayLike,
    start: Array,
    scale: Array,
    size: Size,
    *,
    interpolation: str = "bicubic",
) -> Array:
    """A part of an image at a coarser scale. Scale and place may be traced.

    `"bicubic"` is Keys' cubic kernel as wide as the scale, as Matlab's and Pillow's
    bicubic reduction and `jax.image.resize`'s; beyond the image's border it is cut off
    and adds up to 1 again. `"area"` is the mean over each new pixel's area.

    Args:
      image: `[h, w, k]`, floating.
      start: `[2]`, the part's corner, in pixels of the image.
      scale: `[2]` or `[1]`, pixels of the image to one of the result, at least 1.
      size: `(h, w)` of the result.
      interpolation: `"bicubic"` or `"area"`.

    Returns:
      `[*size, k]`.

    Raises:
      ValueError: for an unknown interpolation.
    """
    _checks.check_choice("interpolation", interpolation, INTERPOLATIONS)
    scale = jnp.broadcast_to(scale, (2,))

    def weights(axis: int) -> Array:
        center = start[axis] + (jnp.arange(size[axis])[:, None] + 0.5) * scale[axis]
        distance = jnp.abs(center - (jnp.arange(image.shape[axis])[None] + 0.5))
        if interpolation == "area":
            # How much of an old pixel lies in the new one.
            kernel = jnp.clip((scale[axis] + 1) / 2 - distance, 0, 1)
        else:
            kernel = keys_cubic(distance / scale[axis])
        return kernel / kernel.sum(1, keepdims=True)

    return jnp.einsum(
        "ih,hwk,jw->ijk", weights(0), image, weights(1), precision="highest"
    )


def _reduced_parts(
    key: Key,
    images: Array,
    start: Array,
    scale: Array,
    size: Size,
    interpolations: Sequence[str],
) -> Array:
    """A part of each image, by a interpolation drawn for each."""
    if not interpolations:
        raise _checks.fail("interpolations", "at least one", "none")
    drawn = jax.random.randint(key, (len(images),), 0, len(interpolations), jnp.int32)
    result = 0
    for i, interpolation in enumerate(interpolations):
        reduce = functools.partial(reduce_part, size=size, interpolation=interpolation)
        parts = jax.vmap(reduce)(images, start, scale)
        result = jnp.where((drawn == i).reshape(-1, 1, 1, 1), parts, result)
    return result


def _draw_scales(key: Key, count: int, most: float) -> Array:
    kind_key, any_key, whole_key = jax.random.split(key, 3)
    anything = jax.random.uniform(any_key, (count,), jnp.float32, 1.0, most)
    whole = jax.random.randint(whole_key, (count,), 2, int(most) + 1, jnp.int32)
    is_whole = jax.random.bernoulli(kind_key, 0.5, (count,))
    return jnp.where(is_whole, whole.astype(jnp.float32), anything)
