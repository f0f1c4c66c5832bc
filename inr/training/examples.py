"""Crops made into examples: a degraded input, and points with their true colours.

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
from inr.fitting.samples import unit_range
from inr.training.points import draw_points

METHODS = ("area", "bicubic")

MID_GRAY = 0.5

_MOST_CELLS = 256  # along a side; of each ticket 16 bits then are random

_PRIMES_AND_64 = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 64)


class PointBatch(NamedTuple):
    """Examples for a model that maps an image and points to colours.

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
    method: str = "area",
    gray: bool = True,
    cells: int | str | None = None,
    interpolation: str = "linear",
) -> PointBatch:
    """Inputs reduced to `size`, and points with the colours of the crops themselves.

    A colour between pixel centres is interpolated from those around it.

    Args:
      key: PRNG key of the points and the masks.
      crops: `[b, h, w, k]`, uint8 or floating in [0, 1]; k is 3 where `gray`.
      size: of the inputs, at most that of the crops.
      num_points: points in each image, n.
      sampler: of the points, see `draw_points`.
      method: of the reduction, see `reduce_images`.
      gray: makes the inputs gray, by BT.601 luma.
      cells: masks cells of the inputs, see `mask_cells`; None masks nothing.
      interpolation: of the colours, `"linear"`, or `"cubic"`, which is sharper; see
        `inr.coords.sample_grid`.

    Returns:
      A `PointBatch`.

    Raises:
      ValueError: for crops that are no images or too small, and unknown options.
    """
    _checks.check_choice("interpolation", interpolation, ("linear", "cubic"))
    key_points, key_mask = jax.random.split(key)
    crops = as_images("crops", crops)
    inputs = reduce_images(crops, size, method=method)
    if gray:
        inputs = color.rgb_to_luma(inputs)
    if cells is not None:
        inputs = mask_cells(key_mask, inputs, cells=cells)
    keys = jax.random.split(key_points, len(crops))
    points = jax.vmap(lambda key: draw_points(key, num_points, sampler=sampler))(keys)
    look_up = functools.partial(_coords.sample_grid, method=interpolation)
    return PointBatch(inputs, points, jax.vmap(look_up)(crops, points))


def reduce_images(
    images: Shaped[ArrayLike, "*b h w k"], size: Size, *, method: str = "area"
) -> Array:
    """Smaller images without aliasing.

    `"area"` takes the mean over each new pixel's area, parts of old pixels included, as
    a camera of that resolution would. `"bicubic"` is Keys' kernel (a = -1/2) widened by
    the factor, as in Pillow and Matlab; it is sharper, and may leave [0, 1].

    Args:
      images: `[..., h, w, k]`, uint8 or floating.
      size: `(h, w)` to reduce to, no larger in either.
      method: `"area"` or `"bicubic"`.

    Returns:
      `[..., *size, k]`, floating; levels of uint8 become [0, 1].

    Raises:
      ValueError: for an unknown method, another rank, or a size that is larger.
    """
    _checks.check_choice("method", method, METHODS)
    images = as_images("images", images)
    size = _checks.as_size("size", size)
    *lead, h, w, k = images.shape
    if len(size) != 2 or size[0] > h or size[1] > w:
        raise _checks.fail("size", f"(h, w), at most {(h, w)}", size)
    if method == "bicubic":
        return jax.image.resize(images, (*lead, *size, k), "cubic", antialias=True)
    rows, columns = (
        jnp.asarray(_area_weights(n, m), images.dtype)
        for n, m in zip((h, w), size, strict=True)
    )
    exact = jax.lax.Precision.HIGHEST
    return jnp.einsum("ih,...hwk,jw->...ijk", rows, images, columns, precision=exact)


def mask_cells(
    key: Key, images: Shaped[ArrayLike, "b h w k"], *, cells: int | str
) -> Array:
    """Covers random cells with mid-gray, so that a model learns to use the context.

    The image is divided into G x G cells, a pixel belonging to the one in which its
    centre lies. Of each image a number of cells is covered that is uniform in
    0, ..., floor(3/4 G^2). G is the same for the whole batch.

    Args:
      key: PRNG key.
      images: `[b, h, w, k]`, floating, in [0, 1].
      cells: G; or `"uniform"` for G uniform in 5, ..., 64; or `"dynamic"` for one of
        the primes from 5 to 61 and 64.

    Returns:
      `[b, h, w, k]`, 0.5 where covered.

    Raises:
      ValueError: for cells that are neither a count nor one of the two names.
    """
    images = as_images("images", images)
    b, h, w, _ = images.shape
    key_cells, key_count, key_order = jax.random.split(key, 3)
    most, number = _cells_per_side(key_cells, cells)
    count = jax.random.randint(key_count, (b,), 0, 3 * number**2 // 4 + 1, jnp.int32)
    # Each cell draws a ticket, and those of the `count` lowest are covered. The cell's
    # number at the end makes tickets distinct; cells beyond G^2 get the highest. (On a
    # CPU ranks by argsort take ten times as long as this sort.)
    index = jnp.arange(most**2, dtype=jnp.uint32)[None]
    digits = (most**2 - 1).bit_length()
    ticket = jax.random.bits(key_order, (b, most**2), jnp.uint32)
    ticket = ticket >> digits << digits | index
    ticket = jnp.where(index < number**2, ticket, jnp.uint32(2**32 - 1))
    limit = jnp.take_along_axis(jnp.sort(ticket, axis=-1), count[:, None], axis=-1)
    covered = ticket < limit
    rows, columns = (
        (2 * jnp.arange(n, dtype=jnp.int32) + 1) * number // (2 * n) for n in (h, w)
    )
    covered = covered[:, rows[:, None] * number + columns[None, :]]
    return jnp.where(covered[..., None], jnp.asarray(MID_GRAY, images.dtype), images)


def _cells_per_side(key: Key, cells: int | str) -> tuple[int, int | Array]:
    """The largest G there may be, and the G of this batch."""
    if cells == "uniform":
        return 64, jax.random.randint(key, (), 5, 65, jnp.int32)
    if cells == "dynamic":
        choices = jnp.asarray(_PRIMES_AND_64, jnp.int32)
        return 64, jax.random.choice(key, choices)
    if isinstance(cells, str):
        raise _checks.fail("cells", 'a count, "uniform" or "dynamic"', repr(cells))
    if _checks.as_count("cells", cells) > _MOST_CELLS:
        raise _checks.fail("cells", f"at most {_MOST_CELLS}", cells)
    return cells, cells


def _area_weights(old: int, new: int) -> np.ndarray:
    """`[new, old]`: the share that each old pixel has in each new one."""
    edges = np.arange(new + 1) * (old / new)
    pixels = np.arange(old)
    covered = np.clip(edges[:, None] - pixels[None, :], 0, 1)  # up to each edge
    return np.diff(covered, axis=0) * (new / old)


def as_images(argument: str, images: ArrayLike) -> Array:
    images = _checks.as_floating(argument, unit_range(jnp.asarray(images)))
    if images.ndim < 3:
        raise _checks.fail(argument, "[..., h, w, k]", f"shape {images.shape}")
    _checks.check_not_empty(argument, images)
    return images
