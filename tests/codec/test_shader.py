"""The network at a point as layers of a shader, without a browser."""

import jax
import jax.numpy as jnp
import numpy as np

from inr.codec.synthesis import Synthesis


def test_the_layers_are_the_network():
    model = Synthesis(width=5, hidden=7)
    features = np.random.default_rng(0).normal(0, 1, (40, 5)).astype(np.float32)
    latents = jnp.zeros((1, 1, 5))
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)), latents)
    rng = np.random.default_rng(1)
    params = jax.tree.map(
        lambda x: jnp.asarray(rng.normal(0, 1, x.shape), jnp.float32), params
    )
    hidden, output = model.shader_layers(params)
    assert hidden.kernel.shape == (5, 7 + 6)
    units = evaluate(hidden.activation.value, features @ hidden.kernel + hidden.bias)
    colors = units @ output.kernel + output.bias
    expected = model.apply(params, jnp.asarray(features), method="colors")
    np.testing.assert_allclose(colors, expected, atol=5e-5)


def test_slope_and_curvature_are_those_of_gelu():
    model = Synthesis()
    inputs = (jnp.zeros((1, 2)), jnp.zeros((1, 1, 8)))
    hidden, _ = model.shader_layers(model.init(jax.random.key(0), *inputs))
    z, h = np.linspace(-8, 8, 101), 1e-4
    below, at, above = (gelu(z + step) for step in (-h, 0, h))
    expected = (at, (above - below) / (2 * h), (above - 2 * at + below) / h**2)
    for text, values in zip(hidden.activation, expected, strict=True):
        np.testing.assert_allclose(evaluate(text, z), values, atol=1e-6)
    # Far away, no exponential overflows.
    far = [float(evaluate(hidden.activation.value, x)) for x in (-1e4, 1e4)]
    np.testing.assert_allclose(far, [0, 1e4], atol=1e-20)


def gelu(z):
    """Flax's, in float64."""
    return 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def evaluate(expression, z):
    """An expression of GLSL, by NumPy."""
    return eval(expression, {"exp": np.exp, "clamp": np.clip, "z": z})
