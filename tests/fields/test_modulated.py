"""Modulated fields. `test_families` has what they share with other families."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords as _coords

SIREN = inr.Siren(features=2, width=6, depth=2, omega=5.0, hidden_omega=(4.0, 3.0))
VECTOR = inr.Modulated(features=2, model=SIREN, latent_shape=(3,))
GRID = inr.Modulated(features=2, model=SIREN, latent_shape=(2, 4, 3))
POINTS = _coords.random_points(jax.random.key(2), 9, ndim=2)


def parts(model, seed=0):
    """Params, and a random latent."""
    params = model.init(jax.random.key(seed), POINTS)
    rng = np.random.default_rng(seed)
    return params, jnp.asarray(rng.normal(size=model.latent_shape), jnp.float32)


def siren(layers, shifts, latents):
    """The notation of the module, in NumPy; `latents` are those of each point."""
    layers = jax.tree.map(np.asarray, layers)
    x = np.asarray(POINTS)
    for i, omega in enumerate((5.0, 4.0, 3.0)):
        layer = layers[f"sine_{i}"]
        z = latents @ np.asarray(shifts[f"sine_{i}"]["bias"])
        x = np.sin(omega * (x @ layer["kernel"] + layer["bias"] + z))
    return x @ layers["linear"]["kernel"] + layers["linear"]["bias"]


def test_a_latent_shifts_the_bias_of_every_hidden_layer():
    params, latent = parts(VECTOR)
    tree = params["params"]
    expected = siren(tree["layers"], tree["maps"], np.asarray(latent)[None])
    actual = VECTOR.decode(params, latent)(POINTS)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_between_latents_of_a_grid_a_smoothstep_interpolates():
    """The rows of the grid are at -0.5 and 0.5, its columns at -0.75 to 0.75."""
    params, latent = parts(GRID)
    grid, tree = np.asarray(latent), params["params"]
    rows, columns = ((np.asarray(POINTS) + 1) / 2 * [2, 4] - 0.5).T

    def along(axis, position):
        """Weights `[n, size]` of the two nearest latents."""
        size = grid.shape[axis]
        position = np.clip(position, 0, size - 1)[:, None]
        t = np.clip(1 - np.abs(position - np.arange(size)), 0, 1)
        return t * t * (3 - 2 * t)

    weights = along(0, rows)[:, :, None] * along(1, columns)[:, None]
    latents = np.einsum("nij,ijk->nk", weights, grid)
    expected = siren(tree["layers"], tree["maps"], latents)
    actual = GRID.decode(params, latent)(POINTS)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_the_field_of_a_vector_is_one_of_the_family():
    params, latent = parts(VECTOR)
    field = VECTOR.decode(params, latent)
    assert field.model == SIREN
    bound = inr.bind(
        VECTOR, {**params, "params": {**params["params"], "latent": latent}}
    )
    np.testing.assert_allclose(field(POINTS), bound(POINTS), atol=1e-6)


@pytest.mark.parametrize("model", [VECTOR, GRID], ids=["vector", "grid"])
def test_zero_leaves_the_family_as_it_is(model):
    params, _ = parts(model)
    layers = {**params, "params": params["params"]["layers"]}
    expected = inr.bind(SIREN, layers)(POINTS)
    np.testing.assert_allclose(inr.bind(model, params)(POINTS), expected, atol=1e-6)


def test_an_equal_grid_is_a_vector():
    params, latent = parts(VECTOR)
    grid = jnp.broadcast_to(latent, (2, 4, 3))
    expected = VECTOR.decode(params, latent)(POINTS)
    actual = GRID.decode(params, grid)(POINTS)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.slow
def test_derivatives_of_a_grid_equal_general_differentiation():
    params, latent = parts(GRID)
    field = GRID.decode(params, latent)
    value, gradient, laplacian = inr.value_gradient_laplacian(field, POINTS)
    np.testing.assert_allclose(value, field(POINTS), atol=1e-6)
    jacobian = jax.vmap(jax.jacobian(field))(POINTS).swapaxes(1, 2)
    np.testing.assert_allclose(gradient, jacobian, rtol=1e-4, atol=1e-3)
    hessian = jax.vmap(jax.hessian(field))(POINTS)
    trace = jnp.trace(hessian, axis1=-2, axis2=-1)
    np.testing.assert_allclose(laplacian, trace, rtol=1e-4, atol=1e-2)


def test_a_file_holds_the_family_too(tmp_path):
    params, latent = parts(GRID)
    field = GRID.decode(params, latent)
    path = tmp_path / "modulated.safetensors"
    inr.save_field(path, field)
    loaded = inr.load_field(path).field
    assert loaded.model == GRID
    np.testing.assert_array_equal(loaded(POINTS), field(POINTS))


def test_bad_models_are_refused():
    with refuses("`features` must be those of `model`"):
        inr.Modulated(features=3, model=SIREN)
    with refuses("`latent_shape` must be"):
        inr.Modulated(features=2, model=SIREN, latent_shape=(3, 4)).init(
            jax.random.key(0), POINTS
        )
    with refuses("`model` must be a family with hidden `Affine` layers"):
        flat = inr.FourierFeatures(features=2, width=4, depth=0)
        inr.Modulated(features=2, model=flat).init(jax.random.key(0), POINTS)


def test_constants_of_the_family_stay_as_they_are():
    base = inr.FourierFeatures(features=2, width=6, depth=1, num_frequencies=4)
    model = inr.Modulated(features=2, model=base, latent_shape=(3,))
    params, latent = parts(model)
    field = model.decode(params, latent)
    assert field.model == base
    tree = {**params["params"], "latent": latent}
    bound = inr.bind(model, {**params, "params": tree})
    np.testing.assert_allclose(field(POINTS), bound(POINTS), atol=1e-5)
    frequencies = params["frequencies"]["layers"]
    chex.assert_trees_all_equal(field.params["frequencies"], frequencies)
