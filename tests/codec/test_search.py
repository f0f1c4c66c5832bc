import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_codec

from inr.codec import search
from inr.codec.last_layer import with_change

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
    options = {
        "networks": networks, "tile": tile, "total": 13, "target": 2.0, "fit": True,
    }  # fmt: skip
    state = search.start(networks, tile, 1e-3)
    whole = search.advance(state, 13, **options).state
    parts = search.advance(
        search.advance(state, 5, **options).state, 8, **options
    ).state
    jax.tree.map(np.testing.assert_array_equal, whole, parts)
    assert whole.step == 13


def test_a_fitted_last_layer_lowers_the_loss(problem):
    networks, tile = problem
    options = {"networks": networks, "tile": tile, "total": 31, "target": None}
    losses = []
    for fit in (False, True):
        state = search.start(networks, tile, 1e-3)
        state = search.advance(state, 31, fit=fit, **options).state
        fitted = with_change(networks, state.change)
        score = search.rounded_score(fitted, state.descent.latents, tile)
        losses.append(float(score.loss(1e-3)))
    assert losses[1] < 0.8 * losses[0]
