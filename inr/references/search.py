"""For every cell of a map, the most similar cell of another map, in blocks.

Notation. Q and K are maps of cells `[h, w, c]`, zeros beyond their borders. The product
of two patches of 3 x 3 cells is a sum of products of cells,

    S(p, r) = sum_o Q(p + o) . K(r + o),    o in {-1, 0, 1}^2,

so the products of a block of rows of Q and one of K are enough for all their patches.
This takes a ninth of the operations on patches, and stores no patches.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr._sharding import Split, map_rows
from inr._typing import Array

_QUERIES, _KEYS = 2048, 2048  # cells of a block, whose products take 16 MB


class Best(NamedTuple):
    """For each query, the key with the largest product.

    Attributes:
      product: `[h, w]`, of the patches, divided by the length of the key's patch.
      position: `[h, w, 2]`, int32, the key's row and column.
    """

    product: Array
    position: Array


def patch_lengths(x: Array) -> Array:
    """Euclidean lengths `[h, w]` of the patches of a map `[h, w, c]`."""
    square = jnp.pad(jnp.square(x).sum(-1), 1)
    h, w, _ = x.shape
    total = sum(square[i : i + h, j : j + w] for i in range(3) for j in range(3))
    # The gradient at an empty patch is 0, and not NaN.
    return jnp.where(total > 0, jnp.sqrt(jnp.where(total > 0, total, 1)), 0)


@functools.partial(jax.jit, static_argnames=("query_cells", "key_cells", "split"))
def best_of(
    queries: Array,
    keys: Array,
    allowed: Array,
    *,
    query_cells: int = _QUERIES,
    key_cells: int = _KEYS,
    split: Split | None = None,
) -> Best:
    """Best key for each query among the allowed ones, bool `[h', w']`.

    Of equal products, the first wins. If no key is allowed, the product is -inf. With
    `split`, each device searches for some blocks of queries.
    """
    (h, w, _), (u, v, _) = queries.shape, keys.shape
    if split is not None:
        query_cells = min(query_cells, -(-h // split.count) * w)
    tops, height = _blocks(h, w, query_cells)
    starts, depth = _blocks(u, v, key_cells)
    length = patch_lengths(keys)
    # The product with an empty patch is 0.
    factor = jnp.where(length > 0, 1 / jnp.where(length > 0, length, 1), 0)

    def best_of_rows(maps: tuple[Array, ...], top: Array) -> tuple[Array, Array]:
        padded_queries, padded_keys, factor, allowed = maps
        query = jax.lax.dynamic_slice_in_dim(padded_queries, top, height + 2)

        def step(carry, start):
            key = jax.lax.dynamic_slice_in_dim(padded_keys, start, depth + 2)
            weight, mask = (
                jax.lax.dynamic_slice_in_dim(x, start, depth).reshape(1, -1)
                for x in (factor, allowed)
            )
            product = _patch_products(query, key).reshape(height * w, depth * v)
            product = jnp.where(mask, weight * product, -jnp.inf)
            nearest = product.argmax(-1).astype(jnp.int32)
            highest = jnp.take_along_axis(product, nearest[:, None], -1)[:, 0]
            value, index = carry
            better = highest > value
            carry = (
                jnp.where(better, highest, value),
                jnp.where(better, nearest + start * v, index),
            )
            return carry, None

        none = (
            jnp.full(height * w, -jnp.inf, queries.dtype),
            jnp.zeros(height * w, jnp.int32),
        )
        return jax.lax.scan(step, none, jnp.asarray(starts))[0]

    def best_of_blocks(maps: tuple[Array, ...], tops: Array) -> tuple[Array, Array]:
        return jax.lax.map(functools.partial(best_of_rows, maps), tops)

    maps = _padded(queries), _padded(keys), factor, allowed
    rows = map_rows(best_of_blocks, maps, jnp.asarray(tops), split)
    value, index = (_joined(x.reshape(len(tops), height, w), h) for x in rows)
    return Best(value, jnp.stack([index // v, index % v], -1))


def _blocks(rows: int, width: int, cells: int) -> tuple[np.ndarray, int]:
    """First rows of blocks, and their height; the last one overlaps the others."""
    height = min(max(cells // width, 1), rows)
    starts = np.arange(-(-rows // height)) * height
    return np.minimum(starts, rows - height).astype(np.int32), height


def _padded(x: Array) -> Array:
    return jnp.pad(x, [(1, 1), (1, 1), (0, 0)])


def _patch_products(query: Array, key: Array) -> Array:
    """S `[a, w, b, v]` of rows `[a + 2, w + 2, c]` and `[b + 2, v + 2, c]`."""
    cells = jnp.einsum("ijc,klc->ijkl", query, key, precision="highest")
    a, w, b, v = (n - 2 for n in cells.shape)
    shifted = (
        cells[i : i + a, j : j + w, i : i + b, j : j + v]
        for i in range(3)
        for j in range(3)
    )
    return functools.reduce(jnp.add, shifted)


def _joined(blocks: Array, rows: int) -> Array:
    """Blocks `[n, height, w]` as `[rows, w]`; the last one overlaps the others."""
    n, height, w = blocks.shape
    rest = rows - (n - 1) * height
    complete = blocks[:-1].reshape(-1, w)
    return jnp.concatenate([complete, blocks[-1, height - rest :]])
