"""Memory: blocks of rows, the bytes of a compiled program, and aligned arrays."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import stages

from inr._typing import Array, Size


def split_into_blocks(batch: Any, max_rows: int) -> tuple[Any, Array]:
    """Split a batch into blocks of equal size, at most `max_rows` each.

    Args:
      batch: tree of arrays `[rows, ...]`.
      max_rows: largest number of rows in a block.

    Returns:
      The tree with arrays `[blocks, rows in a block, ...]`, whose last rows repeat the
      last row of the batch as padding, and a mask `[blocks, rows in a block]` that is
      False for padding.
    """
    return split_into(batch, -(-jax.tree.leaves(batch)[0].shape[0] // max_rows))


def split_into(batch: Any, number: int) -> tuple[Any, Array]:
    """Split a batch into a number of blocks of equal size, as `split_into_blocks`."""
    rows = jax.tree.leaves(batch)[0].shape[0]
    size = -(-rows // number)

    def split(x: Array) -> Array:
        padding = [(0, number * size - rows)] + [(0, 0)] * (x.ndim - 1)
        return jnp.pad(x, padding, "edge").reshape(number, size, *x.shape[1:])

    index = jnp.arange(number * size, dtype=jnp.int32).reshape(number, size)
    return jax.tree.map(split, batch), index < rows


def program_bytes(lowered: stages.Lowered, *, outputs: int = 1) -> int:
    """Bytes that a program allocates: temporary arrays and `outputs` copies of results.

    Args:
      lowered: what `function.lower(...)` returns for a jitted function.
      outputs: results that exist at the same time.

    Returns:
      Bytes.
    """
    memory = lowered.compile().memory_analysis()
    assert memory is not None, "every backend of JAX reports its memory"
    return memory.temp_size_in_bytes + outputs * memory.output_size_in_bytes


def aligned_empty(shape: Size) -> np.ndarray:
    """Memory aligned to 64 bytes, which JAX on a CPU uses without a copy."""
    count = math.prod(shape)
    buffer = np.empty(count + 16, np.float32)
    skip = (-buffer.ctypes.data % 64) // 4
    return buffer[skip : skip + count].reshape(shape)
