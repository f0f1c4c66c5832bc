"""Principal components as latents."""

import numpy as np

from inr.meta.components import principal_latents

RATE = 0.2
FEATURES = np.random.default_rng(0).normal(size=(12, 4, 2)).astype(np.float32)


def test_latents_are_coefficients_of_principal_components():
    rows = FEATURES.reshape(12, 8)
    centered = rows - rows.mean(0)
    _, _, basis = np.linalg.svd(centered.astype(np.float64), full_matrices=False)
    expected = (2 * RATE / 8) ** 0.5 * centered @ basis[:3].T
    actual = np.asarray(principal_latents(FEATURES, 3, RATE))
    # The signs of components are arbitrary.
    np.testing.assert_allclose(np.abs(actual), np.abs(expected), atol=1e-5)


def test_one_step_on_the_linear_map_of_all_components_finds_the_latent():
    rows = FEATURES.reshape(12, 8)
    latents = np.asarray(principal_latents(FEATURES, 8, RATE), np.float64)
    target = (rows - rows.mean(0)).astype(np.float64)
    linear_map = np.linalg.lstsq(latents, target, rcond=None)[0]
    gradient = -2 / 8 * target @ linear_map.T
    np.testing.assert_allclose(-RATE * gradient, latents, atol=1e-5)


def test_components_that_few_signals_do_not_have_are_zero():
    latents = np.asarray(principal_latents(FEATURES[:3], 5, RATE))
    assert latents.shape == (3, 5)
    np.testing.assert_array_equal(latents[:, 2:], 0)
    assert (np.abs(latents[:, :2]).max(0) > 0).all()
