"""Properties that every family has, from one table of small instances."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import mostly_slow, refuses

import inr
from inr import coords as _coords

_MLP = {"features": 2, "width": 12, "depth": 1}
_GRID = {**_MLP, "levels": 2, "log2_table_size": 6, "base_resolution": 3, "growth": 3.0}

FAMILIES = {
    "siren": (inr.Siren, {**_MLP, "omega": 5.0, "hidden_omega": 5.0}),
    "gauss": (inr.Gauss, {**_MLP, "scale": 3.0}),
    "finer": (inr.Finer, {**_MLP, "omega": 5.0}),
    "wire": (inr.Wire, {**_MLP, "omega": 4.0, "scale": 3.0}),
    "fourier_features": (inr.FourierFeatures, {**_MLP, "sigma": 1.0}),
    "positional_encoding": (inr.PositionalEncoding, {**_MLP, "num_frequencies": 2}),
    "fourier_net": (inr.FourierNet, {**_MLP, "input_scale": 6.0}),
    "gabor_net": (inr.GaborNet, {**_MLP, "input_scale": 6.0}),
    "bacon": (inr.Bacon, {"features": 2, "width": 12, "bands": (1, 2)}),
    "hash_grid": (inr.HashGrid, _GRID),
    "hash_grid_smooth": (inr.HashGrid, {**_GRID, "interpolation": "smooth"}),
    "modulated": (
        inr.Modulated,
        {
            "features": 2,
            "model": inr.Siren(**_MLP, omega=5.0, hidden_omega=5.0),
            "latent_shape": (3,),
        },
    ),
}

# The fast tests use one family of each kind.
SOME = mostly_slow(FAMILIES, "siren", "fourier_features", "hash_grid")

# The families that have Laplacians.
SMOOTH = mostly_slow([x for x in FAMILIES if x != "hash_grid"], "siren", "fourier_net")


def build(name):
    cls, hyperparameters = FAMILIES[name]
    return cls(**hyperparameters)


@functools.cache
def points(ndim=2):
    return _coords.random_points(jax.random.key(2), 6, ndim=ndim)


@functools.cache
def initial(name, ndim=2):
    # Without jit: compiling the random numbers of every family takes longer.
    return build(name).init(jax.random.key(0, impl="rbg"), points(ndim))


@functools.cache
def bound(name, ndim=2):
    """A field of the family with perturbed parameters."""
    rng = np.random.default_rng(0)
    params = initial(name, ndim)
    perturbed = jax.tree.map(
        lambda x: x + 0.1 * rng.standard_normal(x.shape, np.float32), params["params"]
    )
    return inr.bind(build(name), {**params, "params": perturbed})


@jax.jit
def evaluate(field, other, coords):
    """Values at the same points in several layouts, and of two stacked fields."""
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), field, other)
    return {
        "list": field(coords),
        "other": other(coords),
        "layout": field(coords.reshape(2, 1, 3, -1)),
        "alone": field(coords[4]),
        "batch": jax.vmap(lambda f: f(coords))(stack),
    }


@functools.cache
def evaluated(name):
    field = bound(name)
    other = jax.tree.map(lambda x: 0.9 * x, field)
    return evaluate(field, other, points())


@pytest.mark.parametrize("ndim", mostly_slow([1, 2, 3], 2))
@pytest.mark.parametrize("name", FAMILIES)
def test_the_value_at_a_point_depends_on_that_point_only(name, ndim):
    field, coords = bound(name, ndim), points(ndim)
    values = field(coords)
    assert values.shape == (6, 2)
    assert values.dtype == jnp.float32
    mirrored = field(-coords.at[4].multiply(-1))
    np.testing.assert_allclose(mirrored[4], values[4], atol=2e-6)
    assert (jnp.abs(mirrored - values)[:4] > 1e-5).any(-1).all()


@pytest.mark.parametrize("name", SOME)
def test_leading_axes_are_arbitrary_and_jit_gives_equal_values(name):
    values = evaluated(name)
    assert values["layout"].shape == (2, 1, 3, 2)
    np.testing.assert_allclose(values["alone"], values["list"][4], atol=2e-6)
    np.testing.assert_allclose(
        values["layout"].reshape(6, 2), values["list"], atol=2e-6
    )
    np.testing.assert_allclose(bound(name)(points()), values["list"], atol=2e-6)


@pytest.mark.parametrize("name", SOME)
def test_stacked_parameters_are_a_batch_of_fields(name):
    values = evaluated(name)
    np.testing.assert_allclose(values["batch"][0], values["list"], atol=2e-6)
    np.testing.assert_allclose(values["batch"][1], values["other"], atol=2e-6)
    assert not np.allclose(values["list"], values["other"], atol=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_equal_modules_hash_equal_and_do_not_retrace(name):
    field, again = bound(name), build(name)
    assert again == field.model
    assert hash(again) == hash(field.model)
    traces = []

    @jax.jit
    def traced(field, coords):
        traces.append(field.model)
        return coords

    traced(field, points())
    traced(inr.bind(again, field.params), points())
    assert len(traces) == 1


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - {"modulated"}))
def test_hyperparameters_are_json(name):
    cls, hyperparameters = FAMILIES[name]
    read = json.loads(json.dumps(hyperparameters))
    read = {k: tuple(v) if isinstance(v, list) else v for k, v in read.items()}
    assert cls(**read) == build(name)


@pytest.mark.parametrize("name", FAMILIES)
def test_parameters_are_float32_and_follow_the_key(name):
    init, first = build(name).init, initial(name)
    again, other = (init(jax.random.key(s, impl="rbg"), points()) for s in (0, 1))
    assert {x.dtype for x in jax.tree.leaves(first)} == {jnp.dtype("float32")}
    jax.tree.map(np.testing.assert_array_equal, first, again)
    for collection in set(first) - {"normalization"}:
        pairs = jax.tree.map(np.array_equal, first[collection], other[collection])
        assert not all(jax.tree.leaves(pairs))


@jax.jit
def both_ways(field, coords):
    """Value, gradient and Laplacian from streams, and by general differentiation."""
    gradient = jax.vmap(jax.jacfwd(field))(coords)
    hessian = jax.vmap(jax.jacfwd(jax.jacfwd(field)))(coords)
    laplacian = jnp.trace(hessian, 0, -2, -1)
    general = (field(coords), jnp.moveaxis(gradient, -1, 0), laplacian)
    return tuple(field.streams(coords)), general


@pytest.mark.parametrize("name", SMOOTH)
def test_streams_equal_general_differentiation(name):
    for got, expected in zip(*both_ways(bound(name), points()), strict=True):
        assert got.shape == expected.shape
        scale = max(float(jnp.abs(expected).max()), 1.0)
        np.testing.assert_allclose(got, expected, atol=2e-5 * scale)


@jax.jit
def gradient_of_laplacian_loss(field, coords):
    def loss(trained):
        updated = inr.bind(field.model, {**field.params, "params": trained})
        return jnp.square(updated.streams(coords).laplacian).mean()

    return jax.grad(loss)(field.params["params"])


@pytest.mark.parametrize("name", SMOOTH)
def test_a_loss_of_laplacians_has_finite_gradients(name):
    gradient = gradient_of_laplacian_loss(bound(name), points())
    leaves = jax.tree.leaves(gradient)
    assert all(bool(jnp.isfinite(x).all()) for x in leaves)
    assert any(bool((x != 0).any()) for x in leaves)


@pytest.mark.parametrize("name", SOME)
def test_a_short_fit_lowers_the_loss_ten_times(name):
    y, x = np.moveaxis(np.asarray(_coords.grid((16, 16))), -1, 0)
    image = np.stack([0.4 * np.sin(2 * x + y), 0.3 * x * y], -1)
    params = initial(name)
    result = inr.fit_image(
        jax.random.key(0),
        image,
        model=build(name),
        init=params,
        points="pixels",
        num_steps=100,
        optimizer=1e-2,  # the defaults are for wider fields
        progress=False,
    )
    assert result.history[-1] < result.history[0] / 10
    leaves = jax.tree.leaves(result.params)
    assert all(bool(jnp.isfinite(x).all()) for x in leaves)
    for name in set(params) - {"params"}:
        jax.tree.map(np.testing.assert_array_equal, result.params[name], params[name])


@pytest.mark.parametrize("name", SOME)
def test_bfloat16_is_close_to_float32(name):
    field, coords = bound(name), points()
    model, bfloat16 = field.model, {"dtype": jnp.bfloat16}
    if name == "modulated":
        bfloat16 = {"model": model.model.clone(**bfloat16)}
    half = inr.bind(model.clone(**bfloat16), field.params)
    got, expected = jax.jit(lambda field: field(coords))(half), field(coords)
    assert got.dtype == jnp.float32
    assert float(jnp.abs(got - expected).max()) < 0.1
    assert not np.array_equal(got, expected)


_INVALID = {
    "features": (0, -1, 2.5),
    "width": (0, 1.5, True),
    "depth": (-1, 0.5),
    "omega": (0.0, -1.0, float("nan")),
    "scale": (0.0, float("inf")),
    "bias_scale": (0.0,),
    "sigma": (0.0, -2.0),
    "num_frequencies": (0, 1.5),
    "input_scale": (0.0, -1.0),
    "alpha": (0.0,),
    "beta": (-1.0,),
    "bands": ((), (0, 1), (4, 2), (3, 3), 5),
    "level": (-1, 5, 0.5),
    "levels": (0, 1.5),
    "features_per_level": (0,),
    "log2_table_size": (0, 25),
    "base_resolution": (0,),
    "growth": (0.5, float("inf")),
    "interpolation": ("cubic", None),
}


@pytest.mark.parametrize("cls", dict.fromkeys(cls for cls, _ in FAMILIES.values()))
def test_invalid_hyperparameters_raise_an_error(cls):
    arguments = [name for name in _INVALID if name in cls.__dataclass_fields__]
    for argument in arguments:
        for value in _INVALID[argument]:
            with refuses(f"`{argument}`"):
                cls(**{argument: value})


def test_a_linear_hash_grid_has_no_streams():
    field = bound("hash_grid")
    with refuses('interpolation="smooth"'):
        field.streams(points())
