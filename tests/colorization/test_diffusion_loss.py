"""The loss of a diffusion restorer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_diffusion import TINY, random_model, zero_prediction
from support import refuses

from inr import color
from inr.colorization import diffusion_loss

GREEN = np.array([60, 140, 70], np.uint8)
GRAY = np.full(3, 120, np.uint8)


@pytest.fixture(scope="module")
def tiny():
    return random_model()


@pytest.fixture(scope="module")
def residual():
    return random_model(diffused="residual", deviation=0.03)


def crops():
    return np.random.default_rng(0).integers(0, 255, (2, 40, 40, 3), np.uint8)


def flat_crops(count, *colors):
    """Equal crops `[count, 40, 40, 3 n]` of n colors."""
    channels = np.concatenate(colors).astype(np.uint8)
    return np.broadcast_to(channels, (count, 40, 40, len(channels)))


@pytest.mark.long
@pytest.mark.slow
def test_a_prediction_of_zero_errs_by_its_target(tiny):
    """E v^2 = a^2 + s^2 E x0^2, where x0 is 0 for gray."""
    loss = jax.jit(diffusion_loss(TINY, num_points=16))
    params = zero_prediction(tiny).params
    value, parts = loss(params, jax.random.key(0), flat_crops(64, GRAY))
    assert set(parts) == {"restored", "colorized"}
    np.testing.assert_allclose(value, parts["restored"] + parts["colorized"], rtol=1e-5)
    expected = np.mean(TINY.schedule.alpha_bar)
    np.testing.assert_allclose(parts["colorized"], expected, rtol=0.1)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("predicts", ["x0", "eps"])
def test_other_predictions_of_zero_err_by_their_targets(predicts):
    """E x0^2, which is 0 for gray, or E eps^2 = 1."""
    loaded = zero_prediction(random_model(predicts=predicts))
    loss = jax.jit(diffusion_loss(loaded.model, num_points=16))
    _, parts = loss(loaded.params, jax.random.key(0), flat_crops(16, GRAY))
    expected = {"x0": 0.0, "eps": 1.0}[predicts]
    np.testing.assert_allclose(parts["colorized"], expected, atol=0.08)


@pytest.mark.slow
def test_predictions_of_another_restorer_are_the_mean(residual):
    """E v^2 = E a^2 eps^2 + s^2 x0^2, with the same x0 at all points."""
    params = zero_prediction(residual).params
    pairs = flat_crops(64, GRAY, GREEN)
    loss = jax.jit(diffusion_loss(residual.model, num_points=16))
    _, parts = loss(params, jax.random.key(0), pairs)
    chroma = [color.rgb_to_ycbcr(np.float32(x / 255))[..., 1:] for x in (GRAY, GREEN)]
    x0 = (chroma[0] - chroma[1]) / 0.03
    alpha_bar = np.asarray(residual.model.schedule.alpha_bar)
    expected = np.mean(alpha_bar + (1 - alpha_bar) * float(np.mean(x0**2)))
    for value in parts.values():
        np.testing.assert_allclose(value, expected, rtol=0.05)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("with_predictions", [False, True])
def test_the_restorer_gets_no_gradient(residual, with_predictions):
    loss = diffusion_loss(residual.model, num_points=16)
    images = flat_crops(2, GRAY, GREEN) if with_predictions else crops()
    gradient = jax.jit(jax.grad(loss, has_aux=True))
    gradient = gradient(residual.params, jax.random.key(0), images)[0]["params"]
    assert not any(np.any(x) for x in jax.tree.leaves(gradient["restorer"]))
    for name in ("encoder", "point_condition", "denoiser"):
        leaves = jax.tree.leaves(gradient[name])
        assert np.any(leaves[0])
        assert with_predictions or all(np.abs(x).max() > 0 for x in leaves)


@pytest.mark.long
@pytest.mark.slow
def test_full_dropout_hides_the_condition():
    loaded = random_model(dropout=1.0)
    loss = diffusion_loss(loaded.model, num_points=16)
    gradient = jax.jit(jax.grad(loss, has_aux=True))
    gradient = gradient(loaded.params, jax.random.key(0), crops())[0]["params"]
    assert not any(np.any(x) for x in jax.tree.leaves(gradient["point_condition"]))
    assert np.any(gradient["denoiser"]["v"]["kernel"])


def test_bad_input_is_refused(tiny):
    with refuses("`num_points`"):
        diffusion_loss(TINY, num_points=0)
    loss = diffusion_loss(TINY, num_points=15)
    with refuses("`num_points` must be a square number"):
        loss(tiny.params, jax.random.key(0), jnp.asarray(crops()))
