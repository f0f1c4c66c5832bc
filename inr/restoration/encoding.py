"""Crops as a restorer's losses take them: points, and maps of what is given."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.color import rgb_to_luma, rgb_to_ycbcr
from inr.restoration.diffusion_restorer import DiffusionRestorer, GuessMap
from inr.restoration.encoder import FeatureMap
from inr.restoration.restorer import Restorer
from inr.training import (
    mask_cells,
    point_batch,
    random_parts,
    random_views,
    reduce_images,
)


class Encoded(NamedTuple):
    """Points of the pictures wanted, and maps of what is given for both uses.

    Attributes:
      coords: of the points, `[b, n, 2]`.
      colors: of the pictures wanted there, RGB `[b, n, 3]`.
      guess: chroma there `[b, n, 2]` of the other picture; None if there is none.
      maps: where only the reduced luma is known.
      exact: where the picture's own is.
    """

    coords: Array
    colors: Array
    guess: Array | None
    maps: FeatureMap | GuessMap
    exact: FeatureMap | GuessMap


def encoding(
    model: Restorer | DiffusionRestorer,
    scale: int,
    num_points: int,
    cells: int | str | None,
    zoom: bool,
    views: float,
    sampler: str = "jittered",
) -> Callable[[Params, Key, ArrayLike], Encoded]:
    """A function `(params, key, crops) -> Encoded`; see the losses for its options."""
    return functools.partial(
        _encoded,
        model,
        scale=_checks.as_count("scale", scale),
        num_points=_checks.as_count("num_points", num_points),
        cells=cells,
        zoom=zoom,
        views=views,
        sampler=sampler,
    )


def _encoded(
    model: Restorer | DiffusionRestorer,
    params: Params,
    key: Key,
    crops: ArrayLike,
    *,
    scale: int,
    num_points: int,
    cells: int | str | None,
    zoom: bool,
    views: float,
    sampler: str,
) -> Encoded:
    """Of crops that may have another picture's channels behind their own."""
    points_key, part_key, mask_key, view_key = jax.random.split(key, 4)
    crops = jnp.asarray(crops)
    if crops.shape[-1] != 3 and isinstance(model, Restorer):
        fix = "Only a `DiffusionRestorer` takes what another restorer made."
        raise _checks.fail("crops", "[b, s, s, 3]", f"shape {crops.shape}", fix)
    side = scale * model.side
    cut = functools.partial(random_parts, part_key) if zoom else reduce_images
    wanted = cut(crops, (side, side))
    if views:
        wanted = random_views(view_key, wanted, amount=views)
    batch = point_batch(
        points_key,
        wanted,
        size=(model.side, model.side),
        num_points=num_points,
        sampler=sampler,
        gray=False,
        interpolation="cubic",
    )
    colors, guess = batch.colors[..., :3], batch.colors[..., 3:]
    gray = rgb_to_luma(batch.inputs[..., :3])
    seen = gray if cells is None else mask_cells(mask_key, gray, cells=cells)
    encode = functools.partial(model.apply, params, method="encode")
    if guess.shape[-1]:
        guess = _chroma(guess)
        maps = jax.vmap(encode)(seen, _chroma(batch.inputs[..., 3:]))
    else:
        guess, maps = None, jax.vmap(encode)(seen)
    # Covered is what the encoder sees; the luma at a point is known in any case.
    maps = maps._replace(image=gray)
    exact = maps._replace(image=rgb_to_luma(wanted[..., :3]))
    return Encoded(batch.coords, colors, guess, maps, exact)


def _chroma(rgb: Array) -> Array:
    return rgb_to_ycbcr(rgb)[..., 1:]
