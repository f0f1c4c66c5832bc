"""What a colorizer of hypercolumns learns from."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

from inr import _vgg16, color
from inr.colorization import (
    HypercolumnColorizer,
    HypercolumnSamples,
    hypercolumn_samples,
    init_hypercolumns,
    perceptron_inputs,
)
from inr.colorization.hypercolumn import hypercolumns

MODEL = HypercolumnColorizer(components=(2, 3, 4, 5, 6), width=8, heads=2, bins=6)
WIDTHS = (64, 128, 256, 512, 512)


def random_samples(b=2, n=30):
    generator = np.random.default_rng(0)
    return HypercolumnSamples(
        generator.normal(size=(b, n, 1472)).astype(np.float16) ** 2,
        generator.normal(size=(b, 1472)).astype(np.float16) ** 2,
        generator.normal(0, 0.1, (b, n, 2)).astype(np.float32),
    )


def assert_equal_but_for_signs(components, expected, *, atol):
    np.testing.assert_allclose(np.abs(components), np.abs(expected), 0.02, atol)


@pytest.mark.slow
def test_samples_are_hypercolumns_and_mean_colors_of_cells(key, monkeypatch):
    """All cells of images that are neither cropped nor changed."""
    module = importlib.import_module("inr.colorization.hypercolumn_samples")
    monkeypatch.setattr(module, "_CONTRASTS", (1.0, 1.0))
    monkeypatch.setattr(module, "_BRIGHTNESS", 0.0)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    samples = hypercolumn_samples(key, images, num_points=64, side=32)
    ycbcr = np.asarray(color.rgb_to_ycbcr(images / np.float32(255)))
    for i in range(2):
        layers = _vgg16.pretrained_layers()
        rows = hypercolumns(layers, jnp.asarray(ycbcr[i, ..., :1])).reshape(64, -1)
        chroma = ycbcr[i, ..., 1:].reshape(8, 4, 8, 4, 2).mean((1, 3)).reshape(64, 2)
        np.testing.assert_allclose(samples.means[i], rows.mean(0), rtol=1e-2, atol=2e-2)
        # The cells come in another order; their colors tell which they are.
        order = [
            np.abs(chroma - c).sum(1).argmin() for c in np.asarray(samples.chroma[i])
        ]
        assert sorted(order) == list(range(64))
        np.testing.assert_allclose(samples.chroma[i], chroma[order], atol=1e-5)
        np.testing.assert_allclose(
            samples.features[i], rows[np.asarray(order)], rtol=1e-2, atol=2e-2
        )


@pytest.mark.slow
def test_contrast_changes_features_and_no_color(key):
    gray_ramp = np.linspace(0.3, 0.6, 32 * 32).reshape(1, 32, 32, 1)
    image = np.float32(color.ycbcr_to_rgb(np.pad(gray_ramp, [(0, 0)] * 3 + [(0, 2)])))
    image = np.clip(image + np.float32([0.1, 0, -0.1]), 0, 1)
    samples = [
        hypercolumn_samples(k, image, num_points=64, side=32)
        for k in jax.random.split(key)
    ]
    chroma = np.asarray(color.rgb_to_ycbcr(image))[0, 0, 0, 1:]
    for s in samples:
        expected = np.broadcast_to(chroma, (1, 64, 2))
        np.testing.assert_allclose(s.chroma, expected, atol=1e-5)
    assert np.abs(samples[0].means - samples[1].means).max() > 0.05


@pytest.mark.slow
def test_components_are_principal_and_inputs_have_those_of_the_mean(key):
    samples = random_samples()
    params = init_hypercolumns(key, MODEL, samples)
    inputs = np.asarray(perceptron_inputs(MODEL, params, samples), np.float64)
    assert inputs.shape == (2, 30, 2 * 20)
    rows = np.asarray(samples.features, np.float64).reshape(60, -1)
    starts, first = np.cumsum((0, *WIDTHS)), np.cumsum((0, *MODEL.components))
    for i, count in enumerate(MODEL.components):
        stage = rows[:, starts[i] : starts[i + 1]]
        centered = stage - stage.mean(0)
        _, singular, vectors = np.linalg.svd(centered, full_matrices=False)
        std = singular[:count] / np.sqrt(59)
        expected = centered @ vectors[:count].T / np.sqrt(std)
        result = inputs[..., first[i] : first[i + 1]].reshape(60, count)
        assert_equal_but_for_signs(result, expected, atol=0.03)
        of_means = np.asarray(samples.means, np.float64)[:, starts[i] : starts[i + 1]]
        expected = (of_means - stage.mean(0)) @ vectors[:count].T / np.sqrt(std)
        result = inputs[..., 20 + first[i] : 20 + first[i + 1]]
        assert_equal_but_for_signs(result[:, 0], expected, atol=0.05)
        np.testing.assert_array_equal(result[:, 0], result[:, -1])


@pytest.mark.slow
def test_bins_and_frequencies_are_those_of_the_colors(key):
    samples = random_samples()
    centers = np.float32(
        [[i / 10 - 0.2, j / 5 - 0.1] for i in range(3) for j in (0, 1)]
    )
    counts = [5, 15, 10, 10, 12, 8]
    chroma = np.repeat(centers, counts, 0).reshape(2, 30, 2)
    params = init_hypercolumns(key, MODEL, samples._replace(chroma=chroma))["params"]
    colors = np.asarray(params["colors"])
    nearest = [np.abs(colors - c).sum(1).argmin() for c in centers]
    assert sorted(nearest) == list(range(6))
    nearest = np.asarray(nearest)
    np.testing.assert_allclose(colors[nearest], centers, atol=1e-5)
    frequencies = np.exp(params["log_prior"])[nearest]
    np.testing.assert_allclose(frequencies, np.asarray(counts) / 60, atol=1e-4)


def test_too_few_points_are_refused(key):
    with refuses("`samples` must be at least 7 points, got 6"):
        init_hypercolumns(key, MODEL, random_samples(2, 3))
