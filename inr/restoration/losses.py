"""What a restorer is trained on: crops, reduced to the picture that is wanted.

That picture reduced further, and gray, is what the model is given; its own colours at
random points are what the model should say there. One encoding serves both uses of the
model: where only the reduced luma is known, and where the picture's own is
(`exact_luma`).
"""

import functools

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.color import rgb_to_luma
from inr.restoration.restorer import FeatureMap, Restorer
from inr.training import point_batch, reduce_images
from inr.training.step import Loss


def restorer_loss(
    model: Restorer,
    *,
    scale: int = 2,
    num_points: int = 1024,
    cells: int | str | None = None,
) -> Loss:
    """Mean square error of RGB at points of both uses, for `inr.training.train`.

    Its batches are crops `[b, s, s, 3]` as `inr.training.crop_batches` makes them, s at
    least `scale * model.side`. Larger ones lose the noise and the halved chroma of the
    files that they come from.

    Args:
      model: to be trained.
      scale: pixels of the picture wanted to one of what the model is given, along an
        axis.
      num_points: in each crop, for each use.
      cells: masks cells of the inputs, see `inr.training.mask_cells`.

    Returns:
      A loss `(params, key, crops) -> (scalar, metrics)`; the metrics `restored` and
      `colorized` are the two uses' parts.

    Raises:
      ValueError: for a count below 1, or crops that are too small.
    """
    num_points = _checks.as_count("num_points", num_points)
    scale = _checks.as_count("scale", scale)
    return functools.partial(_loss, model, scale, num_points, cells)


def _loss(
    model: Restorer,
    scale: int,
    num_points: int,
    cells: int | str | None,
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
    )
    encode = functools.partial(model.apply, params, method="encode")
    maps = jax.vmap(encode)(batch.inputs)

    def error(model: Restorer, maps: FeatureMap) -> Array:
        made = jax.vmap(functools.partial(model.apply, params))(batch.coords, maps)
        return jnp.mean((made - batch.colors) ** 2)

    restored = error(model.clone(exact_luma=False), maps)
    exact = maps._replace(luma=rgb_to_luma(wanted))
    colorized = error(model.clone(exact_luma=True), exact)
    return restored + colorized, {"restored": restored, "colorized": colorized}
