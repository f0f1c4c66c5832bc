"""Samples of colors. Their quality is measured by a benchmark."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_diffusion import TINY, random_model, zero_prediction
from small_restorer import SMALL, gray_image
from support import refuses

import inr
from inr import color, diffusion
from inr.colorization import PRESETS, sampled_colorization_field
from inr.models import LoadedModel

SCHEDULE = TINY.schedule
DDIM = diffusion.ddim(num_steps=4)
STOCHASTIC = diffusion.ddim(num_steps=4, eta=1.0)
KEY = jax.random.key(1)


@pytest.fixture(scope="module")
def tiny():
    return random_model()


def sample(loaded, gray, *, key=KEY, size=None, region=None, **options):
    """One sample, without an upscaler."""
    options = {"sampler": DDIM, "detail": None, **options}
    field = sampled_colorization_field(key, gray, model=loaded, **options)
    return inr.render(field, size or gray.shape[:2], region=region, progress=False)


def test_a_perfect_denoiser_samples_the_data():
    """With v of a known x0 at every level, every sampler ends there."""
    x0 = jnp.array([[0.7, -1.2]])
    for eta in (0.0, 1.0):

        def denoiser(x, t):
            a, s = (jnp.asarray(z)[t] for z in (SCHEDULE.signal, SCHEDULE.noise))
            eps = (x - a * x0) / s
            return a * eps - s * x0

        result = diffusion.sample(
            jax.random.key(0),
            denoiser,
            jnp.array([[3.0, -2.0]]),
            schedule=SCHEDULE,
            sampler=diffusion.ddim(num_steps=8, eta=eta),
            predicts="v",
        )
        np.testing.assert_allclose(result, x0, atol=1e-4)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("sampler", [DDIM, STOCHASTIC])
def test_a_sample_is_the_same_in_every_size_and_region(tiny, sampler):
    options = {"sampler": sampler}
    image = sample(tiny, gray_image(), size=(40, 40), **options)
    region = ((0.25, 0.5), (0.75, 0.75))
    part = sample(tiny, gray_image(), size=(20, 10), region=region, **options)
    np.testing.assert_allclose(part, image[10:30, 20:30], atol=2e-4)
    field = sampled_colorization_field(KEY, gray_image(), model=tiny, **options)
    points = inr.coords.grid((40, 40))[7, 3:6]
    np.testing.assert_allclose(field(points), image[7, 3:6], atol=2e-4)


@pytest.mark.long
@pytest.mark.slow
def test_a_small_image_has_the_luma_of_the_restorer(tiny):
    restorer = LoadedModel(SMALL, {"params": tiny.params["params"]["restorer"]})
    gray, size = gray_image(12, 12), (24, 24)
    mean = inr.colorize(gray, size=size, model=restorer, detail=None)
    luma = color.rgb_to_luma(sample(tiny, gray, size=size))
    np.testing.assert_allclose(luma, color.rgb_to_luma(mean), atol=1e-5)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("length_scale", [0.3, np.inf])
def test_a_sample_starts_from_a_noise_field(tiny, length_scale):
    """A prediction of 0 keeps a known part of it: x0 = a x - s v = a x at the end."""
    flat = np.full((16, 16, 1), 0.5, np.float32)
    rgb = sample(zero_prediction(tiny), flat, length_scale=length_scale)
    x0 = np.asarray(color.rgb_to_ycbcr(rgb)[..., 1:]) / TINY.deviation
    grid = inr.coords.grid((16, 16))
    noise = diffusion.field_noise(grid, features=2, length_scale=length_scale)
    x = np.asarray(noise(jax.random.split(KEY)[0]))
    if length_scale == np.inf:
        assert np.ptp(x, axis=(0, 1)).max() < 1e-6
    levels = diffusion.spaced_levels(len(SCHEDULE), 4, spacing="trailing")[::-1]
    a, s = (np.asarray(z)[levels] for z in (SCHEDULE.signal, SCHEDULE.noise))
    for i in range(3):  # DDIM's equation with v = 0: x0 = a x, eps = s x
        x = a[i + 1] * (a[i] * x) + s[i + 1] * (s[i] * x)
    np.testing.assert_allclose(x0, a[3] * x, atol=1e-4)


@pytest.mark.long
@pytest.mark.slow
def test_guidance_is_linear_in_its_scale(tiny):
    guided = LoadedModel(TINY.clone(dropout=0.1), tiny.params)
    plain = sample(tiny, gray_image())
    same = sample(guided, gray_image(), guidance_scale=1.0)
    np.testing.assert_allclose(same, plain, atol=1e-5)
    # Guidance is linear in the prediction, so one step is linear in the scale.
    options = {"sampler": diffusion.ddim(num_steps=1)}
    zero, one, two = (
        np.asarray(sample(guided, gray_image(), guidance_scale=scale, **options))
        for scale in (0.0, 1.0, 2.0)
    )
    assert np.abs(one - zero).max() > 1e-4
    np.testing.assert_allclose(two - one, one - zero, atol=1e-5)
    with refuses("`guidance_scale` must be None for this model, got 2.0"):
        sample(tiny, gray_image(), guidance_scale=2.0)


@pytest.mark.long
@pytest.mark.slow
def test_a_residual_of_zero_is_the_prediction_of_the_restorer():
    loaded = random_model(diffused="residual", deviation=0.03)
    restorer = LoadedModel(SMALL, {"params": loaded.params["params"]["restorer"]})
    one_step = diffusion.ddim(num_steps=1)  # with a prediction of 0, x0 = -v = 0
    gray = gray_image(30, 24)
    rgb = sample(zero_prediction(loaded), gray, sampler=one_step)
    expected = inr.colorize(gray, model=restorer, progress=False)
    np.testing.assert_allclose(rgb, expected, atol=1e-5)


@pytest.mark.long
@pytest.mark.slow
def test_samples_of_rgb_change_luma():
    loaded = random_model(diffused="rgb", deviation=0.25)
    rgb = sample(loaded, gray_image(30, 24))
    assert rgb.shape == (30, 24, 3)
    assert np.abs(color.rgb_to_luma(rgb) - gray_image(30, 24)).max() > 0.01
    # At the start a = 0, so that v = 0 gives x0 = 0.
    one_step = diffusion.ddim(num_steps=1)
    rgb = sample(zero_prediction(loaded), gray_image(), sampler=one_step)
    np.testing.assert_allclose(rgb, 0.5, atol=1e-5)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("predicts", ["x0", "eps"])
def test_samples_with_other_predictions_are_finite(predicts):
    loaded = random_model(predicts=predicts)
    assert (loaded.model.schedule.signal[-1] == 0) == (predicts == "x0")
    assert np.isfinite(sample(loaded, gray_image())).all()


@pytest.mark.parametrize(
    ("name", "num_steps"), [("ddpm", 100), ("projected_fast", 15), ("default", 8)]
)
def test_the_steps_of_presets(name, num_steps):
    rows = PRESETS[name]["sampler"].table(SCHEDULE)
    assert len(rows.level) == num_steps
    assert int(np.max(rows.level)) == len(SCHEDULE) - 1


@pytest.mark.long
@pytest.mark.slow
def test_presets_are_options_of_colorize_samples(tiny):
    options = {"num_samples": 1, "model": tiny}
    (image,) = inr.colorize_samples(
        KEY, gray_image(), **options, **PRESETS["projected_fast"]
    )
    assert image.shape == (16, 20, 3)
    without_hooks = {**PRESETS["projected_fast"], "hooks": None}
    (other,) = inr.colorize_samples(KEY, gray_image(), **options, **without_hooks)
    assert np.abs(image - other).max() > 1e-4


def test_a_length_scale_of_zero_is_refused(tiny):
    with refuses("`length_scale`"):
        sample(tiny, gray_image(), length_scale=0.0)
