"""Subpixels, compared with the antialiased cubic resizing of JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inr import coords
from inr.upscaling.bases import Subpixels


def base(h=6, w=5):
    return jnp.asarray(np.random.default_rng(0).random((4 * h, 4 * w, 3), np.float32))


def resized_by_jax(image, factors):
    """With replicated edges, which `jax.image.resize` replaces by renormalization."""
    edge = 8
    padded = np.pad(image, [(edge, edge), (edge, edge), (0, 0)], mode="edge")
    size = [round(n * f) for n, f in zip(padded.shape[:2], factors, strict=True)]
    resized = jax.image.resize(padded, (*size, 3), "cubic", antialias=True)
    rows, columns = (
        slice(round(edge * f), round((n - edge) * f))
        for n, f in zip(padded.shape[:2], factors, strict=True)
    )
    return resized[rows, columns]


@pytest.mark.parametrize("scale", [(1, 1), (2, 2), (3, 3), (4, 4), (8, 8), (1, 3)])
def test_whole_scales_are_antialiased_cubic_resizing(scale):
    resized = Subpixels().enlarge(base(), scale)
    expected = resized_by_jax(base(), [s / 4 for s in scale])
    np.testing.assert_allclose(resized, expected, atol=2e-6)


@pytest.mark.parametrize("scale", [(1, 1), (2, 2), (3, 3), (4, 4), (8, 8), (2, 3)])
def test_cells_of_a_grid_are_the_pixels_of_the_resized_base(scale):
    size = (6 * scale[0], 5 * scale[1])
    cell = jnp.broadcast_to(1 / jnp.asarray(scale), (*size, 2))
    sampled = Subpixels().sample(base(), coords.grid(size), cell)
    np.testing.assert_allclose(sampled, Subpixels().enlarge(base(), scale), atol=2e-6)


def test_points_are_interpolated_by_the_cubic_kernel():
    points = coords.grid((7, 9))
    expected = coords.sample_grid(base(), points, interpolation="cubic")
    np.testing.assert_array_equal(Subpixels().sample(base(), points, None), expected)
    # A subpixel is as fine as the base, so its mean is the value there.
    cell = jnp.full((7, 9, 2), 0.25)
    np.testing.assert_allclose(
        Subpixels().sample(base(), points, cell), expected, atol=2e-6
    )


def test_cells_of_any_size_keep_a_plane():
    y, x = jnp.moveaxis(coords.grid((48, 48)), -1, 0)
    plane = (0.3 * y - 0.2 * x)[..., None]
    points = coords.random_points(jax.random.key(0), 50) / 2
    for side in (1.0, 0.7, 0.37):
        sampled = Subpixels().sample(plane, points, jnp.full((50, 2), side))
        expected = 0.3 * points[:, 0] - 0.2 * points[:, 1]
        np.testing.assert_allclose(sampled[:, 0], expected, atol=5e-3 * side)
