"""What upscalers, colorizers and texture transformers are trained on: pixels.

Crops are reduced to the picture that is wanted, and that to what a model is given.
"""

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.color import rgb_to_lab, rgb_to_luma
from inr.coords import grid
from inr.fields.streams import seed_cells
from inr.metrics import deep_features, lpips
from inr.restoration.colorizers import GridColorizer
from inr.restoration.encoder import FeatureMap
from inr.restoration.spaces import AB_SCALE, lightness
from inr.restoration.texture import TextureTransformer
from inr.restoration.upscaler import Upscaler
from inr.training import random_holes, random_views, reduce_images, scale_batch
from inr.training.step import Loss


def upscaler_loss(
    model: Upscaler,
    *,
    side: int = 40,
    picture: int = 160,
    num_points: int = 1600,
    max_scale: float = 4.0,
    interpolations: Sequence[str] = ("bicubic",),
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
      interpolations: how what the model is given was reduced, see there.
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
        wanted = reduce_images(crops, (picture, picture), interpolation="bicubic")
        batch = scale_batch(
            key,
            wanted.clip(0, 1),
            side=side,
            num_points=num_points,
            max_scale=max_scale,
            interpolations=interpolations,
            degradation=degradation,
        )

        def made(image: Array, coords: Array, cell: Array) -> Array:
            maps = model.apply(params, image, method="encode")
            return model.apply(params, seed_cells(coords, cell), maps).value

        error = jax.vmap(made)(batch.inputs, batch.coords, batch.cells) - batch.colors
        parts = {"absolute": jnp.abs(error).mean(), "square": jnp.square(error).mean()}
        return parts["absolute"], parts

    return loss


def colorizer_loss(
    model: GridColorizer,
    *,
    weights: Mapping[str, ArrayLike] | None = None,
    perceptual: float = 0.05,
) -> Loss:
    """Mean squared error of the colors on a colorizer's grid, for `training.train`.

    Its batches are crops `[b, s, s, 3]` as `inr.training.crop_batches` makes them,
    which are reduced to what the model sees.

    Args:
      model: a `Colorizer` or `PatchColorizer`, whose error is of (a, b) / 128, or a
        `DenseColorizer`, whose error is of RGB.
      weights: of VGG16, as for `inr.metrics.lpips`, by which the picture is judged too:
        colors that are likely, where the squared error alone has their mean, which is
        duller. None for that error alone.
      perceptual: weight of that distance.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)`; the metrics are `square`, and
      with weights `perceptual`.

    Raises:
      ValueError: once it is called, for weights of another network, and for a model
        that sees less than 16 pixels, where weights are given.
    """

    def loss(params: Params, key: Key, crops: ArrayLike) -> tuple[Array, dict]:
        del key
        picture = reduce_images(crops, model.seen_size(crops.shape[1:3]))
        luma = rgb_to_luma(picture)
        made = model.apply(params, lightness(luma), method="colors")
        wanted = reduce_images(picture, made.shape[1:3])
        if model.predicts == "ab":
            wanted = rgb_to_lab(wanted)[..., 1:] / AB_SCALE
        parts = {"square": _mean_square(made, wanted)}
        if weights is None:
            return parts["square"], parts
        pixels = grid(picture.shape[1:3])
        shown = jax.vmap(lambda *maps: model.apply(params, pixels, FeatureMap(*maps)))
        judge = jax.vmap(functools.partial(lpips, weights=weights))
        parts["perceptual"] = judge(shown(made, luma), picture).mean()
        return parts["square"] + perceptual * parts["perceptual"], parts

    return loss


def texture_loss(
    model: TextureTransformer,
    *,
    side: int = 96,
    views: float = 0.15,
    unrelated: float = 0.15,
    without: float = 0.15,
    weights: Mapping[str, ArrayLike] | None = None,
    perceptual: float = 1e-2,
    transferal: float = 1e-2,
) -> Loss:
    """The losses of TTSR but for the adversarial one, for `inr.training.train`.

    Its batches are pairs `[b, s, s, 6]` as `crop_batches` makes them of
    `inr.training.ImagePairs`: what is wanted, and a reference. Both are reduced first.
    The reference is then turned, enlarged and shifted, as another photograph would be,
    so that nothing of the picture wanted can be copied from it as it is.

    For a scale of 1 the picture gets a random hole, of whose pixels the error is.

    Args:
      model: to be trained.
      side: of the picture wanted, in pixels, divisible by 4 and by the model's scale.
      views: how much the reference is changed, see `inr.training.random_views`.
      unrelated: share of the pictures that get another's reference.
      without: share of the pictures that are given nothing of what was found.
      weights: of VGG16, as for `inr.metrics.lpips`, for the perceptual loss. None for
        the error of colors alone, with which a training begins.
      perceptual: weight of the mean squared error of the trunk's deepest features.
      transferal: weight of that of the extractor's features of the result, beside those
        that were transferred, a mean over the levels.

    Returns:
      A loss `(params, key, pairs) -> (scalar, metrics)`; the metrics are `absolute` and
      `square`, the mean errors of RGB, and with weights `perceptual` and `transferal`.

    Raises:
      ValueError: once it is called, for pairs that are too small.
    """
    holes = model.scale == 1

    def loss(params: Params, key: Key, pairs: ArrayLike) -> tuple[Array, dict]:
        view_key, hole_key, other_key, without_key = jax.random.split(key, 4)
        small = reduce_images(pairs, (side, side), interpolation="bicubic").clip(0, 1)
        wanted, reference = small[..., :3], small[..., 3:]
        reference = random_views(view_key, reference, amount=views)
        count = len(wanted)
        other = jax.random.bernoulli(other_key, unrelated, (count, 1, 1, 1))
        reference = jnp.where(other, jnp.roll(reference, 1, 0), reference)
        used = jax.random.bernoulli(without_key, 1 - without, (count,))
        given, hole = wanted, None
        if holes:
            hole = random_holes(hole_key, (side, side), count=count)
        else:
            size = (side // model.scale,) * 2
            given = reduce_images(wanted, size, interpolation="bicubic")

        def made(image: Array, reference: Array, hole: Array | None, used) -> tuple:
            found = model.apply(params, image, [reference], hole, method="find")
            # Of no relevance is as if there were none.
            match = found.match._replace(relevance=used * found.match.relevance)
            found = found._replace(match=match)
            result = model.apply(params, image, found, hole, method="generate")
            return result, found.transferred

        results, transferred = jax.vmap(made)(given, reference, hole, used)
        error = results - wanted
        if holes:
            # As if over the whole picture, however small the hole.
            error = error / jnp.sqrt(hole.mean((1, 2))[:, None, None, None] + 1e-3)
        parts = {"absolute": jnp.abs(error).mean(), "square": jnp.square(error).mean()}
        if weights is None:
            return parts["absolute"], parts
        deepest = (deep_features(x, weights=weights)[-1] for x in (results, wanted))
        parts["perceptual"] = _mean_square(*deepest)
        extract = functools.partial(model.apply, params, method="extract")
        levels = jax.vmap(extract)(results)
        errors = [_mean_square(*x) for x in zip(levels, transferred, strict=False)]
        parts["transferal"] = sum(errors) / len(errors)
        total = parts["absolute"] + perceptual * parts["perceptual"]
        return total + transferal * parts["transferal"], parts

    return loss


def _mean_square(a: Array, b: Array) -> Array:
    return jnp.square(a - b).mean()
