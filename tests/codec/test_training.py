import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_codec

from inr.codec import Codec, train_networks
from inr.codec.networks import at_position
from inr.codec.optimization import initial_latents, score
from inr.codec.training import _turned, init_networks


@pytest.mark.slow
def test_training_lowers_the_loss_of_rounded_latents(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [
        small_codec.picture((16, 16)) * rng.uniform(0.5, 1, (1, 1, 3)) for _ in range(4)
    ]
    crops = np.rint(255 * np.stack(pictures)).astype(np.uint8)
    key, model = jax.random.key(0), Codec(weights=(0.009, 0.011))

    @jax.jit
    def loss(params):
        networks = at_position(params, 0.0)

        def of_image(image):
            latents = initial_latents(networks.synthesis, image)
            return score(networks, jax.tree.map(jnp.round, latents), image).loss(0.01)

        return jax.vmap(of_image)(jnp.asarray(crops, jnp.float32) / 255).mean()

    options = {
        "num_steps": 60, "batch_size": 2, "progress": False,
    }  # fmt: skip
    trained = train_networks(key, model, crops, checkpoint=str(tmp_path), **options)
    assert loss(trained) < 0.8 * loss(init_networks(key, model))
    # The same call again finds the end of the training in its checkpoint.
    again = train_networks(key, model, crops, checkpoint=str(tmp_path), **options)
    jax.tree.map(np.testing.assert_array_equal, trained, again)


def test_a_turned_crop_has_turned_latents():
    """Flips and transposition of an image and of its latents are the same."""
    key, model = jax.random.key(0), Codec()
    networks = at_position(init_networks(key, model), 0.0)
    image = np.random.default_rng(0).uniform(size=(1, 64, 64, 3)).astype(np.float32)

    def latents_of(images):
        return jax.vmap(lambda x: initial_latents(networks.synthesis, x))(images)

    latents = [np.asarray(x) for x in latents_of(image)]
    variants = set()
    for turn in range(8):
        turned = _turned(image, turn)
        variants.add(turned.tobytes())
        assert np.array_equal(_turned(turned, turn, back=True), image)
        for ours, theirs in zip(latents, latents_of(turned), strict=True):
            np.testing.assert_allclose(_turned(ours, turn), theirs, atol=2e-3)
    assert len(variants) == 8
