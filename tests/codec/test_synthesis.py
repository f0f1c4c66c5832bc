import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_codec

import inr
from inr.codec.pyramid import zero_latents
from inr.codec.synthesis import Synthesis, enlarge

KEYS = jnp.array([-0.0234375, 0.2265625, 0.8671875, -0.0703125])


@pytest.mark.parametrize("size", [(8, 10), (7, 9)])
def test_enlarging_by_the_first_filter_is_bicubic(size):
    rng = np.random.default_rng(0)
    grid = rng.normal(size=(-(-size[0] // 2), -(-size[1] // 2), 2)).astype(np.float32)
    padded = np.pad(grid, ((3, 3), (3, 3), (0, 0)), mode="edge")
    double = jax.image.resize(
        padded, (2 * padded.shape[0], 2 * padded.shape[1], 2), "cubic"
    )
    expected = double[6:, 6:][: size[0], : size[1]]
    np.testing.assert_allclose(
        enlarge(jnp.asarray(grid), KEYS, size), expected, atol=1e-5
    )


def test_zero_latents_are_nearly_gray_and_one_latent_is_local():
    params = jax.tree.map(jnp.asarray, small_codec.networks().synthesis)
    zeros = zero_latents((256, 8))
    pixels = Synthesis().apply(params, zeros, method="pixels")
    np.testing.assert_allclose(
        pixels, np.broadcast_to(pixels[0, 0], pixels.shape), atol=1e-5
    )
    one = (zeros[0].at[100, 3, 0].set(5.0), *zeros[1:])
    change = np.abs(Synthesis().apply(params, one, method="pixels") - pixels).max(
        (1, 2)
    )
    assert (change[99:102] > 1e-3).all()  # The last texture sees 3x3 pixels.
    assert (np.delete(change, slice(99, 102)) < 1e-6).all()


def test_the_field_is_exact_at_the_centers_and_smooth_between():
    params = jax.tree.map(jnp.asarray, small_codec.networks().synthesis)
    latents = jax.tree.map(jnp.asarray, small_codec.latents((12, 10), scale=0.3))
    features = Synthesis().apply(params, latents, method="encode")
    field = inr.BoundField(Synthesis(), params, features)
    pixels = Synthesis().apply(params, latents, method="pixels")
    np.testing.assert_allclose(
        inr.render(field, (12, 10), progress=False), pixels, atol=1e-5
    )
    coords = jnp.array([[0.03, -0.21]])
    slope = inr.gradient(field, coords)[0]
    step = 1e-2
    for axis in (0, 1):
        shift = step * jnp.eye(2)[axis][None]
        difference = (field(coords + shift) - field(coords - shift))[0] / (2 * step)
        np.testing.assert_allclose(slope[axis], difference, rtol=0.05, atol=0.02)
