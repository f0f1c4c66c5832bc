"""Hard attention between images: for each place, the most similar one elsewhere.

Notation. A map has cells `[h, w, c]`; a cell's patch is its 3 x 3 neighborhood, zeros
beyond the border. The relevance of two cells is the cosine of the angle between their
patches; each query takes the key with the largest, whose cells are then copied, 3 x 3
of them, and averaged where copies overlap [Yang et al. 2020, TTSR, arXiv:2006.04139,
eq. 2 to 4]. A cell may stand for s x s finer ones, which are copied with it.

Relevances of all pairs would fill memory with the square of the pixels' number. They
are made block by block and only the largest is kept, so memory is linear, and the
result that of all pairs at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.restoration.search import Best, best_of, patch_lengths

_STEPS = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1))


class Match(NamedTuple):
    """Where each cell of a map finds what is most like it.

    Attributes:
      source: `[h, w]`, int32, which of the maps of keys.
      place: `[h, w, 2]`, int32, row and column there.
      relevance: `[h, w]`, of that, in [-1, 1].
    """

    source: Array
    place: Array
    relevance: Array


def match_patches(
    queries: Float[ArrayLike, "h w c"],
    keys: Sequence[Float[ArrayLike, "_ _ c"]],
    *,
    allowed: Sequence[Bool[ArrayLike, "_ _"]] | None = None,
) -> Match:
    """For each cell of a map the cell of others whose patch is the most similar.

    Relevances are differentiable in both maps, for the cells that were chosen; which
    ones are, is not. Of equal ones the first is chosen.

    Args:
      queries: `[h, w, c]`.
      keys: maps `[h', w', c]`, of any sizes.
      allowed: bool `[h', w']` for each, True where a cell may be chosen; by default all
        may. With none that may, the first cell is chosen and the relevance is -1.

    Returns:
      A `Match`.

    Raises:
      ValueError: for maps of unlike channels, none, or masks that do not fit.
    """
    queries = _checks.as_floating("queries", queries)
    if not keys:
        raise _checks.fail("keys", "at least one map", "none")
    maps = [_checks.as_floating("keys", x) for x in keys]
    for x in maps:
        if x.ndim != 3 or x.shape[-1] != queries.shape[-1]:
            expected = f"[h, w, {queries.shape[-1]}] as the queries"
            raise _checks.fail("keys", expected, f"{x.shape}")
    flags = _flags(maps, allowed)
    source, place = _nearest(*jax.lax.stop_gradient((queries, maps)), flags)
    relevance = _relevances(queries, maps, source, place)
    any_may = jnp.stack([x.any() for x in flags]).any()
    return Match(source, place, jnp.where(any_may, relevance, -1.0))


def _nearest(
    queries: Array, maps: list[Array], flags: list[Array]
) -> tuple[Array, Array]:
    """Source and place of the largest relevance."""
    best = best_of(queries, maps[0], flags[0])
    source = jnp.zeros(best.product.shape, jnp.int32)
    for i in range(1, len(maps)):
        other = best_of(queries, maps[i], flags[i])
        better = other.product > best.product
        source = jnp.where(better, i, source)
        product = jnp.where(better, other.product, best.product)
        place = jnp.where(better[..., None], other.place, best.place)
        best = Best(product, place)
    return source, best.place


def _relevances(
    queries: Array, maps: list[Array], source: Array, place: Array
) -> Array:
    """Of each cell and the one that was found for it, `[h, w]`."""
    starts, heights, widths = _layout(maps)
    cells = jnp.concatenate([x.reshape(-1, x.shape[-1]) for x in maps])
    lengths = jnp.concatenate([patch_lengths(x).reshape(-1) for x in maps])
    h, w, _ = queries.shape
    filled = jnp.pad(queries, [(1, 1), (1, 1), (0, 0)])
    start, width = starts[source], widths[source]
    product = jnp.zeros((h, w), queries.dtype)
    for y, x in _STEPS:
        row, column = place[..., 0] + y, place[..., 1] + x
        inside = (row >= 0) & (row < heights[source]) & (column >= 0) & (column < width)
        key = cells[jnp.where(inside, start + row * width + column, 0)]
        query = filled[1 + y : 1 + y + h, 1 + x : 1 + x + w]
        product = product + jnp.where(inside, (query * key).sum(-1), 0)
    both = (
        patch_lengths(queries) * lengths[start + place[..., 0] * width + place[..., 1]]
    )
    # Empty patches are like nothing.
    return jnp.where(both > 0, product / jnp.where(both > 0, both, 1), 0)


def transfer(
    match: Match, values: Sequence[Float[ArrayLike, "_ _ c"]], *, cell: int = 1
) -> Array:
    """What was found, put where it was looked for: patches copied and averaged.

    Args:
      match: of maps with cells of `cell` x `cell` values.
      values: `[cell h', cell w', c]`, one for each map of keys.
      cell: values along a side of a cell.

    Returns:
      `[cell h, cell w, c]`: each cell the mean of what its neighbors' matches say of
      it, as far as these lie in their maps.

    Raises:
      ValueError: for values whose sizes are not whole cells.
    """
    cell = _checks.as_count("cell", cell)
    maps = [_cells(_checks.as_floating("values", x), cell) for x in values]
    starts, heights, widths = _layout(maps)
    flat = jnp.concatenate([x.reshape(-1, *x.shape[2:]) for x in maps])
    h, w = match.source.shape
    total = jnp.zeros((h, w, *flat.shape[1:]), flat.dtype)
    count = jnp.zeros((h, w), flat.dtype)
    for y, x in _STEPS:
        # What the neighbor at -(y, x) found, as far from it as this cell is.
        source, place, inside = _shifted(match, -y, -x)
        row, column = place[..., 0] + y, place[..., 1] + x
        inside &= (row >= 0) & (row < heights[source])
        inside &= (column >= 0) & (column < widths[source])
        index = jnp.where(inside, starts[source] + row * widths[source] + column, 0)
        total = total + jnp.where(inside[..., None, None, None], flat[index], 0)
        count = count + inside
    mean = total / count[..., None, None, None]
    return mean.swapaxes(1, 2).reshape(h * cell, w * cell, -1)


def _layout(maps: Sequence[Array]) -> tuple[Array, Array, Array]:
    """Where each map begins when all are one list of cells; heights and widths."""
    sizes = np.asarray([x.shape[:2] for x in maps], np.int32)
    starts = np.concatenate([[0], np.cumsum(sizes.prod(-1))[:-1]]).astype(np.int32)
    return jnp.asarray(starts), jnp.asarray(sizes[:, 0]), jnp.asarray(sizes[:, 1])


def _flags(
    maps: Sequence[Array], allowed: Sequence[Bool[ArrayLike, "_ _"]] | None
) -> list[Array]:
    if allowed is None:
        return [jnp.ones(x.shape[:2], bool) for x in maps]
    fits = [jnp.shape(a) == x.shape[:2] for a, x in zip(allowed, maps, strict=True)]
    bools = [jnp.result_type(a) == jnp.bool_ for a in allowed]
    if not all(fits + bools):
        got = ", ".join(f"{jnp.result_type(a)} {jnp.shape(a)}" for a in allowed)
        raise _checks.fail("allowed", "a bool mask of each map's size", got)
    return [jnp.asarray(a) for a in allowed]


def _cells(values: Array, cell: int) -> Array:
    """`[h, w, cell, cell, c]` of `[cell h, cell w, c]`."""
    h, w, c = values.shape
    if h % cell or w % cell:
        raise _checks.fail("values", f"of sizes divisible by {cell}", f"{(h, w)}")
    return values.reshape(h // cell, cell, w // cell, cell, c).swapaxes(1, 2)


def _shifted(match: Match, y: int, x: int) -> tuple[Array, Array, Array]:
    """The neighbor's match at each cell, and whether there is such a neighbor."""
    h, w = match.source.shape
    inside = np.zeros((h, w), bool)
    rows = slice(max(-y, 0), h - max(y, 0))
    columns = slice(max(-x, 0), w - max(x, 0))
    inside[rows, columns] = True
    source, place = (
        jnp.roll(a, (-y, -x), axis=(0, 1)) for a in (match.source, match.place)
    )
    return source, place, jnp.asarray(inside)
