import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import mostly_slow, refuses

import inr
from inr import calculus, coords, poisson

MLP = {"features": 2, "width": 12, "depth": 1}
FAMILIES = {
    "siren": inr.Siren(**MLP, omega=5.0, hidden_omega=5.0),
    "gauss": inr.Gauss(**MLP, scale=3.0),
    "wire": inr.Wire(**MLP, omega=4.0, scale=3.0),
    "fourier_net": inr.FourierNet(**MLP, input_scale=6.0),
    "hash_grid": inr.HashGrid(**MLP, levels=2, interpolation="smooth"),
}
# Second derivatives of the others take long to compile.
NAMES = mostly_slow(FAMILIES, "siren", "gauss", "fourier_net")


@functools.cache
def bound(name, ndim=2):
    model = FAMILIES[name]
    return inr.bind(model, model.init(jax.random.key(0), jnp.zeros((1, ndim))))


@functools.cache
def points(ndim=2):
    return inr.coords.random_points(jax.random.key(1), 6, ndim=ndim)


def hidden(field):
    """The same field as a plain callable, whose streams nobody sees."""
    return lambda coords: field(coords)


def per_point(field, coords):
    """Value, Jacobian and trace of the Hessian, point by point, by jax.hessian."""

    def one(p):
        hessian = jax.hessian(field)(p)
        return field(p), jax.jacobian(field)(p), jnp.trace(hessian, axis1=-2, axis2=-1)

    return jax.vmap(one)(coords)


@pytest.mark.parametrize("ndim", mostly_slow([2, 3], 2))
@pytest.mark.parametrize("name", NAMES)
def test_against_the_hessian(name, ndim):
    field, coords = bound(name, ndim), points(ndim)
    value, jacobian, trace = jax.jit(per_point)(field, coords)
    for seen in (field, hidden(field)):
        found = jax.jit(lambda c, f=seen: inr.value_gradient_laplacian(f, c))(coords)
        np.testing.assert_allclose(found.value, value, atol=1e-5)
        np.testing.assert_allclose(
            found.gradient.swapaxes(1, 2), jacobian, rtol=1e-4, atol=1e-4
        )
        scale = float(np.abs(trace).max()) + 1
        np.testing.assert_allclose(found.laplacian, trace, atol=1e-5 * scale)
    np.testing.assert_allclose(
        inr.jacobian(field, coords), jacobian, rtol=1e-4, atol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["siren", "wire"])
def test_axis_derivatives_are_the_diagonal_of_the_hessian(name):
    field, coords = bound(name, 3), points(3)
    found = jax.jit(inr.axis_derivatives)(field, coords)
    hessian = jax.jit(jax.vmap(jax.hessian(field)))(coords)
    diagonal = np.diagonal(np.asarray(hessian), axis1=-2, axis2=-1)
    scale = float(np.abs(diagonal).max()) + 1
    np.testing.assert_allclose(found.value, field(coords), atol=1e-6)
    np.testing.assert_allclose(found.gradient, inr.gradient(field, coords), atol=1e-5)
    np.testing.assert_allclose(
        found.second.swapaxes(-1, -2), diagonal, atol=1e-5 * scale
    )


def vortex(p):
    """(f_y, f_x) with curl and divergence known by hand."""
    y, x = p[..., 0], p[..., 1]
    return jnp.stack([x * x * y, jnp.sin(y) * x], -1)


def test_vector_calculus_in_the_plane_by_hand():
    coords = points(2)
    y, x = np.asarray(coords).T
    np.testing.assert_allclose(
        inr.divergence(vortex, coords), x * x + np.sin(y), atol=1e-6
    )
    np.testing.assert_allclose(
        inr.curl(vortex, coords), 2 * x * y - np.cos(y) * x, atol=1e-6
    )


def test_vector_calculus_in_space_by_hand():
    def f(p):
        z, y, x = p[..., 0], p[..., 1], p[..., 2]
        return jnp.stack([x * y, z * z, y * z], -1)  # f_z, f_y, f_x

    coords = points(3)
    z, y, x = np.asarray(coords).T
    # curl_z = d_x f_y - d_y f_x, and round the cycle x, y, z.
    expected = np.stack([0 - z, y - y, x - 2 * z], -1)
    np.testing.assert_allclose(inr.curl(f, coords), expected, atol=1e-6)
    np.testing.assert_allclose(inr.divergence(f, coords), 0 * x, atol=1e-6)


