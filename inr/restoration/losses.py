"""What models are trained on: crops, reduced to the picture that is wanted.

That picture reduced further is what a model is given, gray for a restorer; its own
colors are what the model should say, at random points or over random pixels. A
restorer's one encoding serves both of its uses: where only the reduced luma is known,
and where the picture's own is (`exact_luma`).
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.color import rgb_to_luma
from inr.diffusion import denoising_loss
from inr.restoration.diffusion_restorer import DiffusionRestorer, GuessMap
from inr.restoration.encoder import FeatureMap
from inr.restoration.encoding import Encoded, encoding
from inr.restoration.restorer import Restorer
from inr.training.step import Loss


def restorer_loss(
    model: Restorer,
    *,
    scale: int = 2,
    num_points: int = 1024,
    cells: int | str | None = None,
    zoom: bool = False,
    views: float = 0.0,
    sampler: str = "jittered",
    shift: float = 0.0,
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
      cells: masks cells of what the encoder sees, see `inr.training.mask_cells`.
      zoom: the picture wanted is a random part of the crop at a random scale, in place
        of all of it: few photographs then last longer.
      views: how much pictures are turned, enlarged and shifted, see
        `inr.training.random_views`.
      sampler: of the points, see `inr.training.draw_points`.
      shift: half of the points take the features of a place that is a normal step of
        this deviation away, in coords, as if a feature were good for its surroundings.
      delta: None squares errors; a number, the size from which they count about as
        they are, in the pseudo-Huber loss 2 d^2 (sqrt(1 + (e / d)^2) - 1).
      luma_weight: how often the restored luma's error counts, beside RGB's. It is a
        small part of that, and most of what an eye calls sharp.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)`; the metrics `restored`,
      `luma` and `colorized` are its parts, unweighted.

    Raises:
      ValueError: for a count below 1, a delta or weight not above 0, a shift below 0;
        and, once it is called, for points that make no square or crops that are too
        small.
    """
    make = encoding(model, scale, num_points, cells, zoom, views, sampler)
    weight = _checks.as_positive("luma_weight", luma_weight)
    if shift:
        shift = _checks.as_positive("shift", shift)
    if delta is not None:
        delta = _checks.as_positive("delta", delta)
    return functools.partial(_loss, model, make, shift, delta, weight)


def diffusion_loss(
    model: DiffusionRestorer,
    *,
    scale: int = 2,
    num_points: int = 1024,
    cells: int | str | None = None,
    zoom: bool = False,
    views: float = 0.0,
    fixed_restorer: bool = True,
) -> Loss:
    """Mean squared error of what is predicted, for `inr.training.train`.

    Batches as for `restorer_loss`; each point has a level and noise of its own, in both
    uses of the model. See `inr.diffusion.denoising_loss`. Crops may be `[b, s, s, 6]`,
    behind the picture's RGB that of what a restorer made of it, whose chroma then is
    the mean: of a restorer that was not trained on the picture, since that is how
    others are met.

    Args:
      model: to be trained.
      scale: as in `restorer_loss`.
      num_points: in each crop, for each use; a square number.
      cells: as in `restorer_loss`.
      zoom: as in `restorer_loss`.
      views: as in `restorer_loss`.
      fixed_restorer: only what the denoiser adds to the restorer learns.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)`; the metrics `restored` and
      `colorized` are its parts.

    Raises:
      ValueError: as `restorer_loss`.
    """
    make = encoding(model, scale, num_points, cells, zoom, views)

    def loss(params: Params, key: Key, crops: ArrayLike) -> tuple[Array, dict]:
        if fixed_restorer:
            restorer = jax.lax.stop_gradient(params["params"]["restorer"])
            params = {"params": {**params["params"], "restorer": restorer}}
        points_key, hide_key, *keys = jax.random.split(key, 4)
        coords, colors, guess, maps, exact = make(params, points_key, crops)
        shape = (*colors.shape[:-1], 1)
        seen = jax.random.bernoulli(hide_key, 1 - model.dropout, shape)

        def error(key: Key, exact_luma: bool, maps: GuessMap) -> Array:
            use = model.clone(exact_luma=exact_luma)
            condition = functools.partial(use.apply, params, method="condition")
            given = (coords, maps) if guess is None else (coords, maps, guess)
            mean, known = jax.vmap(condition)(*given)
            x0 = model.to_x0(colors, mean)
            known = jnp.where(seen, known, 0)
            return denoising_loss(
                key,
                functools.partial(use.apply, params, method="denoise"),
                x0.reshape(-1, model.channels),
                schedule=model.schedule,
                predicts=model.predicts,
                condition=known.reshape(-1, known.shape[-1]),
            )

        parts = {
            "restored": error(keys[0], False, maps),
            "colorized": error(keys[1], True, exact),
        }
        return parts["restored"] + parts["colorized"], parts

    return loss


def _loss(
    model: Restorer,
    make: Callable[[Params, Key, ArrayLike], Encoded],
    shift: float,
    delta: float | None,
    luma_weight: float,
    params: Params,
    key: Key,
    crops: ArrayLike,
) -> tuple[Array, dict[str, Array]]:
    key, shift_key = jax.random.split(key)
    coords, colors, _, maps, exact = make(params, key, crops)
    places = _shifted(shift_key, coords, shift)

    def made(exact_luma: bool, maps: FeatureMap) -> Array:
        use = model.clone(exact_luma=exact_luma)
        apply = jax.vmap(functools.partial(use.apply, params))
        return apply(coords, maps, places)

    def error(made: Array) -> Array:
        return _penalty(made - colors, delta).mean()

    restored, colorized = made(False, maps), made(True, exact)
    difference = rgb_to_luma(restored) - rgb_to_luma(colors)
    parts = {
        "restored": error(restored),
        "luma": _penalty(difference, delta).mean(),
        "colorized": error(colorized),
    }
    total = parts["restored"] + parts["colorized"] + luma_weight * parts["luma"]
    return total, parts


def _shifted(key: Key, coords: Array, deviation: float) -> Array:
    """Every other point, a normal step away."""
    if not deviation:
        return coords
    step = deviation * jax.random.normal(key, coords.shape)
    return coords.at[..., ::2, :].add(step[..., ::2, :])


def _penalty(error: Array, delta: float | None) -> Array:
    if delta is None:
        return error**2
    # As 2 d^2 (root - 1), without the difference of nearly equal numbers.
    return 2 * error**2 / (1 + jnp.sqrt(1 + (error / delta) ** 2))
