import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from support import refuses

import inr
from inr import coords
from inr.fields import cosine, sine


def count(params):
    return sum(x.size for x in jax.tree.leaves(params["params"]))


@pytest.mark.slow
def test_parameter_counts_are_the_published_ones(key):
    points = jnp.zeros((1, 2))
    for features, expected in ((1, 198_401), (3, 198_915)):
        model = inr.Siren(features=features, width=256, depth=3)
        assert count(model.init(key, points)) == expected


def test_siren_equals_its_formula(key):
    model = inr.Siren(
        features=2, width=8, depth=2, omega=20.0, hidden_omega=(30.0, 5.0)
    )
    params = model.init(key, jnp.zeros((1, 3)))
    p = jax.tree.map(lambda x: np.asarray(x, np.float64), params["params"])
    x = np.random.default_rng(0).uniform(-1, 1, (7, 3))
    h = x
    for name, omega in (("sine_0", 20.0), ("sine_1", 30.0), ("sine_2", 5.0)):
        h = np.sin(omega * (h @ p[name]["kernel"] + p[name]["bias"]))
    expected = h @ p["linear"]["kernel"] + p["linear"]["bias"]
    np.testing.assert_allclose(
        model.apply(params, jnp.asarray(x, jnp.float32)), expected, atol=1e-5
    )


@pytest.mark.long
@pytest.mark.parametrize(
    "hidden_omega", [pytest.param(1.0, marks=pytest.mark.slow), 30.0]
)
def test_activations_have_the_same_distribution_at_every_depth(hidden_omega):
    """Pre-activations are approximately N(0, 1), activations arcsine-distributed.

    The variance follows v -> 1 - exp(-2 v), because E sin(z)^2 = (1 - exp(-2 v)) / 2
    for z from N(0, v), and so stays at 0.80 [Sitzmann 2020, theorem 1.8].
    """
    model = inr.Siren(width=2048, depth=8, hidden_omega=hidden_omega)
    points = coords.random_points(jax.random.key(1), 32)
    params = model.init(jax.random.key(2), points)["params"]
    first = params["sine_0"]
    h = sine(30.0 * (points @ first["kernel"] + first["bias"][None]))
    variance = 1.0
    for depth in range(1, 9):
        layer = params[f"sine_{depth}"]
        z = hidden_omega * (h @ layer["kernel"] + layer["bias"][None])
        h = sine(z)
        np.testing.assert_allclose(np.std(z), variance**0.5, rtol=0.04)
        # The 2048 units are nearly independent: 1.36 / sqrt(2048) = 0.03 is exceeded
        # once in twenty times.
        normal = scipy.stats.norm(scale=variance**0.5)
        assert scipy.stats.kstest(np.ravel(z), normal.cdf).statistic < 0.045
        arcsine = scipy.stats.arcsine(loc=-1, scale=2)
        assert scipy.stats.kstest(np.ravel(h), arcsine.cdf).statistic < 0.1
        variance = 1 - np.exp(-2 * variance)


@pytest.mark.long
@pytest.mark.slow
def test_gradients_do_not_vanish_or_explode_with_depth():
    def size(depth):
        model = inr.Siren(width=128, depth=depth)
        points = coords.random_points(jax.random.key(1), 256)
        params = model.init(jax.random.key(2), points)
        grad = jax.grad(lambda p: jnp.mean((model.apply(p, points) - 0.5) ** 2))(params)
        return float(jnp.std(grad["params"]["sine_1"]["kernel"]))

    assert 0.3 < size(12) / size(2) < 3


@pytest.mark.parametrize(("fn", "truth"), [(sine, np.sin), (cosine, np.cos)])
@pytest.mark.parametrize("span", [1.0, 100.0, 8192.0])
def test_the_sine_is_accurate_up_to_8192(fn, truth, span):
    x = np.linspace(-span, span, 200_001).astype(np.float32)
    error = np.abs(np.asarray(jax.jit(fn)(x), np.float64) - truth(x.astype(np.float64)))
    assert error.max() < 9e-8


@pytest.mark.parametrize("fn", [sine, cosine])
def test_the_sine_is_bounded_for_every_finite_argument(fn):
    size = np.geomspace(1e-30, 3e38, 100_001).astype(np.float32)
    values = np.asarray(jax.jit(fn)(np.concatenate([-size, size])))
    assert np.all(np.abs(values) <= 1)
    assert np.isnan(jax.jit(fn)(np.float32([np.inf, -np.inf]))).all()


@pytest.mark.slow
def test_the_sine_has_the_derivatives_of_the_sine():
    x = jnp.linspace(-9, 9, 101)
    first = jax.vmap(jax.grad(sine))
    third = jax.vmap(jax.grad(jax.grad(jax.grad(sine))))
    np.testing.assert_allclose(first(x), np.cos(np.asarray(x, np.float64)), atol=2e-7)
    np.testing.assert_allclose(third(x), -np.cos(np.asarray(x, np.float64)), atol=2e-7)
    assert bool(jnp.isnan(sine(jnp.float32(jnp.nan))))


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_the_sine_accepts_other_dtypes(dtype):
    x = jnp.linspace(-3, 3, 7, dtype=dtype)
    np.testing.assert_array_equal(sine(x), jnp.sin(x))
    assert sine(x).dtype == dtype


@pytest.mark.slow
def test_a_bfloat16_field_is_close_and_returns_float32(key):
    points = coords.random_points(key, 200)
    model = inr.Siren(width=64, depth=2, omega=5.0)
    params = model.init(key, points)
    low = model.clone(dtype=jnp.bfloat16).apply(params, points)
    full = model.apply(params, points)
    assert low.dtype == jnp.float32
    assert 1e-6 < float(jnp.abs(low - full).max()) < 0.02


@pytest.mark.parametrize("hidden_omega", [(30.0,), -1.0, float("nan"), "30"])
def test_invalid_frequencies_raise_an_error(key, hidden_omega):
    with refuses("`hidden_omega`"):
        inr.Siren(depth=2, hidden_omega=hidden_omega).init(key, jnp.zeros((1, 2)))
