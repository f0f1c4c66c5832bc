"""Hard attention between images: for each cell, the most similar cell of others.

Notation. A map has cells `[h, w, c]`; a cell's patch is its 3 x 3 neighborhood, zeros
beyond the border. The relevance of two cells is the cosine of the angle between their
patches. Each query takes the key with the largest relevance, whose 3 x 3 cells are
copied, and averaged where copies overlap [Yang et al. 2020, TTSR, arXiv:2006.04139, eq.
2 to 4]. A cell may hold s x s finer values, which are copied with it.

The matrix of all relevances would need memory in the square of the number of pixels. It
is computed in blocks, of which only the maximum is stored. Memory is linear, and the
result is the same.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from inr import _checks, _display
from inr._sharding import Devices, Split, as_local_split
from inr._typing import Array, ArrayLike
from inr.references.search import Best, best_of, patch_lengths

_OFFSETS = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1))


class Match(NamedTuple):
    """Best match of each cell of a map.

    Attributes:
      source: `[h, w]`, int32, index of the map of keys.
      position: `[h, w, 2]`, int32, row and column in that map.
      relevance: `[h, w]`, in [-1, 1].
    """

    source: Array
    position: Array
    relevance: Array

    def __repr__(self) -> str:
        return _display.attributes_text(self)


def match_patches(
    queries: Float[ArrayLike, "h w c"],
    keys: Sequence[Float[ArrayLike, "_ _ c"]],
    *,
    allowed: Sequence[Bool[ArrayLike, "_ _"]] | None = None,
    sharding: Devices | None = None,
) -> Match:
    """Match each cell of a map with the most similar cell of other maps.

    Relevances are differentiable in queries and keys; the choice of cells is not. Of
    equal relevances, the first wins.

    Args:
      queries: `[h, w, c]`.
      keys: maps `[h', w', c]`, of any sizes.
      allowed: bool `[h', w']` for each map, True where a cell may be chosen; None for
        all cells. If no cell is allowed, the relevance is -1.
      sharding: devices among which the search is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each searches for
        some rows of the queries.

    Returns:
      A `Match`.

    Raises:
      ValueError: for different numbers of channels, no keys, or masks that do not
        have the maps' sizes.
    """
    queries = _checks.as_floating("queries", queries)
    _checks.check_rank("queries", queries, "[h, w, c]")
    _checks.check_not_empty("queries", queries)
    _checks.check_sequence("keys", keys, "maps")
    if len(keys) == 0:
        raise _checks.fail("keys", "at least one map", "none")
    maps = [_checks.as_floating("keys", x) for x in keys]
    for x in maps:
        if x.ndim != 3 or x.shape[-1] != queries.shape[-1]:
            expected = f"[h, w, {queries.shape[-1]}] as the queries"
            raise _checks.fail("keys", expected, f"{x.shape}")
    allowed_cells = _as_masks(maps, allowed)
    split = as_local_split("sharding", sharding)
    source, position = _nearest(
        *jax.lax.stop_gradient((queries, maps)), allowed_cells, split
    )
    relevance = _relevances(queries, maps, source, position)
    any_allowed = jnp.stack([x.any() for x in allowed_cells]).any()
    return Match(source, position, jnp.where(any_allowed, relevance, -1.0))


def _nearest(
    queries: Array,
    maps: list[Array],
    allowed_cells: list[Array],
    split: Split | None,
) -> tuple[Array, Array]:
    """Source and position of the largest relevance."""
    best = best_of(queries, maps[0], allowed_cells[0], split=split)
    source = jnp.zeros(best.product.shape, jnp.int32)
    for i in range(1, len(maps)):
        other = best_of(queries, maps[i], allowed_cells[i], split=split)
        better = other.product > best.product
        source = jnp.where(better, i, source)
        product = jnp.where(better, other.product, best.product)
        position = jnp.where(better[..., None], other.position, best.position)
        best = Best(product, position)
    return source, best.position


def _relevances(
    queries: Array, maps: list[Array], source: Array, position: Array
) -> Array:
    """Relevance `[h, w]` of each cell and its match."""
    starts, heights, widths = _layout(maps)
    cells = jnp.concatenate([x.reshape(-1, x.shape[-1]) for x in maps])
    lengths = jnp.concatenate([patch_lengths(x).reshape(-1) for x in maps])
    h, w, _ = queries.shape
    padded = jnp.pad(queries, [(1, 1), (1, 1), (0, 0)])
    start, width = starts[source], widths[source]
    product = jnp.zeros((h, w), queries.dtype)
    for y, x in _OFFSETS:
        row, column = position[..., 0] + y, position[..., 1] + x
        inside = (row >= 0) & (row < heights[source]) & (column >= 0) & (column < width)
        key = cells[jnp.where(inside, start + row * width + column, 0)]
        query = padded[1 + y : 1 + y + h, 1 + x : 1 + x + w]
        product = product + jnp.where(inside, (query * key).sum(-1), 0)
    both = (
        patch_lengths(queries)
        * lengths[start + position[..., 0] * width + position[..., 1]]
    )
    # The relevance of an empty patch is 0.
    return jnp.where(both > 0, product / jnp.where(both > 0, both, 1), 0)


def transfer(
    match: Match, values: Sequence[Float[ArrayLike, "_ _ c"]], *, cell: int = 1
) -> Array:
    """Copy the matched patches to the queries' positions, and average overlaps.

    Args:
      match: from `match_patches`.
      values: `[cell h', cell w', c]` for each map of keys.
      cell: values along a side of a cell.

    Returns:
      `[cell h, cell w, c]`. Each cell is the mean over the patches of its neighbors'
      matches, without cells that lie outside their maps.

    Raises:
      ValueError: for values whose sizes are not whole cells.
    """
    _checks.check_type("match", match, Match)
    cell = _checks.as_count("cell", cell)
    _checks.check_sequence("values", values, "maps")
    if len(values) == 0:
        raise _checks.fail("values", "at least one map", "none")
    maps = [_cells(_checks.as_floating("values", x), cell) for x in values]
    starts, heights, widths = _layout(maps)
    flat = jnp.concatenate([x.reshape(-1, *x.shape[2:]) for x in maps])
    h, w = match.source.shape
    total = jnp.zeros((h, w, *flat.shape[1:]), flat.dtype)
    count = jnp.zeros((h, w), flat.dtype)
    for y, x in _OFFSETS:
        # The match of the neighbor at -(y, x), translated back by (y, x).
        source, position, inside = _shifted(match, -y, -x)
        row, column = position[..., 0] + y, position[..., 1] + x
        inside &= (row >= 0) & (row < heights[source])
        inside &= (column >= 0) & (column < widths[source])
        index = jnp.where(inside, starts[source] + row * widths[source] + column, 0)
        total = total + jnp.where(inside[..., None, None, None], flat[index], 0)
        count = count + inside
    mean = total / count[..., None, None, None]
    return mean.swapaxes(1, 2).reshape(h * cell, w * cell, -1)


def _layout(maps: Sequence[Array]) -> tuple[Array, Array, Array]:
    """Index of each map's first cell in the list of all; heights; widths."""
    sizes = np.asarray([x.shape[:2] for x in maps], np.int32)
    starts = np.concatenate([[0], np.cumsum(sizes.prod(-1))[:-1]]).astype(np.int32)
    return jnp.asarray(starts), jnp.asarray(sizes[:, 0]), jnp.asarray(sizes[:, 1])


