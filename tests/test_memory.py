import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inr._memory import aligned_empty, program_bytes, split_into_blocks


@pytest.mark.parametrize(("rows", "max_rows"), [(7, 3), (8, 4), (5, 9), (1, 1)])
def test_blocks_hold_the_rows_in_order(rows, max_rows):
    batch = {"x": jnp.arange(rows), "y": jnp.arange(2 * rows).reshape(rows, 2)}
    blocks, is_data = split_into_blocks(batch, max_rows)
    assert is_data.shape[1] <= max_rows
    assert int(is_data.sum()) == rows
    for name, array in batch.items():
        flat = blocks[name].reshape(-1, *array.shape[1:])
        np.testing.assert_array_equal(flat[:rows], array)
        np.testing.assert_array_equal(
            flat[rows:], flat[rows - 1 : rows].repeat(len(flat) - rows, 0)
        )


def test_program_bytes_count_every_output():
    lowered = jax.jit(lambda x: x + 1).lower(jnp.zeros(1000, jnp.float32))
    one, two = (program_bytes(lowered, outputs=n) for n in (1, 2))
    assert two - one == 4000 <= one


def test_jax_uses_aligned_memory_without_a_copy():
    result = aligned_empty((300, 500, 3))
    assert result.shape == (300, 500, 3)
    array = jax.device_put(result, may_alias=True)
    assert array.unsafe_buffer_pointer() == result.ctypes.data
