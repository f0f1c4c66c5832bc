"""The guided filter, compared with its definition."""

import jax.numpy as jnp
import numpy as np

from inr.colorization.guided import guided_coefficients, window_mean


def generated(*shape):
    x = np.random.default_rng(0).uniform(size=shape)
    return jnp.asarray(x, jnp.float32)


def windows(size, radius):
    """Pixels of the window around each pixel."""
    h, w = size
    for i, j in np.ndindex(h, w):
        rows = slice(max(i - radius, 0), i + radius + 1)
        yield (i, j), (rows, slice(max(j - radius, 0), j + radius + 1))


def test_window_means_are_those_of_the_pixels_inside():
    x = generated(6, 9, 2)
    result = np.asarray(window_mean(x, 2))
    for pixel, window in windows((6, 9), 2):
        np.testing.assert_allclose(result[pixel], x[window].mean((0, 1)), rtol=1e-5)


def test_coefficients_are_ridge_regressions_averaged_over_windows():
    guide, values, epsilon = generated(6, 7, 1), generated(6, 7, 2), 0.05
    x_all, y_all = np.asarray(guide), np.asarray(values)
    slope, offset = np.zeros((6, 7, 2)), np.zeros((6, 7, 2))
    for pixel, window in windows((6, 7), 1):
        x = x_all[window].reshape(-1, 1)
        y = y_all[window].reshape(-1, 2)
        a, b = x - x.mean(0), y - y.mean(0)
        slope[pixel] = (a * b).mean(0) / (np.square(a).mean() + epsilon)
        offset[pixel] = y.mean(0) - slope[pixel] * x.mean()
    expected = np.concatenate([slope, offset], -1)
    result = np.asarray(guided_coefficients(guide, values, radius=1, epsilon=epsilon))
    for pixel, window in windows((6, 7), 1):
        mean = expected[window].mean((0, 1))
        np.testing.assert_allclose(result[pixel], mean, atol=2e-5)


def test_blurred_chroma_ends_at_the_edge_of_the_guide():
    guide = np.zeros((32, 32, 1), np.float32)
    guide[:, 16:] = 1
    ramp = np.clip((np.arange(32) - 12) / 8, 0, 1).astype(np.float32)
    guide = jnp.asarray(guide)
    values = jnp.broadcast_to(ramp[None, :, None], (32, 32, 1))
    slope, offset = np.split(np.asarray(guided_coefficients(guide, values)), 2, -1)
    filtered = (slope * guide + offset)[16, :, 0]
    assert filtered[16] - filtered[15] > 4 * (ramp[16] - ramp[15])
    assert np.abs(np.delete(np.diff(filtered), 15)).max() < 0.05
