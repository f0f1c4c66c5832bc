import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inr import coords, training
from inr.upscaling import Upscaler, upscaler_loss


@pytest.mark.long
@pytest.mark.slow
def test_the_loss_starts_at_that_of_cubic_interpolation_and_decreases():
    model = Upscaler(width=8, blocks=1, waves=4)
    loss = upscaler_loss(model, side=8, target_side=32, num_points=64)
    noise = np.random.default_rng(0).random((4, 40, 40, 3), np.float32)
    crops = (255 * noise).astype(np.uint8)
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)), jnp.zeros((4, 4, 3)))
    zeroed = {
        "params": {
            **params["params"],
            "decoder": jax.tree.map(jnp.zeros_like, params["params"]["decoder"]),
        }
    }
    key = jax.random.key(2)
    value, parts = jax.jit(loss)(zeroed, key, crops)
    targets = training.reduce_images(crops, (32, 32), interpolation="bicubic")
    batch = training.scale_batch(key, targets.clip(0, 1), side=8, num_points=64)
    cubic = [
        coords.sample_grid(image, points, interpolation="cubic")
        for image, points in zip(batch.inputs, batch.coords, strict=True)
    ]
    error = np.stack(cubic) - batch.colors
    np.testing.assert_allclose(value, np.abs(error).mean(), rtol=1e-4)
    np.testing.assert_allclose(parts["square"], (error**2).mean(), rtol=1e-4)
    gradient = jax.jit(jax.grad(loss, has_aux=True))(params, key, crops)[0]
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(gradient))
    stepped = jax.tree.map(lambda p, g: p - 0.02 * g, params, gradient)
    before, after = (jax.jit(loss)(p, key, crops)[0] for p in (params, stepped))
    assert after < before
