"""Random changes to crops, so that few of them last longer.

Pure JAX, to be called inside a loss, as `inr.training.examples`.
"""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Shaped

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Size
from inr.coords import grid, sample_grid
from inr.training._images import as_images

MID_GRAY = 0.5

_MOST_CELLS = 256  # along a side; of each ticket 16 bits then are random

_PRIMES_AND_64 = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 64)


def mask_cells(
    key: Key, images: Shaped[ArrayLike, "b h w k"], *, cells: int | str
) -> Array:
    """Covers random cells with mid-gray, so that a model learns to use the context.

    The image is divided into G x G cells, a pixel belonging to the one in which its
    center lies. Of each image a number of cells is covered that is uniform in
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


def random_views(
    key: Key, images: Shaped[ArrayLike, "b h w k"], *, amount: float
) -> Array:
    """Each image as a camera sees it that is held a little differently.

    It is turned by an angle uniform in +-`amount` radians, enlarged about its middle so
    that a share s of its sides is seen, uniform from 1 - 2 `amount` to 1, and shifted
    by as much as that leaves room for. Where a turn looks beyond the border, the
    border's pixels go on. By cubic interpolation, clipped to [0, 1].

    Args:
      key: PRNG key.
      images: `[b, h, w, k]`, uint8 or floating in [0, 1].
      amount: from 0, which changes nothing, to below 1/2.

    Returns:
      `[b, h, w, k]`, floating.

    Raises:
      ValueError: for images that are none, or an amount outside its range.
    """
    images = as_images("images", images)
    if not 0 <= amount < 0.5:
        raise _checks.fail("amount", "from 0 to below 0.5", amount)
    b, h, w, _ = images.shape
    angle_key, share_key, shift_key = jax.random.split(key, 3)
    draw = functools.partial(jax.random.uniform, dtype=jnp.float32)
    angle = draw(angle_key, (b,), minval=-amount, maxval=amount)
    share = draw(share_key, (b,), minval=1 - 2 * amount, maxval=1.0)
    shift = draw(shift_key, (b, 2), minval=-1.0, maxval=1.0) * (1 - share)[:, None]
    y, x = jnp.moveaxis(grid((h, w)), -1, 0)

    def seen(image: Array, angle: Array, share: Array, shift: Array) -> Array:
        cos, sin = share * jnp.cos(angle), share * jnp.sin(angle)
        # A turn is one in pixels, of which the two axes may have different numbers.
        turned = (cos * y - sin * (w / h) * x, sin * (h / w) * y + cos * x)
        points = jnp.stack([turned[0] + shift[0], turned[1] + shift[1]], -1)
        return sample_grid(image, points, interpolation="cubic")

    return jax.vmap(seen)(images, angle, share, shift).clip(0, 1)


def random_holes(key: Key, size: Size, *, count: int) -> Array:
    """Masks of what is missing: a rectangle or a stroke in each.

    A rectangle's sides are uniform in 0.15 to 0.5 of the image's, its place likewise; a
    stroke is a line through four random points, as wide as 0.04 to 0.12 of the image's
    shorter side. Half of the masks are of each kind.

    Args:
      key: PRNG key.
      size: `(h, w)`.
      count: of masks, b.

    Returns:
      bool `[b, h, w]`, True where the image is missing.

    Raises:
      ValueError: for a size or count that is none.
    """
    h, w = _checks.as_size("size", size)
    count = _checks.as_count("count", count)
    kind_key, *keys = jax.random.split(key, 5)
    draw = functools.partial(jax.random.uniform, dtype=jnp.float32)
    # Places in units of the shorter side, so that strokes are as wide both ways.
    extent = np.array([h, w]) / min(h, w)
    points = (grid((h, w)) + 1) / 2 * jnp.asarray(extent, jnp.float32).reshape(1, 1, 2)
    scale = jnp.asarray(extent, jnp.float32).reshape(1, 2)
    sides = draw(keys[0], (count, 2), minval=0.15, maxval=0.5)
    start = draw(keys[1], (count, 2)) * (1 - sides)
    corners = draw(keys[2], (count, 4, 2)) * scale[None]
    radius = draw(keys[3], (count,), minval=0.02, maxval=0.06)

    def rectangle(start: Array, sides: Array) -> Array:
        place = points / scale[None]
        low, high = start[None, None], (start + sides)[None, None]
        return ((place >= low) & (place < high)).all(-1)

    def stroke(corners: Array, radius: Array) -> Array:
        spans = [_distance(points, a, b) for a, b in itertools.pairwise(corners)]
        return functools.reduce(jnp.minimum, spans) < radius

    rectangles = jax.vmap(rectangle)(start, sides)
    strokes = jax.vmap(stroke)(corners, radius)
    is_stroke = jax.random.bernoulli(kind_key, 0.5, (count, 1, 1))
    return jnp.where(is_stroke, strokes, rectangles)


def _distance(points: Array, a: Array, b: Array) -> Array:
    """Of points `[h, w, 2]` from the segment from a to b."""
    along = b - a
    from_a = points - a[None, None]
    share = (from_a * along[None, None]).sum(-1) / jnp.maximum((along**2).sum(), 1e-12)
    nearest = share.clip(0, 1)[..., None] * along[None, None]
    return jnp.sqrt(jnp.square(from_a - nearest).sum(-1))


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
