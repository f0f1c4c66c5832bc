"""Filling of holes, and the cells that no hole touches."""

import jax.numpy as jnp
import numpy as np
import pytest
from small_transformer import photo

from inr.references.holes import fill_holes, intact_cells


@pytest.mark.long
@pytest.mark.slow
def test_a_fill_is_harmonic_and_keeps_known_values():
    """A plane is harmonic."""
    grid = np.linspace(0, 1, 17, dtype=np.float32)
    image = np.stack([grid[:, None] + 0 * grid, 0 * grid[:, None] + grid], -1)
    hole = np.zeros((17, 17), bool)
    hole[6:9, 7:12] = True
    filled = np.asarray(fill_holes(jnp.asarray(image), jnp.asarray(hole)))
    np.testing.assert_array_equal(filled[~hole], image[~hole])
    np.testing.assert_allclose(filled[hole], image[hole], atol=2e-3)
    flat = fill_holes(jnp.full((17, 17, 2), 0.3), jnp.asarray(hole))
    np.testing.assert_allclose(flat, 0.3, atol=1e-6)
    one = np.ones((5, 6), bool)
    one[2, 3] = False
    spread = fill_holes(jnp.asarray(photo(0, 5, 6)), jnp.asarray(one))
    np.testing.assert_allclose(
        spread, np.broadcast_to(photo(0, 5, 6)[2, 3], (5, 6, 3)), atol=1e-6
    )
    nothing = fill_holes(jnp.asarray(photo(0, 5, 6)), jnp.ones((5, 6), bool))
    np.testing.assert_array_equal(nothing, 0)


def test_cells_near_a_hole_are_not_intact():
    hole = np.zeros((24, 32), bool)
    hole[9, 14] = True  # cell (2, 3)
    intact = np.asarray(intact_cells(jnp.asarray(hole), 4, 1))
    expected = np.ones((6, 8), bool)
    expected[1:4, 2:5] = False
    np.testing.assert_array_equal(intact, expected)
