"""Of every cell of a map the most similar one of another, in blocks.

Notation. Q and K are maps of cells `[h, w, c]`, zeros beyond their borders. The product
of two patches of 3 x 3 cells is a sum of products of cells,

    S(p, r) = sum_o Q(p + o) . K(r + o),    o in {-1, 0, 1}^2,

so a block of rows of Q times one of K gives all that its patches need, a ninth of the
operations on patches, and no patch is ever made.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr._typing import Array

_QUERIES, _KEYS = 2048, 2048  # cells of a block, about: its products fill 16 MB


class Best(NamedTuple):
    """Of each query the key with the largest product.

    Attributes:
      product: `[h, w]`, of the patches, over the length of the key's.
      place: `[h, w, 2]`, int32, the key's row and column.
    """

    product: Array
    place: Array


def patch_lengths(x: Array) -> Array:
    """Euclidean lengths `[h, w]` of the patches of a map `[h, w, c]`."""
    square = jnp.pad(jnp.square(x).sum(-1), 1)
    h, w, _ = x.shape
    total = sum(square[i : i + h, j : j + w] for i in range(3) for j in range(3))
    # The gradient of an empty patch's is zero, and not NaN.
    return jnp.where(total > 0, jnp.sqrt(jnp.where(total > 0, total, 1)), 0)


@functools.partial(jax.jit, static_argnames=("query_cells", "key_cells"))
def best_of(
    queries: Array,
    keys: Array,
    may: Array,
    *,
    query_cells: int = _QUERIES,
    key_cells: int = _KEYS,
) -> Best:
    """Among the keys that may be chosen, bool `[h', w']`; of equal ones the first.

    Where none may, the first with a product of minus infinity.
    """
    (h, w, _), (u, v, _) = queries.shape, keys.shape
    tops, height = _blocks(h, w, query_cells)
    starts, depth = _blocks(u, v, key_cells)
    filled, others = (_filled(x) for x in (queries, keys))
    length = patch_lengths(keys)
    # Empty patches are like nothing.
    factor = jnp.where(length > 0, 1 / jnp.where(length > 0, length, 1), 0)

    def of_rows(top: Array) -> tuple[Array, Array]:
        query = jax.lax.dynamic_slice_in_dim(filled, top, height + 2)

        def step(carry, start):
            key = jax.lax.dynamic_slice_in_dim(others, start, depth + 2)
            scale, flags = (
                jax.lax.dynamic_slice_in_dim(x, start, depth).reshape(1, -1)
                for x in (factor, may)
            )
            product = _patch_products(query, key).reshape(height * w, depth * v)
            product = jnp.where(flags, scale * product, -jnp.inf)
            found = product.argmax(-1).astype(jnp.int32)
            highest = jnp.take_along_axis(product, found[:, None], -1)[:, 0]
            value, index = carry
            better = highest > value
            carry = (
                jnp.where(better, highest, value),
                jnp.where(better, found + start * v, index),
            )
            return carry, None

        none = (
            jnp.full(height * w, -jnp.inf, queries.dtype),
            jnp.zeros(height * w, jnp.int32),
        )
        return jax.lax.scan(step, none, jnp.asarray(starts))[0]

    found = jax.lax.map(of_rows, jnp.asarray(tops))
    value, index = (_joined(x.reshape(len(tops), height, w), h) for x in found)
    return Best(value, jnp.stack([index // v, index % v], -1))


def _blocks(rows: int, width: int, cells: int) -> tuple[np.ndarray, int]:
    """First rows of blocks, and their height; the last one reaches back."""
    height = min(max(cells // width, 1), rows)
    starts = np.arange(-(-rows // height)) * height
    return np.minimum(starts, rows - height).astype(np.int32), height


def _filled(x: Array) -> Array:
    return jnp.pad(x, [(1, 1), (1, 1), (0, 0)])


def _patch_products(query: Array, key: Array) -> Array:
    """S `[a, w, b, v]` of rows `[a + 2, w + 2, c]` and `[b + 2, v + 2, c]`."""
    cells = jnp.einsum("ijc,klc->ijkl", query, key, precision="highest")
    a, w, b, v = (n - 2 for n in cells.shape)
    return sum(
        cells[i : i + a, j : j + w, i : i + b, j : j + v]
        for i in range(3)
        for j in range(3)
    )


def _joined(blocks: Array, rows: int) -> Array:
    """`[rows, w]` of blocks `[n, height, w]`, of which the last reached back."""
    n, height, w = blocks.shape
    rest = rows - (n - 1) * height
    whole = blocks[:-1].reshape(-1, w)
    return jnp.concatenate([whole, blocks[-1, height - rest :]])
