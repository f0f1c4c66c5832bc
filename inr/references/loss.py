"""Loss of a texture transformer."""

import functools
from collections.abc import Mapping
from typing import cast

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.metrics import deep_features
from inr.references.generator import Textures
from inr.references.transformer import TextureTransformer
from inr.training import Loss, random_holes, random_views, reduce_images


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
    """TTSR's losses except the adversarial one, for `inr.training.train`.

    Each example has a target and a reference, and both are reduced first. The reference
    is then rotated, enlarged and shifted at random, so that the target cannot be copied
    from it. For a model of scale 1, the target gets a random hole, and the error counts
    inside the hole.

    Args:
      model: the model to train.
      side: side of the targets, in pixels; a multiple of 4.
      views: amount of the references' random change; see `inr.training.random_views`.
      unrelated: fraction of examples that get the reference of another example.
      without: fraction of examples that get no textures.
      weights: VGG16's, as `inr.metrics.lpips` takes them, for the perceptual and the
        transferal loss. None for the error of colors alone, as in the first part of a
        training.
      perceptual: weight of the mean squared error of VGG16's deepest features.
      transferal: weight of the mean squared error between the extractor's features of
        the result and the transferred features, a mean over the levels.

    Returns:
      A loss `(params, key, pairs) -> (scalar, metrics)` of pairs `[b, s, s, 6]`, as
      `crop_batches` makes them of `inr.training.ImagePairs`. The metrics are `absolute`
      and `square`, the mean errors of RGB, and with weights `perceptual` and
      `transferal`.

    Raises:
      ValueError: from the loss, for pairs that are too small.
    """

    _checks.check_type("model", model, TextureTransformer)
    if _checks.as_count("side", side) % 4:
        raise _checks.fail("side", "a multiple of 4", side)
    if not 0 <= _checks.as_number("views", views) < 0.5:
        raise _checks.fail("views", "from 0 to below 0.5", views)
    unrelated = _checks.as_fraction("unrelated", unrelated)
    without = _checks.as_fraction("without", without)
    if weights is not None:
        _checks.check_type("weights", weights, Mapping)
    perceptual = _checks.as_not_negative("perceptual", perceptual)
    transferal = _checks.as_not_negative("transferal", transferal)

    def loss(params: Params, key: Key, pairs: ArrayLike) -> tuple[Array, dict]:
        predict = jax.vmap(functools.partial(_predict, model, params))
        targets, inputs = _examples(model, key, pairs, side, views, unrelated, without)
        results, transferred = predict(*inputs)
        error = results - targets
        hole = inputs[2]
        if hole is not None:
            # Scaled as if the hole were the complete target.
            error = error / jnp.sqrt(hole.mean((1, 2))[:, None, None, None] + 1e-3)
        parts = {"absolute": jnp.abs(error).mean(), "square": jnp.square(error).mean()}
        if weights is None:
            return parts["absolute"], parts
        deepest = (deep_features(x, weights=weights)[-1] for x in (results, targets))
        parts["perceptual"] = _mean_square(*deepest)
        extract = functools.partial(model.apply, params, method="extract")
        levels = cast(tuple[Array, ...], jax.vmap(extract)(results))
        # A model of scale 1 or 2 uses the finest levels alone.
        pairs_of_levels = zip(levels, transferred, strict=False)
        errors = [_mean_square(a, b) for a, b in pairs_of_levels]
        parts["transferal"] = functools.reduce(jnp.add, errors) / len(errors)
        total = parts["absolute"] + perceptual * parts["perceptual"]
        return total + transferal * parts["transferal"], parts

    return loss


def _examples(
    model: TextureTransformer,
    key: Key,
    pairs: ArrayLike,
    side: int,
    views: float,
    unrelated: float,
    without: float,
) -> tuple[Array, tuple[Array, Array, Array | None, Array]]:
    """Targets, and inputs: images, references, holes, and whether textures count."""
    view_key, hole_key, other_key, without_key = jax.random.split(key, 4)
    small = reduce_images(pairs, (side, side), interpolation="bicubic").clip(0, 1)
    targets, references = small[..., :3], small[..., 3:]
    references = random_views(view_key, references, amount=views)
    count = len(targets)
    swap = jax.random.bernoulli(other_key, unrelated, (count, 1, 1, 1))
    references = jnp.where(swap, jnp.roll(references, 1, 0), references)
    use_textures = jax.random.bernoulli(without_key, 1 - without, (count,))
    if model.scale == 1:
        holes = random_holes(hole_key, (side, side), num_holes=count)
        return targets, (targets, references, holes, use_textures)
    size = (side // model.scale,) * 2
    images = reduce_images(targets, size, interpolation="bicubic")
    return targets, (images, references, None, use_textures)


def _predict(
    model: TextureTransformer,
    params: Params,
    image: Array,
    reference: Array,
    hole: Array | None,
    use_textures: Array,
) -> tuple[Array, tuple[Array, ...]]:
    """The result for one example, and the transferred features."""
    find = functools.partial(model.apply, params, method="find")
    textures = cast(Textures, find(image, [reference], hole))
    # Zero relevance has the effect of no textures.
    match = textures.match._replace(relevance=use_textures * textures.match.relevance)
    textures = textures._replace(match=match)
    result = model.apply(params, image, textures, hole, method="generate")
    return cast(Array, result), textures.transferred


def _mean_square(a: Array, b: Array) -> Array:
    return jnp.square(a - b).mean()
