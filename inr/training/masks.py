"""Random masks: gray cells in inputs, and holes to fill.

Pure JAX; call these functions inside a loss, so that they are compiled with the step.
"""

import functools
import itertools
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Shaped

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Size
from inr.coords import grid
from inr.training._images import as_images

Cells = int | Literal["uniform", "dynamic"]
"""Cells along a side, or how their number is drawn; see `mask_cells`."""

_MID_GRAY = 0.5
_MAX_CELLS = 256  # along a side; 16 bits of each cell's random number then remain
_PRIMES_AND_64 = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 64)


def mask_cells(
    key: Key, images: Shaped[ArrayLike, "b h w k"], *, cells: Cells
) -> Array:
    """Cover random cells with mid-gray, so that a model learns to use the context.

    The image is divided into G x G cells; a pixel belongs to the cell that contains its
    center. The number of covered cells is uniform in 0, ..., floor(3/4 G^2), drawn for
    each image. G is the same for the whole batch.

    Args:
      key: PRNG key.
      images: `[b, h, w, k]`, uint8 or floating in [0, 1].
      cells: G, at most 256; `"uniform"` draws G uniformly from 5, ..., 64; `"dynamic"`
        draws one of the primes from 5 to 61 and 64.

    Returns:
      `[b, h, w, k]`, 0.5 where covered.

    Raises:
      ValueError: if `cells` is neither a count nor one of the two names.
    """
    images = as_images("images", images)
    b, h, w, _ = images.shape
    key = _checks.as_key("key", key)
    key_cells, key_count, key_order = jax.random.split(key, 3)
    max_per_side, per_side = _cells_per_side(key_cells, cells)
    max_count = 3 * per_side**2 // 4
    count = jax.random.randint(key_count, (b,), 0, max_count + 1, jnp.int32)
    # Each cell draws a number, and the `count` cells with the lowest are covered. The
    # cell's index in the low bits makes the numbers distinct; cells beyond G^2 get the
    # highest. On a CPU, ranks by argsort take ten times as long as this sort.
    index = jnp.arange(max_per_side**2, dtype=jnp.uint32)[None]
    digits = (max_per_side**2 - 1).bit_length()
    draws = jax.random.bits(key_order, (b, max_per_side**2), jnp.uint32)
    draws = draws >> digits << digits | index
    draws = jnp.where(index < per_side**2, draws, jnp.uint32(2**32 - 1))
    limit = jnp.take_along_axis(jnp.sort(draws, axis=-1), count[:, None], axis=-1)
    covered = draws < limit
    rows, columns = (
        (2 * jnp.arange(n, dtype=jnp.int32) + 1) * per_side // (2 * n) for n in (h, w)
    )
    covered = covered[:, rows[:, None] * per_side + columns[None, :]]
    return jnp.where(covered[..., None], jnp.asarray(_MID_GRAY, images.dtype), images)


def random_holes(key: Key, size: Size, *, num_holes: int) -> Array:
    """Masks with one hole each: a rectangle or a stroke, with equal probability.

    The sides of a rectangle are uniform in 0.15 to 0.5 of the image's; its position is
    uniform. A stroke is a polyline through four random points, with a width uniform in
    0.04 to 0.12 of the image's shorter side.

    Args:
      key: PRNG key.
      size: `(h, w)` of the masks.
      num_holes: number of masks, b.

    Returns:
      bool `[b, h, w]`, True where the image is missing.

    Raises:
      ValueError: if `size` or `num_holes` does not consist of counts.
    """
    h, w = _checks.as_size("size", size, 2)
    num_holes = _checks.as_count("num_holes", num_holes)
    kind_key, *keys = jax.random.split(_checks.as_key("key", key), 5)
    draw = functools.partial(jax.random.uniform, dtype=jnp.float32)
    # In units of the shorter side, so that a stroke has one width in both directions.
    extent = np.array([h, w]) / min(h, w)
    points = (grid((h, w)) + 1) / 2 * jnp.asarray(extent, jnp.float32).reshape(1, 1, 2)
    unit = jnp.asarray(extent, jnp.float32).reshape(1, 2)
    sides = draw(keys[0], (num_holes, 2), minval=0.15, maxval=0.5)
    start = draw(keys[1], (num_holes, 2)) * (1 - sides)
    corners = draw(keys[2], (num_holes, 4, 2)) * unit[None]
    radius = draw(keys[3], (num_holes,), minval=0.02, maxval=0.06)

    def rectangle(start: Array, sides: Array) -> Array:
        position = points / unit[None]
        low, high = start[None, None], (start + sides)[None, None]
        return ((position >= low) & (position < high)).all(-1)

    def stroke(corners: Array, radius: Array) -> Array:
        distances = [_distance(points, a, b) for a, b in itertools.pairwise(corners)]
        return functools.reduce(jnp.minimum, distances) < radius

    rectangles = jax.vmap(rectangle)(start, sides)
    strokes = jax.vmap(stroke)(corners, radius)
    is_stroke = jax.random.bernoulli(kind_key, 0.5, (num_holes, 1, 1))
    return jnp.where(is_stroke, strokes, rectangles)


def _distance(points: Array, a: Array, b: Array) -> Array:
    """Distance `[h, w]` of points `[h, w, 2]` from the segment from a to b."""
    segment = b - a
    offset = points - a[None, None]
    square = jnp.maximum((segment**2).sum(), 1e-12)
    share = (offset * segment[None, None]).sum(-1) / square
    nearest = share.clip(0, 1)[..., None] * segment[None, None]
    return jnp.sqrt(jnp.square(offset - nearest).sum(-1))


def _cells_per_side(key: Key, cells: Cells) -> tuple[int, int | Array]:
    """The static upper bound of G, and G."""
    check_cells(cells)
    if cells == "uniform":
        return 64, jax.random.randint(key, (), 5, 65, jnp.int32)
    if cells == "dynamic":
        choices = jnp.asarray(_PRIMES_AND_64, jnp.int32)
        return 64, jax.random.choice(key, choices)
    return int(cells), int(cells)


def check_cells(cells: Cells) -> None:
    """Raise unless `cells` is a count, or one of the names."""
    if isinstance(cells, str):
        _checks.check_choice("cells", cells, ("uniform", "dynamic"))
    elif _checks.as_count("cells", cells) > _MAX_CELLS:
        raise _checks.fail("cells", f"at most {_MAX_CELLS}", cells)
