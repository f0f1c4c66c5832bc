import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

from inr import coords, training

views = jax.jit(training.random_views, static_argnames="amount")


def smooth(h=24, w=32, b=3):
    """A plane wave for each image."""
    grid = np.asarray(coords.grid((h, w)))
    return np.stack([wave(grid, i) for i in range(b)])


def wave(points, i):
    angle = points @ np.array([1.2 + i, 0.7], np.float32)
    return np.float32(0.5 + 0.4 * np.sin(angle))[..., None]


@pytest.mark.slow
def test_zero_amount_changes_nothing():
    images = smooth()
    output = views(jax.random.key(0), images, amount=0.0)
    np.testing.assert_allclose(output, images, atol=1e-6)


@pytest.mark.slow
def test_views_are_rotated_enlarged_and_shifted():
    """Views of two ramps contain their points, to which an affine map is fitted."""
    h, w = 48, 64
    grid = np.asarray(coords.grid((h, w)))
    ramp = np.stack([0.5 + 0.4 * grid[..., :1], 0.5 + 0.4 * grid[..., 1:]], 0)
    images = np.concatenate([np.concatenate(list(ramp), -1)[None]] * 8)
    output = np.asarray(views(jax.random.key(3), np.float32(images), amount=0.1))
    points = (output - 0.5) / 0.4
    inner = np.s_[8:-8, 8:-8]
    parameters = []
    for i in range(8):
        flat = np.concatenate([grid[inner].reshape(-1, 2), np.ones((32 * 48, 1))], -1)
        affine, error, *_ = np.linalg.lstsq(
            flat, points[i][inner].reshape(-1, 2), rcond=None
        )
        assert np.sqrt(error / len(flat)).max() < 2e-3
        # In pixels it is a rotation times a factor: its columns are orthogonal.
        pixels = np.array([h, w]) / 2
        rotation = affine[:2] / pixels[:, None] * pixels
        share = np.sqrt(abs(np.linalg.det(rotation)))
        np.testing.assert_allclose(
            rotation @ rotation.T, share**2 * np.eye(2), atol=4e-3
        )
        angle = np.arctan2(rotation[0, 1], rotation[0, 0])
        assert 0.8 - 1e-3 < share < 1 + 1e-3
        assert abs(angle) < 0.1 + 1e-3
        assert np.abs(affine[2]).max() < 1 - share + 5e-3
        parameters.append((share, angle))
    assert np.ptp(parameters, axis=0).min() > 0.03


def test_views_differ_between_images_and_keys():
    images = np.repeat(smooth(b=1), 2, 0)
    output = views(jax.random.key(0), images, amount=0.2)
    assert np.abs(output[0] - output[1]).max() > 0.01
    other = views(jax.random.key(1), images, amount=0.2)
    assert np.abs(output[0] - other[0]).max() > 0.01


@pytest.mark.slow
def test_uint8_levels_become_values_in_the_unit_range():
    levels = np.random.default_rng(0).integers(0, 255, (2, 12, 12, 3), np.uint8)
    output = views(jax.random.key(0), levels, amount=0.1)
    expected = views(jax.random.key(0), levels.astype(np.float32) / 255, amount=0.1)
    np.testing.assert_allclose(output, expected, atol=1e-6)
    assert output.dtype == jnp.float32


@pytest.mark.parametrize("amount", [-0.1, 0.5, np.nan])
def test_an_amount_outside_its_range_is_refused(amount):
    with refuses("`amount` must be"):
        training.random_views(jax.random.key(0), smooth(), amount=float(amount))


@pytest.mark.slow
def test_resized_crops_have_random_scales():
    """A ramp stays a ramp, steeper by the scale, wherever the part begins.

    Nearly: a cubic kernel ripples by some hundredths at scales between whole numbers.
    """
    y, x = np.mgrid[:48, :60].astype(np.float32)
    images = np.broadcast_to(np.stack([y, x, y], -1) / 64, (40, 48, 60, 3))
    parts = training.random_resized_crops(jax.random.key(0), images, (16, 16))
    parts = np.asarray(parts)
    assert parts.shape == (40, 16, 16, 3)
    inner = 64 * parts[:, 4:-4, 4:-4]
    down, right = np.diff(inner[..., 0], axis=1), np.diff(inner[..., 1], axis=2)
    scale = down.mean((1, 2))
    np.testing.assert_allclose(down, scale[:, None, None] + 0 * down, rtol=0.05)
    np.testing.assert_allclose(right, scale[:, None, None] + 0 * right, rtol=0.05)
    assert 0.99 <= scale.min() < 1.3
    assert 2.7 < scale.max() <= 3.03
    # The centers of the first and the last pixel lie within the image.
    first = inner[:, 0, 0, 0] - 4 * scale
    assert first.min() > 0
    assert (first + 15 * scale).max() < 47
    assert first.std() > 1
    with refuses("`size` must be"):
        training.random_resized_crops(jax.random.key(0), images, (49, 16))


@pytest.mark.slow
def test_resized_crops_of_the_full_size_equal_the_images():
    images = np.random.default_rng(0).random((2, 12, 12, 3), np.float32)
    parts = training.random_resized_crops(jax.random.key(0), images, (12, 12))
    np.testing.assert_allclose(parts, images, atol=1e-5)
