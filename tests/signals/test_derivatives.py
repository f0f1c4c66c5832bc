"""Fits of images from their derivatives."""

import numpy as np
import pytest
from support import count_compilations, refuses

import inr
from inr import coords, poisson, signals

MODEL = inr.Siren(features=2, width=32, depth=2, omega=8.0)


def smooth_image(size):
    y, x = np.moveaxis(np.asarray(coords.grid(size)), -1, 0)
    return np.stack(
        [0.5 + 0.3 * np.sin(3 * y + x), 0.4 + 0.2 * np.cos(2 * x) * y], -1
    ).astype(np.float32)


@pytest.mark.long
@pytest.mark.slow
def test_a_gradient_alone_determines_the_image(key):
    image = smooth_image((24, 16))
    mean = image.mean((0, 1))
    guidance = poisson.grid_gradient(image)
    result = signals.fit_gradient(
        key, guidance, model=MODEL, mean=mean, num_steps=400, progress=False
    )
    rendered = inr.render(result.field, (24, 16), progress=False)
    np.testing.assert_allclose(np.mean(rendered, (0, 1)), mean, atol=1e-5)
    assert inr.psnr(np.clip(rendered, 0, 1), image) > 45
    assert result.history[-1] < 1e-3 * result.history[0]


@pytest.mark.long
@pytest.mark.slow
def test_a_laplacian_and_the_border_determine_the_image(key):
    image = smooth_image((20, 20))
    laplacian = poisson.grid_laplacian(image)
    border = image.copy()
    border[1:-1, 1:-1] = np.nan  # only the border may be read
    result = signals.fit_laplacian(
        key, laplacian, border, model=MODEL, num_steps=600, progress=False
    )
    rendered = inr.render(result.field, (20, 20), progress=False)
    assert inr.psnr(np.clip(rendered, 0, 1), image) > 40


@pytest.mark.long
@pytest.mark.slow
def test_without_a_model_they_are_sirens_of_the_images_frequency(key):
    image = smooth_image((12, 16))
    options = {"num_steps": 2, "progress": False}
    gradient = signals.fit_gradient(key, poisson.grid_gradient(image), **options)
    laplacian = poisson.grid_laplacian(image)
    harmonic = signals.fit_laplacian(key, laplacian, image, **options)
    for result in (gradient, harmonic):
        assert isinstance(result.field.model, inr.Siren)
        assert result.field.model.features == 2
    expected = inr.suggest_omega(image)
    np.testing.assert_allclose(gradient.field.model.omega, expected, rtol=1e-3)


@pytest.mark.long
@pytest.mark.slow
def test_a_second_fit_compiles_nothing(key):
    guidance = np.asarray(poisson.grid_gradient(smooth_image((8, 8))))
    options = {"num_steps": 3, "progress": False}
    signals.fit_gradient(key, guidance, model=MODEL, **options)
    with count_compilations() as number:
        signals.fit_gradient(key, 2 * guidance, model=MODEL, **options)
    assert number() == 0


def test_bad_input_is_refused(key):
    guidance = poisson.grid_gradient(smooth_image((6, 6)))
    with refuses("`model` must be one with features=2, got features=3"):
        signals.fit_gradient(key, guidance, model=inr.Siren(features=3))
    with refuses("`mean` must be finite"):
        signals.fit_gradient(key, guidance, mean=np.nan)
    with refuses("`key` must be a PRNG key", TypeError):
        signals.fit_gradient(0, guidance)
