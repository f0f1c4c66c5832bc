"""Random points between the samples of a grid, and their targets."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage
from support import mostly_slow

from inr import coords
from inr.fitting import SplineSamples, make_spline, spline_coefficients
from inr.fitting.continuous import weighted_samples

SIZES = [(7,), (1,), (5, 8), (2, 1)]


def random(shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def cell_means(coefficients):
    """Means by Simpson's rule on both halves of a cell, exact for parabolas."""
    nodes, weights = np.array([-2, -1, 0, 1, 2]) / 4, np.array([1, 4, 2, 4, 1]) / 12
    size = coefficients.shape[:-1]
    points = np.asarray(coords.grid(size), np.float64)
    grids = np.meshgrid(*[np.arange(5)] * len(size), indexing="ij")
    total = 0
    for node in np.stack(grids, -1).reshape(-1, len(size)):
        shifted = points + nodes[node] * 2 / np.asarray(size)
        value = coords.sample_grid(coefficients, shifted, interpolation="quadratic")
        total = total + weights[node].prod() * np.asarray(value, np.float64)
    return total


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("size", mostly_slow([*SIZES, (3, 4, 5)], *SIZES))
def test_the_means_over_the_cells_are_the_samples(size):
    samples = random((*size, 2))
    means = cell_means(spline_coefficients(samples))
    np.testing.assert_allclose(means, samples, atol=3e-6)


def system(n):
    """Matrix of the equations of the module's docstring, with mirrored borders."""
    matrix = np.diag(np.full(n, 4.0)) + np.eye(n, k=1) + np.eye(n, k=-1)
    matrix[0, 0] += 1
    matrix[-1, -1] += 1
    return matrix / 6


@pytest.mark.slow
def test_coefficients_solve_the_equations_and_values_equal_those_of_scipy():
    samples = random((9, 6, 1)).astype(np.float64)
    expected = np.linalg.solve(system(9), samples[..., 0])
    expected = np.linalg.solve(system(6), expected.T).T[..., None]
    coefficients = spline_coefficients(samples)
    np.testing.assert_allclose(coefficients, expected, atol=1e-5)
    points = np.random.default_rng(1).uniform(-1, 1, (50, 2))
    index = ((points + 1) / 2 * [9, 6] - 0.5).T
    values = ndimage.map_coordinates(
        expected[..., 0], index, order=2, prefilter=False, mode="reflect"
    )
    output = coords.sample_grid(coefficients, points, interpolation="quadratic")
    np.testing.assert_allclose(output[:, 0], values, atol=1e-5)


def test_a_constant_stays_constant():
    coefficients = spline_coefficients(np.full((6, 5, 1), 0.3, np.float32))
    np.testing.assert_allclose(coefficients, 0.3, atol=1e-6)


@pytest.mark.slow
def test_batches_are_points_of_the_spline_that_cover_the_grid(key):
    samples = random((4, 6, 3))
    points, values = SplineSamples(key, make_spline(samples), 4000)(key, 0)
    coefficients = spline_coefficients(samples)
    expected = coords.sample_grid(coefficients, points, interpolation="quadratic")
    np.testing.assert_allclose(values, expected, atol=1e-6)
    assert points.shape == (4000, 2)
    cell = np.floor((np.asarray(points) + 1) / 2 * [4, 6]).astype(int)
    counts = np.bincount(cell @ [6, 1], minlength=24)
    # 167 points are expected in each cell; independent ones have a deviation of 13.
    assert counts.min() > 160
    assert counts.max() < 174


@pytest.mark.long
@pytest.mark.slow
def test_points_of_weighted_batches_avoid_weight_0_and_its_neighbors(key):
    image, weights = random((6, 8, 2)), np.ones((6, 8), np.float32)
    weights[2, 3], weights[5, 7], weights[0, 0] = 0, 4, 4
    samples = weighted_samples(key, jnp.asarray(image), jnp.asarray(weights), 5000)
    points, values, factors = map(np.asarray, samples(key, 0))
    position = (points + 1) / 2 * [6, 8]
    cell = np.floor(position).astype(int)
    distance = np.abs(cell - [2, 3]).max(-1)
    assert distance.min() == 1
    offset = np.abs(position - cell - 0.5).max(-1)
    assert offset[distance == 1].max() < 1e-5 < 0.1 < offset[distance > 1].max()
    beside = distance == 1
    np.testing.assert_array_equal(values[beside], image[*cell[beside].T])
    expected = samples.spline(jnp.asarray(points))
    np.testing.assert_allclose(values[~beside], expected[~beside], atol=1e-6)
    # The mean weight of the 47 pixels is 53 / 47.
    np.testing.assert_allclose(factors**2, weights[*cell.T] * 47 / 53, rtol=1e-5)


def test_pixels_of_weight_0_do_not_enter(key):
    image, weights = random((8, 8, 1)), np.ones((8, 8), np.float32)
    weights[3:5, 3:5] = 0
    corrupted = np.where(weights[..., None] > 0, image, 1e6)
    a, b = (
        weighted_samples(key, jnp.asarray(x), jnp.asarray(weights), 4)
        for x in (image, corrupted)
    )
    np.testing.assert_allclose(a.spline.rows, b.spline.rows, atol=1e-4)
    np.testing.assert_array_equal(a.features, b.features)


@pytest.mark.slow
def test_batches_differ_and_are_arguments_of_jit(key):
    samples = SplineSamples(key, make_spline(random((4, 4, 1))), 16)
    first = samples(key, 0)
    again = jax.jit(lambda data, key: data(key, 0))(samples, key)
    np.testing.assert_allclose(first[1], again[1], atol=1e-6)
    other, _ = dataclasses.replace(samples, key=jax.random.key(1))(key, 0)
    assert not np.allclose(first[0], other)
