"""Crops to what the losses of both restorers need: points, targets and feature maps."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.color import rgb_to_luma, rgb_to_ycbcr
from inr.colorization.restorer import RestorerBase
from inr.training import (
    Cells,
    Points,
    mask_cells,
    point_batch,
    random_resized_crops,
    random_views,
    reduce_images,
)

_SCALE = 2  # pixels of the target image per pixel of the low-resolution input


class RestorerBatch(NamedTuple):
    """Random points of target images, and feature maps for both uses of a restorer.

    Attributes:
      coords: `[b, n, 2]`.
      colors: `[b, n, 3]`, RGB of the target images at the points.
      mean_chroma: `[b, n, 2]`, chroma there in the prediction of another restorer; None
        if the crops have no such prediction.
      reduced_maps: feature maps of the model, with the luma of the low-resolution
        input.
      exact_maps: the same with the luma of the target images.
    """

    coords: Array
    colors: Array
    mean_chroma: Array | None
    reduced_maps: Any
    exact_maps: Any


def check_options(
    model: Any, kind: type[RestorerBase], cells: Cells | None, views: float
) -> None:
    """Check the options that the losses of both restorers share."""
    _checks.check_type("model", model, kind)
    if isinstance(cells, str):
        _checks.check_choice("cells", cells, ("uniform", "dynamic"))
    elif cells is not None:
        _checks.as_count("cells", cells)
    if not 0 <= _checks.as_number("views", views) < 0.5:
        raise _checks.fail("views", "from 0 to below 0.5", views)


def restorer_batch(
    model: RestorerBase,
    params: Params,
    key: Key,
    crops: ArrayLike,
    *,
    num_points: int,
    cells: Cells | None,
    resized_crops: bool,
    views: float,
    points: Points,
) -> RestorerBatch:
    """Points and feature maps of crops `[b, s, s, 3]`; see the losses for the options.

    Crops `[b, s, s, 6]` have the RGB of another restorer's prediction in the last
    three channels.
    """
    points_key, part_key, mask_key, view_key = jax.random.split(key, 4)
    crops = jnp.asarray(crops)
    side = _SCALE * model.side
    cut = reduce_images
    if resized_crops:
        cut = functools.partial(random_resized_crops, part_key)
    images = cut(crops, (side, side))
    if views:
        images = random_views(view_key, images, amount=views)
    batch = point_batch(
        points_key,
        images,
        size=(model.side, model.side),
        num_points=num_points,
        points=points,
        gray=False,
        interpolation="cubic",
    )
    gray = rgb_to_luma(batch.inputs[..., :3])
    inputs = gray if cells is None else mask_cells(mask_key, gray, cells=cells)

    @jax.vmap
    def encode(*inputs: Array) -> Any:
        return model.apply(params, *inputs, method="encode")

    if crops.shape[-1] == 3:
        mean_chroma, maps = None, encode(inputs)
    else:
        mean_chroma = _chroma(batch.colors[..., 3:])
        maps = encode(inputs, _chroma(batch.inputs[..., 3:]))
    # Only the encoder's input is masked; the luma at a point is not.
    reduced_maps = maps._replace(image=gray)
    exact_maps = maps._replace(image=rgb_to_luma(images[..., :3]))
    colors = batch.colors[..., :3]
    return RestorerBatch(batch.coords, colors, mean_chroma, reduced_maps, exact_maps)


def _chroma(rgb: Array) -> Array:
    return rgb_to_ycbcr(rgb)[..., 1:]
