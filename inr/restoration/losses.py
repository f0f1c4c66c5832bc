"""What models are trained on: crops, reduced to the picture that is wanted.

That picture reduced further is what a model is given, gray for a restorer; its own
colours are what the model should say, at random points or over random pixels. A
restorer's one encoding serves both of its uses: where only the reduced luma is known,
and where the picture's own is (`exact_luma`).
"""

import functools

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.color import rgb_to_luma
from inr.fields.streams import seed_cells
from inr.restoration.encoder import FeatureMap
from inr.restoration.restorer import Restorer
from inr.restoration.upscaler import Upscaler
from inr.training import point_batch, reduce_images, scale_batch
from inr.training.step import Loss


def restorer_loss(
    model: Restorer,
    *,
    scale: int = 2,
    num_points: int = 1024,
    cells: int | str | None = None,
    delta: float | None = None,
    luma_weight: float = 20.0,
) -> Loss:
    """Mean error of RGB at points of both uses, for `inr.training.train`.

    Its batches are crops `[b, s, s, 3]` as `inr.training.crop_batches` makes them, s at
    least `scale * model.side`. Larger ones lose the noise and the halved chroma of the
    files that they come from.

    Args:
      model: to be trained.
      scale: pixels of the picture wanted to one of what the model is given, along an
        axis.
      num_points: in each crop, for each use; a square number.
      cells: masks cells of the inputs, see `inr.training.mask_cells`.
      delta: None squares errors; a number, the size from which they count about as
        they are, in the pseudo-Huber loss 2 d^2 (sqrt(1 + (e / d)^2) - 1).
      luma_weight: how often the restored luma's error counts, beside RGB's. It is a
        small part of that, and most of what an eye calls sharp.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)`; the metrics `restored`,
      `luma` and `colorized` are its parts, unweighted.

    Raises:
      ValueError: for a count below 1, a delta or weight not above 0; and, once it is
        called, for points that make no square or crops that are too small.
    """
    num_points = _checks.as_count("num_points", num_points)
    scale = _checks.as_count("scale", scale)
    weight = _checks.as_positive("luma_weight", luma_weight)
    if delta is not None:
        delta = _checks.as_positive("delta", delta)
    return functools.partial(_loss, model, scale, num_points, cells, delta, weight)


def upscaler_loss(
    model: Upscaler,
    *,
    side: int = 40,
    picture: int = 160,
    num_points: int = 1600,
    max_scale: float = 4.0,
) -> Loss:
    """Mean absolute error of RGB over pixels of random scales, for `training.train`.

    Its batches are crops `[b, s, s, 3]` as `inr.training.crop_batches` makes them.

    Args:
      model: to be trained.
      side: of what the model is given, in pixels.
      picture: what crops are reduced to first, by area: less than their own side, they
        lose the noise and the halved chroma of the files that they come from. At least
        `max_scale * side`.
      num_points: pixels drawn of each picture.
      max_scale: pixels of the picture to one of what the model is given, at most. See
        `inr.training.scale_batch`.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)`; the metrics are `absolute`
      and `square`, the mean errors.

    Raises:
      ValueError: once it is called, for crops or a picture that are too small.
    """
    picture = _checks.as_count("picture", picture)

    def loss(params: Params, key: Key, crops: ArrayLike) -> tuple[Array, dict]:
        batch = scale_batch(
            key,
            reduce_images(crops, (picture, picture)),
            side=side,
            num_points=num_points,
            max_scale=max_scale,
        )

        def made(image: Array, coords: Array, cell: Array) -> Array:
            maps = model.apply(params, image, method="encode")
            return model.apply(params, seed_cells(coords, cell), maps).value

        error = jax.vmap(made)(batch.inputs, batch.coords, batch.cells) - batch.colors
        parts = {"absolute": jnp.abs(error).mean(), "square": jnp.square(error).mean()}
        return parts["absolute"], parts

    return loss


def _loss(
    model: Restorer,
    scale: int,
    num_points: int,
    cells: int | str | None,
    delta: float | None,
    luma_weight: float,
    params: Params,
    key: Key,
    crops: ArrayLike,
) -> tuple[Array, dict[str, Array]]:
    wanted = reduce_images(crops, (scale * model.side,) * 2)
    batch = point_batch(
        key,
        wanted,
        size=(model.side, model.side),
        num_points=num_points,
        sampler="jittered",
        cells=cells,
        interpolation="cubic",
    )
    encode = functools.partial(model.apply, params, method="encode")
    maps = jax.vmap(encode)(batch.inputs)

    def made(model: Restorer, maps: FeatureMap) -> Array:
        return jax.vmap(functools.partial(model.apply, params))(batch.coords, maps)

    def error(colors: Array) -> Array:
        return _penalty(colors - batch.colors, delta).mean()

    restored = made(model.clone(exact_luma=False), maps)
    exact = maps._replace(image=rgb_to_luma(wanted))
    colorized = made(model.clone(exact_luma=True), exact)
    difference = rgb_to_luma(restored) - rgb_to_luma(batch.colors)
    parts = {
        "restored": error(restored),
        "luma": _penalty(difference, delta).mean(),
        "colorized": error(colorized),
    }
    total = parts["restored"] + parts["colorized"] + luma_weight * parts["luma"]
    return total, parts


def _penalty(error: Array, delta: float | None) -> Array:
    if delta is None:
        return error**2
    # As 2 d^2 (root - 1), without the difference of nearly equal numbers.
    return 2 * error**2 / (1 + jnp.sqrt(1 + (error / delta) ** 2))
