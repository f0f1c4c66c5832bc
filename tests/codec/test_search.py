import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_codec

from inr.codec import search

pytestmark = pytest.mark.slow  # the search is compiled


@pytest.fixture(scope="module")
def problem():
    networks = jax.tree.map(jnp.asarray, small_codec.networks())
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.normal(size=(24, 20, 1))
    tile = jnp.asarray((small_codec.picture((24, 20)) + noise).clip(0, 1), jnp.float32)
    return networks, tile


def test_parts_of_a_search_are_the_whole(problem):
    networks, tile = problem
    options = {"networks": networks, "tile": tile, "total": 6, "target": None}
    state = search.start(networks, tile, 1e-3)
    whole = search.advance(state, 6, **options).state
    parts = search.advance(
        search.advance(state, 2, **options).state, 4, **options
    ).state
    jax.tree.map(np.testing.assert_array_equal, whole, parts)
    assert whole.step == 6
