"""Layers for shaders: GLSL expressions are evaluated in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import fields
from inr.fields import streams

FAMILIES = (inr.Siren, inr.Finer, inr.Gauss, inr.HashGrid)
MODELS = [
    inr.Siren(3, width=5, depth=2, omega=4.0, hidden_omega=(3.0, 2.0)),
    inr.Finer(1, width=4, depth=1, omega=5.0),
    inr.Gauss(3, width=6, depth=1, scale=3.0),
]
GRID = {"levels": 2, "log2_table_size": 4, "base_resolution": 2}
NAMES = [type(model).__name__ for model in MODELS]


def bound(model, *, ndim=2):
    """A field of random numbers, with the identity as normalization."""
    coords = jax.ShapeDtypeStruct((1, ndim), jnp.float32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), coords)
    rng = np.random.default_rng(0)

    def draw(path, x):
        name = jax.tree_util.keystr(path)
        if "normalization" in name:
            return jnp.full(x.shape, float("scale" in name), jnp.float32)
        return jnp.asarray(rng.normal(0, 0.3, x.shape), jnp.float32)

    return inr.bind(model, jax.tree.map_with_path(draw, shapes))


def evaluated(expression, z):
    """Value of a GLSL expression of the vec4 z, for an array z of any shape."""
    functions = {
        "sin": np.sin,
        "cos": np.cos,
        "exp": np.exp,
        "abs": np.abs,
        "sign": np.sign,
        "max": np.maximum,
        "clamp": np.clip,
        "greaterThan": np.greater,
        "vec4": np.float64,
    }
    return eval(expression, functions, {"z": z}) + np.zeros_like(z)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_the_layers_compute_the_network(model):
    field = bound(model)
    x = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    h = x
    for layer in fields.shader_layers(field, families=FAMILIES):
        z = h @ layer.kernel + layer.bias
        h = z if layer.activation is None else evaluated(layer.activation.value, z)
    expected = field(jnp.asarray(x, jnp.float32))
    assert np.std(expected) > 0.01
    np.testing.assert_allclose(h, expected, atol=1e-4)


@pytest.mark.parametrize(
    "model",
    [
        *MODELS,
        inr.HashGrid(interpolation="smooth", depth=1, **GRID),
        inr.HashGrid(depth=1, **GRID),
    ],
    ids=[*NAMES, "silu", "relu"],
)
def test_slopes_and_curvatures_are_derivatives(model):
    layers = fields.shader_layers(bound(model), families=FAMILIES)
    activation = layers[0].activation
    # Central differences of the value, off 0, where some derivatives jump.
    z = np.linspace(-3, 3, 61) + 0.013
    step = 1e-3
    low, middle, high = (evaluated(activation.value, z + d) for d in (-step, 0.0, step))
    slope, curvature = (evaluated(e, z) for e in activation[1:])
    np.testing.assert_allclose(slope, (high - low) / (2 * step), atol=1e-4)
    difference = (high - 2 * middle + low) / step**2
    np.testing.assert_allclose(curvature, difference, atol=1e-3)


def test_activations_of_a_hash_grid_are_finite_everywhere():
    for interpolation, function in (("smooth", jax.nn.silu), ("linear", jax.nn.relu)):
        model = inr.HashGrid(interpolation=interpolation, depth=1, **GRID)
        layers = fields.shader_layers(bound(model), families=FAMILIES)
        z = np.asarray([-1e30, -200, -1, 0, 1, 200, 1e30], np.float32)
        outputs = [evaluated(e, z) for e in layers[0].activation]
        expected = streams.pointwise(function, jnp.asarray(z))
        np.testing.assert_allclose(outputs[0], expected, rtol=1e-5, atol=1e-4)
        assert np.isfinite(outputs[:2]).all()


def test_fields_of_other_families_raise_an_error():
    siren = bound(MODELS[0])
    with refuses("a bound `Siren` or `Gauss`, got Finer. Bind", TypeError):
        fields.shader_layers(bound(MODELS[1]), families=(inr.Siren, inr.Gauss))
    with refuses("a bound `Gauss`, got Siren", TypeError):
        fields.shader_layers(siren, families=(inr.Gauss,))
    with refuses("`families` must be one of"):
        fields.shader_layers(siren, families=(inr.Siren, inr.Wire))
    with refuses("got Siren. Bind", TypeError):
        fields.shader_layers(siren.model, families=FAMILIES)
    with refuses("of 1 or 3 features, got 2"):
        fields.shader_layers(bound(inr.Siren(2, width=4)), families=FAMILIES)
    with refuses("a field of 2 coords"):
        fields.shader_layers(bound(inr.Siren(1, width=4), ndim=3), families=FAMILIES)
    with refuses("finite"):
        infinite = jax.tree.map(lambda x: x / 0, siren)
        fields.shader_layers(infinite, families=FAMILIES)
