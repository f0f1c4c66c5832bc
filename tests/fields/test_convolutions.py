"""Convolutional sine layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from inr.fields import SineConv


@pytest.mark.slow
def test_the_layer_is_the_sine_of_a_correlation():
    rng = np.random.default_rng(0)
    image = rng.uniform(-1, 1, (1, 7, 9, 2)).astype(np.float32)
    layer = SineConv(3, omega=2.5, padding="VALID")
    params = layer.init(jax.random.key(0), image)
    conv = params["params"]["conv"]
    bias = rng.normal(size=3).astype(np.float32)
    params = {"params": {"conv": {**conv, "bias": bias}}}
    expected = np.stack(
        [
            bias[k]
            + sum(
                signal.correlate2d(
                    image[0, ..., c], np.asarray(conv["kernel"])[..., c, k], "valid"
                )
                for c in range(2)
            )
            for k in range(3)
        ],
        -1,
    )
    np.testing.assert_allclose(
        layer.apply(params, image)[0], np.sin(2.5 * expected), atol=1e-5
    )


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("omega", [1.0, 30.0])
def test_activations_have_the_same_distribution_at_every_depth(omega):
    """The variance of phases converges to 0.8, see `fields.init`, of sines to 0.4."""
    x = jax.random.uniform(jax.random.key(0), (4, 36, 36, 1), jnp.float32, -1, 1)
    for i in range(8):
        layer = SineConv(
            64, omega=30.0 if i == 0 else omega, first=i == 0, padding="VALID"
        )
        x = layer.apply(layer.init(jax.random.key(i), x), x)
        assert 0.37 < np.var(x) < 0.53
        assert abs(np.mean(x)) < 0.1


@pytest.mark.slow
def test_the_fan_in_counts_the_pixels_of_the_kernel():
    image = jnp.zeros((1, 8, 8, 4))
    for first, bound in ((True, 1 / 36), (False, np.sqrt(6 / 36) / 30)):
        layer = SineConv(128, first=first)
        params = layer.init(jax.random.key(0), image)["params"]["conv"]
        largest = np.abs(params["kernel"]).max()
        assert 0.99 * bound < largest <= bound
        assert np.any(params["bias"]) == first


@pytest.mark.long
@pytest.mark.slow
def test_strides_and_initializers_are_options():
    ones = jax.nn.initializers.ones
    layer = SineConv(2, (2, 2), strides=2, omega=1.0, kernel_init=ones, bias_init=ones)
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    output = layer.apply(layer.init(jax.random.key(0), image), image)
    sums = image.reshape(2, 2, 2, 2).sum((1, 3))
    np.testing.assert_allclose(output[0, ..., 1], np.sin(sums + 1), atol=1e-5)
