"""Fits of sound."""

import jax
import numpy as np
import pytest
from support import count_compilations, refuses

import inr

MODEL = inr.Siren(features=2, width=32, depth=1, omega=40.0)


def chord(t):
    """Two channels of three sines, loudest 3: not of unit amplitude."""
    left = 2 * np.sin(25 * t + 1) + np.sin(40 * t)
    return np.stack([left, 0.5 * np.cos(33 * t)], -1).astype(np.float32)


def centers(n):
    return (2 * np.arange(n) + 1) / n - 1


def fit(samples, model=MODEL, **options):
    options = {"num_steps": 600, "batch_size": 256, "progress": False, **options}
    return inr.fit_audio(jax.random.key(0), samples, model=model, **options)


@pytest.mark.slow
def test_between_the_samples_the_field_is_the_sound_that_was_sampled():
    result = fit(chord(centers(400)), optimizer=2e-3)
    prediction = inr.render(result.field, (1600,))
    error = np.abs(prediction - chord(centers(1600)))[20:-20]
    assert error.max() < 0.05
    assert result.status == "finished"
    assert result.history[-1] < 1e-3


@pytest.mark.slow
def test_loudness_does_not_change_the_fit():
    loud = chord(centers(100))
    a, b = (fit(loud * scale, num_steps=20) for scale in (1.0, 2.0**-8))
    np.testing.assert_allclose(b.history, a.history, rtol=1e-4)
    first = inr.render(fit(loud, optimizer=1e-30, num_steps=1).field, (100,))
    error = np.mean(np.square((first - loud) / np.abs(loud).max()))
    np.testing.assert_allclose(a.history[0], error, rtol=0.2)


@pytest.mark.slow
def test_one_channel_needs_no_axis():
    mono = chord(centers(50))[:, 0]
    model = MODEL.clone(features=1)
    a, b = (fit(x, model, num_steps=5) for x in (mono, mono[:, None]))
    np.testing.assert_array_equal(a.history, b.history)


@pytest.mark.slow
def test_without_a_model_it_is_a_siren_of_the_sounds_frequency():
    samples = chord(centers(64))
    result = fit(samples, model=None, num_steps=2)
    omega = 2 * inr.suggest_omega(samples)
    assert result.field.model == inr.Siren(features=2, width=128, omega=omega)


@pytest.mark.slow
def test_it_continues_from_parameters_and_from_a_checkpoint(tmp_path):
    samples = chord(centers(200))
    options = {"num_steps": 80, "optimizer": 1e-3}
    complete = fit(samples, **options)
    after = fit(samples, num_steps=1, init=complete.params)
    assert after.history[0] < 0.5 * complete.history[0]
    folder = tmp_path / "fit"
    early = float(complete.history[9])
    fit(samples, checkpoint=folder, target_loss=early, **options)
    resumed = fit(samples, checkpoint=folder, **options)
    np.testing.assert_array_equal(resumed.history, complete.history)


@pytest.mark.slow
def test_the_first_layer_of_high_frequency_moves_in_smaller_steps():
    """Adam's first step is its rate, a tenth of the peak, whatever the gradient."""
    model = MODEL.clone(omega=3000.0)
    options = {"num_steps": 1, "batch_size": 100}
    before = fit(chord(centers(100)), model, optimizer=1e-30, **options).params
    after = fit(chord(centers(100)), model, **options).params
    step = {
        name: float(np.abs(layer["kernel"] - before["params"][name]["kernel"]).max())
        for name, layer in after["params"].items()
    }
    rate = model.default_learning_rate / 20
    np.testing.assert_allclose(step["sine_0"], 0.1 * 0.3 / 3000, rtol=0.02)
    np.testing.assert_allclose([step["sine_1"], step["linear"]], 0.1 * rate, rtol=0.02)


@pytest.mark.slow
def test_a_second_clip_of_the_same_length_compiles_nothing():
    fit(chord(centers(64)), num_steps=3)
    with count_compilations() as count:
        fit(chord(centers(64)) ** 2, num_steps=4)
    assert count() == 0


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((0, 2), np.float32), "non-empty"),
        (np.zeros((4, 2), np.int16), "Divide by 32768"),
        (np.zeros((4, 2, 1), np.float32), r"\[n, channels\]"),
        (np.full((4, 2), np.nan, np.float32), "finite"),
        (np.zeros((4, 1), np.float32), "features=1"),
        (np.zeros((2**22 + 1, 2), np.float32), "in pieces"),
    ],
)
def test_bad_samples_are_refused(samples, message):
    with refuses(message):
        fit(samples)
