"""Hard attention between images: for each place, the most similar one elsewhere.

Notation. A map has cells `[h, w, c]`; a cell's patch is its 3 x 3 neighbourhood, zeros
beyond the border. The relevance of two cells is the cosine of the angle between their
patches; each query takes the key with the largest, whose cells are then copied, 3 x 3
of them, and averaged where copies overlap [Yang et al. 2020, TTSR, arXiv:2006.04139,
eq. 2 to 4]. A cell may stand for s x s finer ones, which are copied with it.

Relevances of all pairs would fill memory with the square of the pixels' number. They
are made block by block and only the largest is kept, so memory is linear, and the
result that of all pairs at once.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from inr import _checks
from inr._typing import Array, ArrayLike

_QUERIES, _KEYS = 512, 4096  # of a block: its relevances fill 8 MB
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
    wanted = _flat(_patches(queries))
    known = jnp.concatenate([_flat(_patches(x)) for x in maps])
    may = _flags(maps, allowed)
    index = _nearest(*jax.lax.stop_gradient((wanted, known)), may)
    relevance = jnp.where(may.any(), (wanted * known[index]).sum(-1), -1.0)
    starts, _, widths = _layout(maps)
    source = jnp.searchsorted(starts[1:], index, side="right").astype(jnp.int32)
    rest = index - starts[source]
    place = jnp.stack([rest // widths[source], rest % widths[source]], -1)
    h, w, _ = queries.shape
    return Match(source.reshape(h, w), place.reshape(h, w, 2), relevance.reshape(h, w))


def transfer(
    match: Match, values: Sequence[Float[ArrayLike, "_ _ c"]], *, cell: int = 1
) -> Array:
    """What was found, put where it was looked for: patches copied and averaged.

    Args:
      match: of maps with cells of `cell` x `cell` values.
      values: `[cell h', cell w', c]`, one for each map of keys.
      cell: values along a side of a cell.

    Returns:
      `[cell h, cell w, c]`: each cell the mean of what its neighbours' matches say of
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
        # What the neighbour at -(y, x) found, as far from it as this cell is.
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
) -> Array:
    if allowed is None:
        return jnp.ones(sum(x.shape[0] * x.shape[1] for x in maps), bool)
    fits = [jnp.shape(a) == x.shape[:2] for a, x in zip(allowed, maps, strict=True)]
    bools = [jnp.result_type(a) == jnp.bool_ for a in allowed]
    if not all(fits + bools):
        got = ", ".join(f"{jnp.result_type(a)} {jnp.shape(a)}" for a in allowed)
        raise _checks.fail("allowed", "a bool mask of each map's size", got)
    return jnp.concatenate([jnp.asarray(a).reshape(-1) for a in allowed])


def _patches(x: Array) -> Array:
    """Each cell's neighbourhood, of length one, `[h, w, 9 c]`."""
    h, w, _ = x.shape
    filled = jnp.pad(x, [(1, 1), (1, 1), (0, 0)])
    around = [filled[1 + i : 1 + i + h, 1 + j : 1 + j + w] for i, j in _STEPS]
    patch = jnp.concatenate(around, -1)
    square = jnp.square(patch).sum(-1, keepdims=True)
    # Empty patches are like nothing, and their gradient is zero and not NaN.
    length = jnp.sqrt(jnp.where(square > 0, square, 1))
    return jnp.where(square > 0, patch / length, 0)


def _flat(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])


def _cells(values: Array, cell: int) -> Array:
    """`[h, w, cell, cell, c]` of `[cell h, cell w, c]`."""
    h, w, c = values.shape
    if h % cell or w % cell:
        raise _checks.fail("values", f"of sizes divisible by {cell}", f"{(h, w)}")
    return values.reshape(h // cell, cell, w // cell, cell, c).swapaxes(1, 2)


def _shifted(match: Match, y: int, x: int) -> tuple[Array, Array, Array]:
    """The neighbour's match at each cell, and whether there is such a neighbour."""
    h, w = match.source.shape
    inside = np.zeros((h, w), bool)
    rows = slice(max(-y, 0), h - max(y, 0))
    columns = slice(max(-x, 0), w - max(x, 0))
    inside[rows, columns] = True
    source, place = (
        jnp.roll(a, (-y, -x), axis=(0, 1)) for a in (match.source, match.place)
    )
    return source, place, jnp.asarray(inside)


@functools.partial(jax.jit, static_argnames=("queries", "keys"))
def _nearest(
    wanted: Array,
    known: Array,
    may: Array,
    *,
    queries: int = _QUERIES,
    keys: int = _KEYS,
) -> Array:
    """The index of the largest product among those that may be, `[n]`, int32."""
    n, m = len(wanted), len(known)
    queries, keys = min(queries, n), min(keys, m)
    blocks = -(-m // keys)
    # The last block reaches back; what it sees again changes no maximum.
    starts = np.minimum(np.arange(blocks) * keys, m - keys).astype(np.int32)

    def best(query: Array) -> Array:
        def step(carry, start):
            value, index = carry
            part = jax.lax.dynamic_slice_in_dim(known, start, keys)
            flags = jax.lax.dynamic_slice_in_dim(may, start, keys)
            product = jnp.matmul(query, part.T, precision="highest")
            product = jnp.where(flags[None], product, -jnp.inf)
            found = product.argmax(-1).astype(jnp.int32)
            highest = jnp.take_along_axis(product, found[:, None], -1)[:, 0]
            better = highest > value
            carry = (
                jnp.where(better, highest, value),
                jnp.where(better, found + start, index),
            )
            return carry, None

        none = (
            jnp.full(len(query), -jnp.inf, query.dtype),
            jnp.zeros(len(query), jnp.int32),
        )
        return jax.lax.scan(step, none, jnp.asarray(starts))[0][1]

    rest = -n % queries
    filled = jnp.pad(wanted, [(0, rest), (0, 0)]).reshape(-1, queries, wanted.shape[1])
    return jax.lax.map(best, filled).reshape(-1)[:n]