@pytest.mark.slow
def test_curl_of_a_gradient_and_divergence_of_a_curl_vanish():
    field = bound("siren", 3)
    coords = points(3)

    def slope(c):
        return inr.gradient(field, c)[..., 0]

    def vector(c):
        first, second = jnp.split(field(c), 2, -1)
        return jnp.concatenate([first, second, first * second], -1)

    assert np.abs(slope(coords)).max() > 0.1
    np.testing.assert_allclose(inr.curl(slope, coords), 0, atol=1e-5)
    rotation = functools.partial(inr.curl, vector)
    assert np.abs(rotation(coords)).max() > 0.1
    np.testing.assert_allclose(inr.divergence(rotation, coords), 0, atol=1e-4)
    np.testing.assert_allclose(
        inr.divergence(slope, coords),
        inr.laplacian(field, coords)[..., 0],
        rtol=1e-4,
        atol=1e-4,
    )


def test_derivatives_are_fields_to_the_fourth_order():
    """Of sin(2y) cos(3x): each Laplacian multiplies by -13."""

    def wave(p):
        return jnp.sin(2 * p[..., :1]) * jnp.cos(3 * p[..., 1:])

    once = functools.partial(inr.laplacian, wave)
    twice = inr.laplacian(once, points())
    np.testing.assert_allclose(twice, 169 * wave(points()), rtol=1e-4, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_parameters_learn_from_the_laplacian(name):
    """The gradient of a Laplacian loss: both paths agree, and it is finite."""
    field, coords = bound(name), points()

    @jax.jit
    def slopes(field):
        def loss(field, see):
            return jnp.mean(inr.laplacian(see(field), coords) ** 2)

        return [jax.grad(loss)(field, see) for see in (lambda f: f, hidden)]

    streams, forwards = slopes(field)
    for a, b in zip(jax.tree.leaves(streams), jax.tree.leaves(forwards), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, atol=2e-4 * (1 + float(np.abs(b).max())))


@pytest.mark.slow
def test_leading_axes_are_free_and_vmap_is_a_loop():
    field, coords = bound("siren"), points().reshape(2, 3, 2)
    whole = inr.value_gradient_laplacian(field, coords)
    assert [x.shape for x in whole] == [(2, 3, 2), (2, 3, 2, 2), (2, 3, 2)]
    mapped = jax.vmap(lambda c: inr.value_gradient_laplacian(field, c))(coords)
    for a, b in zip(whole, mapped, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    alone = inr.value_gradient_laplacian(field, coords[0, 0])
    for a, b in zip(whole, alone, strict=True):
        np.testing.assert_allclose(a[0, 0], b, atol=2e-5)


@pytest.mark.slow
def test_many_points_are_taken_a_few_at_a_time(key):
    """As all at once, for any leading axes; and they can be learned from."""
    model = inr.Siren(features=2, width=16, depth=1)
    x = coords.random_points(key, 50 * 61).reshape(50, 61, 2)
    field = inr.bind(model, model.init(key, x))
    whole = field.streams(x)
    found = inr.value_gradient_laplacian(field, x)
    expected = (whole.value, jnp.moveaxis(whole.gradient, 0, -2), whole.laplacian)
    chex.assert_trees_all_close(tuple(found), expected, rtol=1e-4, atol=1e-4)

    def loss(field, laplacian):
        return jnp.mean(laplacian(field, x) ** 2)

    few, all_at_once = (
        jax.grad(loss)(field, route)
        for route in (inr.laplacian, lambda field, x: field.streams(x).laplacian)
    )
    chex.assert_trees_all_close(few.params, all_at_once.params, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_grid_differences_approach_the_derivatives():
    """At the middle of an edge, and for the Laplacian at the pixel, of second order."""
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
        (lambda f: inr.divergence(lambda c: f(c)[:, :1], points()), "2 features"),
        (lambda f: inr.curl(lambda c: c, np.zeros((3, 4))), r"\[..., 4\]"),
    ],
)
def test_bad_input_is_refused(call, message):
    with refuses(message):
        call(bound("siren"))


@pytest.mark.slow
def test_a_linear_hash_grid_refuses_second_derivatives():
    model = inr.HashGrid(**MLP, levels=2)
    field = inr.bind(model, model.init(jax.random.key(0), jnp.zeros((1, 2))))
    for second in (calculus.laplacian, calculus.hessian, calculus.axis_derivatives):
        with refuses("smooth"):
            second(field, points())
    assert calculus.gradient(field, points()).shape == (6, 2, 2)
