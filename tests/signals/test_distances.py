"""Rough signed distances and areas, against a sphere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from surfaces import sphere_points

from inr.signals.distances import areas_of, signed_distances


def test_distances_have_the_sign_and_the_size_of_a_sphere(key):
    """Of 16,384 samples, 0.02 apart at radius 0.8; closer points are not tested."""
    normals = sphere_points(2**14).normals
    points = jnp.asarray(0.8 * normals, jnp.float32)
    normals = jnp.asarray(normals, jnp.float32)
    areas = jnp.full((2**14,), 4 * np.pi * 0.64 / 2**14, jnp.float32)
    coords = jax.random.uniform(key, (2048, 3), jnp.float32, -1, 1)
    distances, winding = signed_distances(coords, points, normals, areas)
    true = np.linalg.norm(coords, axis=1) - 0.8
    clear = np.abs(true) > 0.05
    np.testing.assert_allclose(distances[clear], true[clear], atol=0.02)
    assert np.all((np.asarray(winding) > 0.5)[clear] == (true < 0)[clear])
    np.testing.assert_allclose(np.asarray(winding)[clear], (true < 0)[clear], atol=0.1)


@pytest.mark.slow
def test_areas_of_samples_are_those_of_the_surface():
    """Their sums agree within a few per cent, for each half of an uneven sampling.

    A sheet of no thickness has two sides: neighbors with opposite normals are left out.
    """
    cloud = sphere_points(6000)
    dense = cloud.normals[:, 0] > 0
    is_sample = dense | (np.arange(6000) % 4 == 0)
    samples = jnp.asarray(cloud.normals[is_sample], jnp.float32)
    areas = areas_of(samples, samples)
    for half in (dense[is_sample], ~dense[is_sample]):
        assert float(areas[half].sum()) == pytest.approx(2 * np.pi, rel=0.08)
    rng = np.random.default_rng(0)
    square = np.zeros((4000, 3))
    square[:, 1:] = rng.uniform(0, 1, (4000, 2))
    normals = np.zeros((4000, 3))
    normals[:, 0] = np.where(np.arange(4000) % 2, 1.0, -1.0)
    areas = areas_of(jnp.float32(square), jnp.float32(normals))
    assert float(areas.sum()) == pytest.approx(2, rel=0.1)
