import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inr import coords as _coords
from inr.fields import encodings, streams


def test_sinusoids_are_the_sines_and_then_the_cosines(key):
    frequencies = np.array([[1.0, 0.0, 3.0], [0.0, 2.0, -1.0]], np.float32)
    points = _coords.random_points(key, 20)
    angles = np.asarray(points) @ frequencies
    expected = np.concatenate([np.sin(angles), np.cos(angles)], -1)
    encoded = encodings.sinusoids(points, frequencies)
    np.testing.assert_allclose(encoded, expected, atol=1e-6)


@pytest.mark.slow
def test_the_norm_of_an_encoding_is_the_same_everywhere(key):
    key_frequencies, key_points = jax.random.split(key)
    frequencies = encodings.gaussian_frequencies(key_frequencies, 2, 50, 10.0)
    encoded = encodings.sinusoids(_coords.random_points(key_points, 30), frequencies)
    np.testing.assert_allclose(jnp.square(encoded).sum(-1), 50.0, rtol=1e-4)


@pytest.mark.slow
def test_the_kernel_of_gaussian_features_is_a_gaussian(key):
    """Inner products of two encodings depend on the offset only: exp(-(s o)^2 / 2)."""
    sigma, offset = 2.0, np.array([0.05, 0.1], np.float32)
    frequencies = encodings.gaussian_frequencies(key, 2, 20000, sigma)
    points = jnp.stack([offset, jnp.zeros(2, jnp.float32)])
    encoded = encodings.sinusoids(points, frequencies)
    similarity = float(encoded[0] @ encoded[1]) / 20000
    expected = np.exp(-np.square(np.pi * sigma * offset).sum() / 2)
    np.testing.assert_allclose(similarity, expected, atol=0.02)


def test_octave_frequencies_equal_those_of_the_positional_encoding():
    frequencies = encodings.octave_frequencies(3, 4)
    assert frequencies.shape == (3, 12)
    assert frequencies.dtype == np.float32
    for axis in range(3):
        block = frequencies[axis, 4 * axis : 4 * axis + 4]
        np.testing.assert_allclose(block, np.pi * np.array([1, 2, 4, 8]), rtol=1e-6)
    assert np.count_nonzero(frequencies) == 12


@pytest.mark.slow
def test_derivatives_of_sinusoids_are_closed_forms(key):
    frequencies = jnp.array([[2.0, 5.0]], jnp.float32)
    points = _coords.random_points(key, 10, ndim=1)
    value, gradient, laplacian = encodings.sinusoids(streams.seed(points), frequencies)
    sines, cosines = value[:, :2], value[:, 2:]
    expected = jnp.concatenate([cosines, -sines], -1) * jnp.tile(frequencies, 2)
    np.testing.assert_allclose(gradient[0], expected, atol=1e-5)
    squares = jnp.square(jnp.tile(frequencies, 2))
    np.testing.assert_allclose(laplacian, -value * squares, atol=2e-5)
