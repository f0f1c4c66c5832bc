"""Batches split into blocks of rows, so that memory does not grow with the batch."""

from typing import Any

import jax
import jax.numpy as jnp

from inr._typing import Array


def split_rows(batch: Any, most_rows: int) -> tuple[Any, Array]:
    """Split a batch into blocks of equal size, at most `most_rows` each.

    Args:
      batch: tree of arrays `[rows, ...]`.
      most_rows: largest number of rows in a block.

    Returns:
      The tree with arrays `[blocks, rows in a block, ...]`, whose last rows repeat the
      last row of the batch as padding, and a mask `[blocks, rows in a block]` that is
      False for padding.
    """
    rows = jax.tree.leaves(batch)[0].shape[0]
    number = -(-rows // most_rows)
    size = -(-rows // number)

    def split(x: Array) -> Array:
        padding = [(0, number * size - rows)] + [(0, 0)] * (x.ndim - 1)
        return jnp.pad(x, padding, "edge").reshape(number, size, *x.shape[1:])

    index = jnp.arange(number * size, dtype=jnp.int32).reshape(number, size)
    return jax.tree.map(split, batch), index < rows
