"""The loss of a texture transformer against NumPy, and its properties."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_transformer import transformer

from inr import training
from inr.references import texture_loss
from inr.references.holes import fill_holes


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("scale", [1, 4])
def test_a_zero_residual_gives_the_error_of_the_initial_estimate(scale):
    model, params = transformer(scale)
    params = params["params"]
    output = jax.tree.map(jnp.zeros_like, params["generator"]["output"])
    params = {**params, "generator": {**params["generator"], "output": output}}
    pairs = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 6)).astype(np.uint8)
    loss = jax.jit(texture_loss(model, side=16))
    _, parts = loss({"params": params}, jax.random.key(0), pairs)
    small = np.asarray(training.reduce_images(pairs, (16, 16), interpolation="bicubic"))
    targets = small.clip(0, 1)[..., :3]
    if scale == 4:
        inputs = training.reduce_images(targets, (4, 4), interpolation="bicubic")
        expected = jax.image.resize(inputs, (2, 16, 16, 3), "cubic")
        np.testing.assert_allclose(
            parts["square"], np.mean((expected - targets) ** 2), rtol=1e-4
        )
    else:
        hole_key = jax.random.split(jax.random.key(0), 4)[1]
        holes = np.asarray(training.random_holes(hole_key, (16, 16), num_holes=2))
        expected = 0
        for image, hole in zip(targets, holes, strict=True):
            error = (
                np.asarray(fill_holes(jnp.asarray(image), jnp.asarray(hole))) - image
            )
            expected += np.mean(error**2) / (hole.mean() + 1e-3) / 2
        np.testing.assert_allclose(parts["square"], expected, rtol=1e-4)


@pytest.mark.long
@pytest.mark.slow
def test_unrelated_and_missing_references():
    """A batch of one pair twice swaps equal references."""
    model, params = transformer(4)
    draw = np.random.default_rng(0)
    one, two = draw.integers(0, 255, (2, 1, 32, 32, 6)).astype(np.uint8)
    two[..., :3] = one[..., :3]

    def error(*pairs, **shares):
        loss = texture_loss(model, side=32, views=0.0, **shares)
        return loss(params, jax.random.key(0), np.concatenate(pairs))[0]

    own = error(one, one, unrelated=0.0, without=0.0)
    other = error(two, two, unrelated=0.0, without=0.0)
    none = error(one, one, unrelated=0.0, without=1.0)
    assert abs(own - other) > 1e-5
    assert abs(own - none) > 1e-5
    np.testing.assert_allclose(
        error(two, two, unrelated=1.0, without=1.0), none, rtol=1e-5
    )
    mixed = error(one, two, unrelated=0.0, without=0.0)
    np.testing.assert_allclose(mixed, (own + other) / 2, rtol=1e-5)
    # Rolled by one, each example has the other's reference, and equal targets.
    np.testing.assert_allclose(
        error(one, two, unrelated=1.0, without=0.0), mixed, rtol=1e-5
    )
    apart = error(one, one, unrelated=1.0, without=0.0)
    np.testing.assert_allclose(apart, own, rtol=1e-5)


@pytest.mark.slow
def test_gradients_of_all_losses_are_finite_and_not_zero(data_folder):
    import safetensors.numpy

    path = data_folder / "weights" / "vgg16_lpips.safetensors"
    weights = safetensors.numpy.load_file(path)
    model, params = transformer(4)
    pairs = np.random.default_rng(0).integers(0, 255, (1, 40, 40, 6)).astype(np.uint8)
    loss = texture_loss(model, side=32, without=0.0, weights=weights)
    value, gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(
        params, jax.random.key(0), pairs
    )
    total, parts = value
    named = parts["absolute"] + 0.01 * (parts["perceptual"] + parts["transferal"])
    np.testing.assert_allclose(total, named, rtol=1e-5)
    assert min(float(x) for x in parts.values()) > 0
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
        assert np.any(leaf)
