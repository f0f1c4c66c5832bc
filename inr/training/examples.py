"""Crops made into examples: a degraded input, and points with their true colors.

All in JAX and pure, to be called inside a loss: the batch that travels to the devices
is then the crops as bytes, and every step draws its points anew from its own key. On
two CPU cores 32 crops of 128 x 128 take 7 ms, and 25 ms in NumPy.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Shaped

from inr import _checks, color, coords as _coords
from inr._typing import Array, Key, Size
from inr.training._images import as_images
from inr.training.augmentation import mask_cells
from inr.training.points import draw_points

INTERPOLATIONS = ("area", "bicubic")


class PointBatch(NamedTuple):
    """Examples for a model that maps an image and points to colors.

    Attributes:
      inputs: `[b, h, w, c]` in [0, 1], degraded; c is 1 for gray.
      coords: `[b, n, 2]`, points in [-1, 1].
      colors: `[b, n, k]` in [0, 1], of the undegraded images at the points.
    """

    inputs: Array
    coords: Array
    colors: Array


def point_batch(
    key: Key,
    crops: Shaped[ArrayLike, "b h w k"],
    *,
    size: Size,
    num_points: int,
    sampler: str = "uniform",
    interpolation: str = "area",
    gray: bool = True,
    cells: int | str | None = None,
    interpolation: str = "linear",
) -> PointBatch:
    """Inputs reduced to `size`, and points with the colors of the crops themselves.

    A color between pixel centers is interpolated from those around it.

    Args:
      key: PRNG key of the points and the masks.
      crops: `[b, h, w, k]`, uint8 or floating in [0, 1]; k is 3 where `gray`.
      size: of the inputs, at most that of the crops.
      num_points: points in each image, n.
      sampler: of the points, see `draw_points`.
      interpolation: of the reduction, see `reduce_images`.
      gray: makes the inputs gray, by BT.601 luma.
      cells: masks cells of the inputs, see `mask_cells`; None masks nothing.
      interpolation: of the colors, `"linear"`, or `"cubic"`, which is sharper; see
        `inr.coords.sample_grid`.

    Returns:
      A `PointBatch`.

    Raises:
      ValueError: for crops that are no images or too small, and unknown options.
    """
    _checks.check_choice("interpolation", interpolation, ("linear", "cubic"))
    key_points, key_mask = jax.random.split(key)
    crops = as_images("crops", crops)
    inputs = reduce_images(crops, size, interpolation=interpolation)
    if gray:
        inputs = color.rgb_to_luma(inputs)
    if cells is not None:
        inputs = mask_cells(key_mask, inputs, cells=cells)
    keys = jax.random.split(key_points, len(crops))
    points = jax.vmap(lambda key: draw_points(key, num_points, sampler=sampler))(keys)
    look_up = functools.partial(_coords.sample_grid, interpolation=interpolation)
    return PointBatch(inputs, points, jax.vmap(look_up)(crops, points))


def reduce_images(
    images: Shaped[ArrayLike, "*b h w k"], size: Size, *, interpolation: str = "area"
) -> Array:
    """Smaller images without aliasing.

    `"area"` takes the mean over each new pixel's area, parts of old pixels included, as
    a camera of that resolution would. `"bicubic"` is Keys' kernel (a = -1/2) widened by
    the factor, as in Pillow and Matlab; it is sharper, and may leave [0, 1].

    Args:
      images: `[..., h, w, k]`, uint8 or floating.
      size: `(h, w)` to reduce to, no larger in either.
      interpolation: `"area"` or `"bicubic"`.

    Returns:
      `[..., *size, k]`, floating; levels of uint8 become [0, 1].

    Raises:
      ValueError: for an unknown interpolation, another rank, or a size that is larger.
    """
    _checks.check_choice("interpolation", interpolation, INTERPOLATIONS)
    images = as_images("images", images)
    size = _checks.as_size("size", size)
    *lead, h, w, k = images.shape
    if len(size) != 2 or size[0] > h or size[1] > w:
        raise _checks.fail("size", f"(h, w), at most {(h, w)}", size)
    if interpolation == "bicubic":
        return jax.image.resize(images, (*lead, *size, k), "cubic", antialias=True)
    rows, columns = (
        jnp.asarray(_area_weights(n, m), images.dtype)
        for n, m in zip((h, w), size, strict=True)
    )
    exact = jax.lax.Precision.HIGHEST
    return jnp.einsum("ih,...hwk,jw->...ijk", rows, images, columns, precision=exact)


def _area_weights(old: int, new: int) -> np.ndarray:
    """`[new, old]`: the share that each old pixel has in each new one."""
    edges = np.arange(new + 1) * (old / new)
    pixels = np.arange(old)
    covered = np.clip(edges[:, None] - pixels[None, :], 0, 1)  # up to each edge
    return np.diff(covered, axis=0) * (new / old)
