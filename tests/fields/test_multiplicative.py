import jax
import jax.numpy as jnp
import numpy as np
import pytest

import inr

POINTS = np.random.default_rng(0).uniform(-1, 1, (200, 2)).astype(np.float32)


@jax.jit
def value(field, coords):
    return field(coords)


def bound(model, ndim=2):
    coords = jnp.zeros((1, ndim), jnp.float32)
    params = model.init(jax.random.key(0, impl="rbg"), coords)
    return inr.bind(model, params)


def layers(field):
    return jax.tree.map(lambda x: np.asarray(x, np.float64), field.params["params"])


def recursion(p, filters):
    """z_0 = g_0, z_i = (z_{i-1} W_i + b_i) g_i, features = z_D W + b."""
    z = filters[0]
    for i, g in enumerate(filters[1:], start=1):
        z = (z @ p[f"mix_{i}"]["kernel"] + p[f"mix_{i}"]["bias"]) * g
    return z @ p["linear"]["kernel"] + p["linear"]["bias"]


def test_fourier_net_equals_its_formula():
    field = bound(inr.FourierNet(2, width=16, depth=2, input_scale=10.0))
    p = layers(field)
    filters = [
        np.sin(POINTS @ p[f"filter_{i}"]["kernel"] + p[f"filter_{i}"]["bias"])
        for i in range(3)
    ]
    np.testing.assert_allclose(value(field, POINTS), recursion(p, filters), atol=1e-5)


@pytest.mark.slow
def test_gabor_net_equals_its_formula():
    field = bound(inr.GaborNet(2, width=16, depth=1, input_scale=10.0))
    p = layers(field)
    filters = []
    for i in range(2):
        q = p[f"filter_{i}"]
        distance = np.square(POINTS[:, :, None] - q["mu"][None]).sum(1)
        envelope = np.exp(-np.square(q["root_gamma"]) / 2 * distance)
        filters.append(np.sin(POINTS @ q["kernel"] + q["phase"]) * envelope)
    np.testing.assert_allclose(value(field, POINTS), recursion(p, filters), atol=1e-5)


@pytest.mark.slow
def test_filters_share_the_input_scale():
    scale, depth, ndim = 40.0, 3, 3
    p = layers(
        bound(inr.FourierNet(1, width=400, depth=depth, input_scale=scale), ndim)
    )
    largest = [np.abs(p[f"filter_{i}"]["kernel"]).max() for i in range(depth + 1)]
    filter_bound = scale / np.sqrt((depth + 1) * ndim)
    assert max(largest) <= filter_bound
    np.testing.assert_allclose(largest, filter_bound, rtol=0.02)
    phases = p["filter_0"]["bias"]
    assert 3.0 < np.abs(phases).max() <= np.pi


@pytest.mark.slow
def test_gamma_follows_its_distribution():
    model = inr.GaborNet(1, width=4000, depth=0, alpha=6.0, beta=2.0)
    gamma = np.square(layers(bound(model))["filter_0"]["root_gamma"])
    np.testing.assert_allclose(gamma.mean(), 6.0 / 2.0, rtol=0.05)
    np.testing.assert_allclose(gamma.var(), 6.0 / 2.0**2, rtol=0.15)
