"""The diffusion restorer: its variables, its condition and its prediction."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_diffusion import TINY, random_model
from small_restorer import gray_image
from support import refuses

import inr
from inr import color
from inr.colorization import DiffusionRestorer
from inr.models import load_model, save_model


@pytest.fixture(scope="module")
def residual():
    return random_model(diffused="residual", deviation=0.03)


def chroma(rgb):
    return color.rgb_to_ycbcr(rgb)[..., 1:]


def restorer_prediction(loaded, gray, points):
    """RGB of the restorer inside a diffusion restorer."""
    model, params = loaded
    restorer = model.bind(params).restorer.unbind()[0]
    inner = {"params": params["params"]["restorer"]}
    return inr.bind(restorer, inner, gray)(points)


def test_the_last_level_has_no_signal():
    assert TINY.schedule.signal[-1] == 0
    assert TINY.schedule.noise[-1] == 1


@pytest.mark.long
@pytest.mark.slow
def test_the_prediction_depends_on_all_inputs():
    model, params = random_model()
    field = inr.bind(model, params, gray_image())
    point, x = jnp.array([0.1, -0.2]), jnp.array([0.3, 0.4])

    def v(point=point, x=x, t=400, field=field):
        return np.asarray(field(point, x, jnp.asarray(t)))

    changed = (
        v(point + jnp.array([0.2, 0.0])),
        v(point + jnp.array([0.0, 0.2])),
        v(x=x + 1),
        v(t=40),
        v(field=inr.bind(model, params, 1 - gray_image())),
    )
    for prediction in changed:
        assert np.abs(prediction - v()).max() > 1e-4


@pytest.mark.long
@pytest.mark.slow
def test_mean_chroma_replaces_the_prediction_of_the_restorer(residual):
    gray = gray_image(16, 12)
    points = inr.coords.grid((16, 12))
    module = residual.model.bind(residual.params)
    mean_chroma = chroma(restorer_prediction(residual, gray, points))
    maps, maps_of_mean = module.encode(gray), module.encode(gray, mean_chroma)
    np.testing.assert_allclose(maps.features, maps_of_mean.features, atol=1e-5)
    mean_a, condition_a = module.condition(points, maps)
    mean_b, condition_b = module.condition(points, maps, mean_chroma)
    np.testing.assert_allclose(mean_a[..., 1:], mean_b[..., 1:], atol=1e-5)
    np.testing.assert_allclose(condition_a, condition_b, atol=1e-5)
    other = module.encode(gray, mean_chroma + 0.1)
    assert np.abs(other.features - maps.features).max() > 1e-3


def test_the_diffused_residual_is_the_difference_from_the_mean(residual):
    model = residual.model
    rgb, mean = np.random.default_rng(0).random((2, 5, 3), np.float32)
    x0 = model.to_x0(jnp.asarray(rgb), jnp.asarray(mean))
    np.testing.assert_allclose(0.03 * x0, chroma(rgb) - mean[..., 1:], atol=1e-6)
    result = model.to_rgb(x0, jnp.asarray(mean))
    np.testing.assert_allclose(chroma(result), chroma(rgb), atol=1e-6)
    np.testing.assert_allclose(color.rgb_to_luma(result), mean[..., :1], atol=1e-6)


def test_diffused_rgb_is_centered_at_mid_gray():
    model = TINY.clone(diffused="rgb", deviation=0.25)
    assert model.channels == 3
    rgb = np.random.default_rng(0).random((5, 3), np.float32)
    x0 = model.to_x0(jnp.asarray(rgb), jnp.asarray(rgb))
    np.testing.assert_allclose(x0, 4 * rgb - 2, atol=1e-6)
    np.testing.assert_allclose(model.to_rgb(x0, x0), rgb, atol=1e-6)


@pytest.mark.long
@pytest.mark.slow
def test_a_file_round_trip(tmp_path):
    loaded = random_model()
    path = tmp_path / "diffusion.safetensors"
    save_model(path, *loaded)
    model, params = load_model(path)
    assert model == TINY
    for a, b in zip(*map(jax.tree.leaves, (params, loaded.params)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)
    samples = inr.colorize_samples(jax.random.key(1), gray_image(), model=path)
    assert samples.shape == (4, 16, 20, 3)


def test_unknown_choices_are_refused():
    with refuses("`diffused` must be"):
        DiffusionRestorer(diffused="lab")
    with refuses("`predicts` must be"):
        DiffusionRestorer(predicts="flow")
    with refuses("`space` must be"):
        DiffusionRestorer(space="hsv")
