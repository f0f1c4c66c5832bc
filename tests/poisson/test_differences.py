import jax
import numpy as np
import pytest
from support import refuses

import inr
from inr import poisson

SHAPES = [(5, 7, 3), (1, 6, 1), (6, 1, 2), (1, 1, 1)]


def draw(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_divergence_is_minus_the_adjoint_of_the_gradient(shape, boundary):
    u, g = draw(*shape), draw(*shape[:2], 2, shape[2])
    left = np.vdot(poisson.grid_gradient(u, boundary=boundary), g)
    right = -np.vdot(u, poisson.grid_divergence(g, boundary=boundary))
    np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-4)


def test_gradient_by_hand():
    image = np.array([[1.0, 4.0], [9.0, 16.0]], np.float32)[..., None]
    gradient = poisson.grid_gradient(image)[..., 0]
    np.testing.assert_array_equal(gradient[..., 0], [[8, 12], [0, 0]])
    np.testing.assert_array_equal(gradient[..., 1], [[3, 0], [7, 0]])
    wrapped = poisson.grid_gradient(image, boundary="periodic")[..., 0]
    np.testing.assert_array_equal(wrapped[..., 0], [[8, 12], [-8, -12]])


def test_laplacian_by_hand():
    image = np.zeros((3, 3, 1), np.float32)
    image[1, 1] = 1
    expected = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    np.testing.assert_array_equal(poisson.grid_laplacian(image)[..., 0], expected)


def test_differences_over_the_pitch_approach_the_derivative():
    """At the middle of an edge, in units of coords, with an error of second order."""
    errors = []
    for n in (32, 64):
        coords = np.asarray(inr.coords.grid((n, n)), np.float64)
        image = np.sin(3 * coords[..., :1]) * np.cos(2 * coords[..., 1:])
        pitch = np.asarray(inr.coords.pitch((n, n)))
        gradient = np.asarray(poisson.grid_gradient(image.astype(np.float32)))
        result = gradient[:-1, :-1, 0] / pitch[0]
        middle = coords[:-1, :-1] + np.array([pitch[0] / 2, 0])
        expected = 3 * np.cos(3 * middle[..., :1]) * np.cos(2 * middle[..., 1:])
        errors.append(np.abs(result - expected).max())
    assert errors[1] < errors[0] / 3.5


def test_edges_out_of_the_image_are_not_read():
    g = draw(4, 5, 2, 1)
    changed = g.copy()
    changed[-1, :, 0] = changed[:, -1, 1] = 99
    np.testing.assert_array_equal(
        poisson.grid_divergence(g), poisson.grid_divergence(changed)
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: poisson.grid_gradient(draw(4, 5)), r"`image` must be \[h, w, c\]"),
        (lambda: poisson.grid_gradient(np.ones((4, 4, 1), int)), "floating"),
        (lambda: poisson.grid_divergence(draw(4, 5, 3, 1)), r"\[h, w, 2, c\]"),
        (lambda: poisson.grid_gradient(draw(4, 5, 1), boundary="open"), "`boundary`"),
    ],
)
def test_invalid_input_raises(call, message):
    with refuses(message):
        call()


@pytest.mark.slow
def test_vmap_equals_a_loop():
    batch = draw(3, 6, 7, 2)
    loop = np.stack([poisson.grid_laplacian(x) for x in batch])
    np.testing.assert_allclose(jax.vmap(poisson.grid_laplacian)(batch), loop, atol=1e-6)
