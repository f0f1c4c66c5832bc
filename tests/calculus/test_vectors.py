import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr

POINTS = {d: inr.coords.random_points(jax.random.key(1), 6, ndim=d) for d in (2, 3)}


def vortex(p):
    """Components (f_y, f_x), whose curl and divergence are simple."""
    y, x = p[..., 0], p[..., 1]
    return jnp.stack([x * x * y, jnp.sin(y) * x], -1)


def test_curl_and_divergence_in_the_plane():
    coords = POINTS[2]
    y, x = np.asarray(coords).T
    np.testing.assert_allclose(
        inr.divergence(vortex, coords), x * x + np.sin(y), atol=1e-6
    )
    np.testing.assert_allclose(
        inr.curl(vortex, coords), 2 * x * y - np.cos(y) * x, atol=1e-6
    )


def test_curl_and_divergence_in_space():
    def f(p):
        z, y, x = p[..., 0], p[..., 1], p[..., 2]
        return jnp.stack([x * y, z * z, y * z], -1)  # f_z, f_y, f_x

    coords = POINTS[3]
    z, y, x = np.asarray(coords).T
    # curl_z = d_x f_y - d_y f_x, and the others by cyclic permutation of x, y, z.
    expected = np.stack([0 - z, y - y, x - 2 * z], -1)
    np.testing.assert_allclose(inr.curl(f, coords), expected, atol=1e-6)
    np.testing.assert_allclose(inr.divergence(f, coords), 0 * x, atol=1e-6)


@pytest.mark.long
@pytest.mark.slow
def test_curl_of_a_gradient_and_divergence_of_a_curl_vanish():
    model = inr.Siren(features=2, width=12, depth=1, omega=5.0, hidden_omega=5.0)
    field = inr.bind(model, model.init(jax.random.key(0), jnp.zeros((1, 3))))
    coords = POINTS[3]

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


def test_invalid_vector_fields_raise_an_error():
    with refuses("2 features"):
        inr.divergence(lambda c: c[:, :1], POINTS[2])
    with refuses(r"\[..., 4\]"):
        inr.curl(lambda c: c, np.zeros((3, 4)))
