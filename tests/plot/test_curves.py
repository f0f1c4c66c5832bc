"""Courses of fits, and spectra."""

import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import plot

RNG = np.random.default_rng(0)


def lines(figure):
    (axis,) = figure.axes
    return [np.asarray(line.get_xydata()) for line in axis.get_lines()]


@pytest.mark.slow
def test_losses_are_drawn_over_steps(key):
    model = inr.Siren(width=2, depth=0)
    field = inr.bind(model, model.init(key, jnp.zeros((1, 2))))
    result = inr.FitResult(field, np.float32([3, 2, 1]), 3, "finished")
    figure = plot.history({"fit": result, "many": np.ones((5, 2))})
    first, *many = lines(figure)
    np.testing.assert_allclose(first[:, 1], result.history, rtol=1e-6)
    np.testing.assert_array_equal(first[:, 0], [0, 1, 2])
    assert [len(line) for line in many] == [5, 5]
    (axis,) = figure.axes
    assert axis.get_yscale() == "log"
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert labels == ["fit", "many"]


def test_a_training_has_the_curve_of_its_steps():
    history = [
        {"step": 0, "loss": 3.0},
        {"score": 9.0},
        {"step": 1, "loss": 2.0},
    ]
    result = inr.training.TrainResult({}, {}, None, history, 2, "finished")
    (line,) = lines(plot.history(result))
    np.testing.assert_array_equal(line, [[0, 3], [1, 2]])


def test_the_psnr_of_a_loss():
    (line,) = lines(plot.history([0.1, 0.01, 0.0001], quantity="psnr"))
    np.testing.assert_allclose(line[:, 1], [10, 20, 40])
    assert plot.history([1.0]).axes[0].get_legend() is None
    with refuses("`quantity` must be one of 'loss', 'psnr'"):
        plot.history([1.0], quantity="error")


def test_white_noise_has_its_variance_at_all_frequencies():
    noise = (0.5 + 0.1 * RNG.standard_normal((128, 128, 3))).astype(np.float32)
    (line,) = lines(plot.spectrum(noise))
    frequency, power = line.T
    assert frequency[-1] == 0.5
    # Ring r has 2 pi r values of 3 channels. Half of them repeat the other half, and
    # the window makes 2.25 neighbors one: a relative deviation of 1 / sqrt(4.2 r).
    deviation = 1 / np.sqrt(4.2 * np.arange(1, 65))
    assert (np.abs(power / 0.01 - 1) < 4 * deviation).all()
    np.testing.assert_allclose(power[8:].mean(), 0.01, rtol=0.02)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 96)])
def test_a_wave_has_its_power_at_its_frequency(height, width):
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * np.arange(width) / 8)
    image = np.broadcast_to(wave, (height, width)).astype(np.float32)
    (line,) = lines(plot.spectrum(image))
    assert line[line[:, 1].argmax(), 0] == 1 / 8


def test_a_field_has_the_spectrum_of_its_pixels():
    def field(points):
        return points**3

    size = (16, 24)
    both = {"field": field, "pixels": inr.render(field, size)}
    of_field, of_pixels = lines(plot.spectrum(both, size=size))
    np.testing.assert_allclose(of_field, of_pixels, rtol=1e-6)