def _as_masks(
    maps: Sequence[Array], allowed: Sequence[Bool[ArrayLike, "_ _"]] | None
) -> list[Array]:
    if allowed is None:
        return [jnp.ones(x.shape[:2], bool) for x in maps]
    _checks.check_sequence("allowed", allowed, "masks")
    if len(allowed) != len(maps):
        raise _checks.fail("allowed", f"{len(maps)} masks", len(allowed))
    allowed = [_checks.as_array("allowed", a) for a in allowed]
    fits = [jnp.shape(a) == x.shape[:2] for a, x in zip(allowed, maps, strict=True)]
    bools = [jnp.result_type(a) == jnp.bool_ for a in allowed]
    if not all(fits + bools):
        got = ", ".join(f"{jnp.result_type(a)} {jnp.shape(a)}" for a in allowed)
        raise _checks.fail("allowed", "a bool mask of each map's size", got)
    return [jnp.asarray(a) for a in allowed]


def _cells(values: Array, cell: int) -> Array:
    """`[h, w, cell, cell, c]` of `[cell h, cell w, c]`."""
    _checks.check_rank("values", values, "[h, w, c]")
    h, w, c = values.shape
    if h % cell or w % cell:
        raise _checks.fail("values", f"of sizes divisible by `cell`, {cell}", (h, w))
    return values.reshape(h // cell, cell, w // cell, cell, c).swapaxes(1, 2)


def _shifted(match: Match, y: int, x: int) -> tuple[Array, Array, Array]:
    """The neighbor's match at each cell, and whether there is such a neighbor."""
    h, w = match.source.shape
    inside = np.zeros((h, w), bool)
    rows = slice(max(-y, 0), h - max(y, 0))
    columns = slice(max(-x, 0), w - max(x, 0))
    inside[rows, columns] = True
    source, position = (
        jnp.roll(a, (-y, -x), axis=(0, 1)) for a in (match.source, match.position)
    )
    return source, position, jnp.asarray(inside)
