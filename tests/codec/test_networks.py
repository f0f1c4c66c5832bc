import jax
import numpy as np
import small_codec

from inr.codec.networks import Codec, identity, join, pair
from inr.models import load_model, save_model


def test_pair_is_the_inverse_of_join():
    networks = small_codec.networks()
    jax.tree.map(np.testing.assert_array_equal, pair(join([networks]), 0), networks)


def test_the_identity_is_that_of_the_stored_weights(tmp_path):
    loaded = small_codec.codec()
    save_model(tmp_path / "codec.safetensors", *loaded)
    stored = load_model(tmp_path / "codec.safetensors")
    assert stored.model == Codec(weights=(1e-3,))
    assert identity(stored.params) == identity(loaded.params)
    other = jax.tree.map(lambda x: x + 0.01, loaded.params)
    assert identity(other) != identity(loaded.params)


def test_the_identity_is_the_same_forever():
    """Files name their model by it."""
    assert identity({"a": np.ones(3, np.float32)}) == 3596791259
