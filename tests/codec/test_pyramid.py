import jax.numpy as jnp
import numpy as np
import pytest

from inr.codec.pyramid import LEVELS, from_phases, grid_sizes, to_phases, zero_latents


def test_grids_halve_and_round_up():
    assert grid_sizes((65, 8)) == (
        (65, 8), (33, 4), (17, 2), (9, 1), (5, 1), (3, 1), (2, 1),
    )  # fmt: skip


def test_phases_in_their_order():
    grid = jnp.arange(4.0).reshape(2, 2, 1)
    np.testing.assert_array_equal(to_phases(grid)[0, 0, :, 0], [0, 3, 1, 2])


@pytest.mark.parametrize("size", [(1, 1), (4, 6), (5, 7)])
def test_phases_round_trip_in_numpy_and_jax(size):
    grid = np.arange(2.0 * np.prod(size), dtype=np.float32).reshape(*size, 2)
    phases = to_phases(grid)
    assert isinstance(phases, np.ndarray)
    assert phases.shape == (-(-size[0] // 2), -(-size[1] // 2), 4, 2)
    np.testing.assert_array_equal(from_phases(phases, size), grid)
    np.testing.assert_array_equal(to_phases(jnp.asarray(grid)), phases)


def test_zero_latents_have_luma_and_chroma():
    latents = zero_latents((3, 2))
    assert [x.shape[-1] for x in latents] == [1] + [3] * (LEVELS - 1)
