"""Changes of layers by a latent, compared with NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords as _coords

SIREN = inr.Siren(features=2, width=6, depth=2, omega=5.0, hidden_omega=(4.0, 3.0))
POINTS = _coords.random_points(jax.random.key(2), 9, ndim=2)
LATENT = np.random.default_rng(0).normal(size=3).astype(np.float32)


def build(modulation):
    model = inr.Modulated(
        features=2, model=SIREN, latent_shape=(3,), modulation=modulation, rank=2
    )
    return model, model.init(jax.random.key(0), POINTS)


def siren(layers):
    x = np.asarray(POINTS)
    for i, omega in enumerate((5.0, 4.0, 3.0)):
        kernel, bias = layers[f"sine_{i}"]
        x = np.sin(omega * (x @ kernel + bias))
    kernel, bias = layers["linear"]
    return x @ kernel + bias


def test_low_rank_adds_a_product_to_the_second_kernel():
    model, params = build("low_rank")
    tree = jax.tree.map(np.asarray, params["params"])
    assert list(tree["maps"]) == ["sine_1"]
    product = tree["maps"]["sine_1"]["kernel"]
    layers = {name: (x["kernel"], x["bias"]) for name, x in tree["layers"].items()}
    kernel, bias = layers["sine_1"]
    change = np.einsum("ir,z,zro->io", product["left"], LATENT, product["right"])
    assert np.linalg.matrix_rank(change) == 2
    layers["sine_1"] = kernel + change, bias
    actual = model.decode(params, jnp.asarray(LATENT))(POINTS)
    np.testing.assert_allclose(actual, siren(layers), atol=1e-5)


def test_weights_add_to_every_kernel_and_bias():
    model, params = build("weights")
    tree = jax.tree.map(np.asarray, params["params"])
    layers = {}
    for name, layer in tree["layers"].items():
        maps = tree["maps"][name]
        layers[name] = tuple(
            layer[part] + np.tensordot(LATENT, maps[part], 1)
            for part in ("kernel", "bias")
        )
    actual = model.decode(params, jnp.asarray(LATENT))(POINTS)
    np.testing.assert_allclose(actual, siren(layers), atol=1e-5)


@pytest.mark.parametrize("modulation", ["low_rank", "weights"])
def test_a_normal_latent_changes_kernels_by_about_their_size(modulation):
    base = inr.Siren(features=2, width=64, depth=1)
    model = inr.Modulated(
        features=2, model=base, latent_shape=(64,), modulation=modulation
    )
    params = model.init(jax.random.key(0), POINTS)
    latent = jax.random.normal(jax.random.key(1), (64,), jnp.float32)
    layers = params["params"]["layers"]["sine_1"]["kernel"]
    changed = model.decode(params, latent).params["params"]["sine_1"]["kernel"]
    assert 0.5 < np.std(changed - layers) / np.std(layers) < 2


def test_zero_changes_nothing():
    for modulation in ("shift", "low_rank", "weights"):
        model, params = build(modulation)
        field = model.decode(params, jnp.zeros(3, jnp.float32))
        expected = inr.bind(SIREN, {**params, "params": params["params"]["layers"]})
        np.testing.assert_array_equal(field(POINTS), expected(POINTS))


def test_bad_modulations_are_refused():
    with refuses("`modulation` must be"):
        inr.Modulated(modulation="scale")
    with refuses("`modulation` must be 'shift' for a grid of latents"):
        inr.Modulated(latent_shape=(2, 2, 4), modulation="weights")
    with refuses("`rank` must be"):
        inr.Modulated(modulation="low_rank", rank=0)
