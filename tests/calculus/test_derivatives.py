import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import mostly_slow, refuses

import inr
from inr import calculus, poisson

MLP = {"features": 2, "width": 12, "depth": 1}
FAMILIES = {
    "siren": inr.Siren(**MLP, omega=5.0, hidden_omega=5.0),
    "gauss": inr.Gauss(**MLP, scale=3.0),
    "wire": inr.Wire(**MLP, omega=4.0, scale=3.0),
    "fourier_net": inr.FourierNet(**MLP, input_scale=6.0),
    "hash_grid": inr.HashGrid(**MLP, levels=2, interpolation="smooth"),
}
# Second derivatives of the other families take long to compile.
NAMES = mostly_slow(FAMILIES, "siren", "gauss", "fourier_net")


@functools.cache
def bound(name, ndim=2):
    model = FAMILIES[name]
    return inr.bind(model, model.init(jax.random.key(0), jnp.zeros((1, ndim))))


@functools.cache
def points(ndim=2):
    return inr.coords.random_points(jax.random.key(1), 6, ndim=ndim)


def as_function(field):
    """The same field as a plain function, without streams."""
    return lambda coords: field(coords)


def per_point(field, coords):
    """Value, Jacobian and trace of the Hessian at each point, by jax.hessian."""

    def at_point(p):
        hessian = jax.hessian(field)(p)
        return field(p), jax.jacobian(field)(p), jnp.trace(hessian, axis1=-2, axis2=-1)

    return jax.vmap(at_point)(coords)


@pytest.mark.long
@pytest.mark.parametrize("ndim", mostly_slow([2, 3], 2))
@pytest.mark.parametrize("name", NAMES)
def test_derivatives_equal_those_from_the_hessian(name, ndim):
    field, coords = bound(name, ndim), points(ndim)
    value, jacobian, trace = jax.jit(per_point)(field, coords)
    for f in (field, as_function(field)):
        result = jax.jit(lambda c, f=f: inr.value_gradient_laplacian(f, c))(coords)
        np.testing.assert_allclose(result.value, value, atol=1e-5)
        np.testing.assert_allclose(
            result.gradient.swapaxes(1, 2), jacobian, rtol=1e-4, atol=1e-4
        )
        peak = float(np.abs(trace).max()) + 1
        np.testing.assert_allclose(result.laplacian, trace, atol=1e-5 * peak)
    np.testing.assert_allclose(
        inr.jacobian(field, coords), jacobian, rtol=1e-4, atol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["siren", "wire"])
def test_axis_derivatives_are_the_diagonal_of_the_hessian(name):
    field, coords = bound(name, 3), points(3)
    result = jax.jit(inr.axis_derivatives)(field, coords)
    hessian = jax.jit(jax.vmap(jax.hessian(field)))(coords)
    diagonal = np.diagonal(np.asarray(hessian), axis1=-2, axis2=-1)
    peak = float(np.abs(diagonal).max()) + 1
    np.testing.assert_allclose(result.value, field(coords), atol=1e-6)
    np.testing.assert_allclose(result.gradient, inr.gradient(field, coords), atol=1e-5)
    np.testing.assert_allclose(
        result.second.swapaxes(-1, -2), diagonal, atol=1e-5 * peak
    )


@pytest.mark.slow
def test_a_derivative_is_a_field_up_to_the_fourth_order():
    """Each Laplacian multiplies sin(2y) cos(3x) by -13."""

    def wave(p):
        return jnp.sin(2 * p[..., :1]) * jnp.cos(3 * p[..., 1:])

    once = functools.partial(inr.laplacian, wave)
    twice = inr.laplacian(once, points())
    np.testing.assert_allclose(twice, 169 * wave(points()), rtol=1e-4, atol=1e-3)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_laplacian_loss_has_the_same_gradient_with_and_without_streams(name):
    field, coords = bound(name), points()

    @jax.jit
    def slopes(field):
        def loss(field, convert):
            return jnp.mean(inr.laplacian(convert(field), coords) ** 2)

        return [jax.grad(loss)(field, c) for c in (lambda f: f, as_function)]

    streams, forwards = slopes(field)
    for a, b in zip(jax.tree.leaves(streams), jax.tree.leaves(forwards), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, atol=2e-4 * (1 + float(np.abs(b).max())))


@pytest.mark.long
@pytest.mark.slow
def test_leading_axes_are_arbitrary_and_vmap_equals_a_loop():
    field, coords = bound("siren"), points().reshape(2, 3, 2)
    batch = inr.value_gradient_laplacian(field, coords)
    assert [x.shape for x in batch] == [(2, 3, 2), (2, 3, 2, 2), (2, 3, 2)]
    mapped = jax.vmap(lambda c: inr.value_gradient_laplacian(field, c))(coords)
    for a, b in zip(batch, mapped, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    single = inr.value_gradient_laplacian(field, coords[0, 0])
    for a, b in zip(batch, single, strict=True):
        np.testing.assert_allclose(a[0, 0], b, atol=2e-5)


@pytest.mark.long
@pytest.mark.slow
def test_grid_differences_converge_to_the_derivatives():
    """With second order, at the middle of an edge."""
    field = bound("siren")
    errors = []
    for n in (40, 80):
        grid, pitch = inr.coords.grid((n, n)), 2 / n
        image = field(grid)
        step = poisson.grid_gradient(image)[:-1, :-1, 0] / pitch
        middle = grid[:-1, :-1].at[..., 0].add(pitch / 2)
        errors.append(np.abs(step - inr.gradient(field, middle)[:, :, 0]).max())
    assert errors[1] < errors[0] / 3.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: inr.gradient(f, np.zeros((3, 2), int)), "`coords` must be a float"),
        (lambda f: inr.gradient(f, np.zeros((0, 2))), "`coords` must be non-empty"),
        (lambda f: inr.laplacian(f, np.float32(1)), r"`coords` must be \[..., d\]"),
        (lambda f: inr.gradient(lambda c: c.sum(), points()), "`field` must be a map"),
    ],
)
def test_invalid_input_raises_an_error(call, message):
    with refuses(message):
        call(bound("siren"))


@pytest.mark.slow
def test_a_linear_hash_grid_has_no_second_derivatives():
    model = inr.HashGrid(**MLP, levels=2)
    field = inr.bind(model, model.init(jax.random.key(0), jnp.zeros((1, 2))))
    for second in (calculus.laplacian, calculus.hessian, calculus.axis_derivatives):
        with refuses("smooth"):
            second(field, points())
    assert calculus.gradient(field, points()).shape == (6, 2, 2)
