"""A denoiser that learns from what restorers made of pictures new to them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import noisy, picture
from support import refuses

import inr
from inr import color, diffusion
from inr.restoration import (
    DiffusionRestorer,
    LoadedModel,
    Restorer,
    diffusion_loss,
    restorer_loss,
)

OWN = DiffusionRestorer(widths=(8, 12), width=16, depth=1, side=16, deviation=0.03)
GREEN = np.array([60, 140, 70], np.uint8)


@pytest.fixture(scope="module")
def own():
    inputs = jnp.zeros((1, 2)), picture(), jnp.zeros((1, 2)), jnp.zeros(())
    return LoadedModel(OWN, noisy(OWN, *inputs))


def chroma(rgb):
    return color.rgb_to_ycbcr(rgb)[..., 1:]


def made_by_restorer(own, gray, points):
    model, params = own.model, own.params["params"]
    inner = model.bind({"params": params}).restorer.unbind()[0]
    return inr.bind(inner, {"params": params["restorer"]}, gray)(points)


def beside(picture, other, count=2):
    """Crops with another picture behind, all alike."""
    pair = np.concatenate(
        [np.broadcast_to(x, (40, 40, 3)) for x in (picture, other)], -1
    )
    return np.stack([pair] * count).astype(np.uint8)


@pytest.mark.slow
def test_the_restorer_s_mean_is_what_a_guess_stands_for(own):
    gray = picture(16, 12)
    points = inr.coords.grid((16, 12))
    use = own.model.bind(own.params)
    mean = chroma(made_by_restorer(own, gray, points))
    found, given = use.encode(gray), use.encode(gray, mean)
    np.testing.assert_allclose(found.features, given.features, atol=1e-5)
    (own_mean, known), (given_mean, same) = (
        use.condition(points, found),
        use.condition(points, found, mean),
    )
    np.testing.assert_allclose(own_mean[..., 1:], given_mean[..., 1:], atol=1e-5)
    np.testing.assert_allclose(known, same, atol=1e-5)
    other = use.encode(gray, mean + 0.1)
    assert np.abs(other.features - found.features).max() > 1e-3


@pytest.mark.slow
def test_parts_and_sizes_show_the_same_draw(own):
    options = {
        "model": own, "sampler": diffusion.ddim(num_steps=4, eta=1.0),
        "key": jax.random.key(1), "progress": False,
    }  # fmt: skip
    gray = picture(40, 32)
    whole = inr.colorize(gray, **options)
    region = ((0.25, 0.5), (0.75, 0.75))
    part = inr.colorize(gray, size=(20, 8), region=region, **options)
    np.testing.assert_allclose(part, whole[10:30, 16:24], atol=2e-4)
    np.testing.assert_allclose(color.rgb_to_luma(whole), gray, atol=1e-5)


@pytest.mark.slow
def test_a_silent_denoiser_errs_by_how_far_guesses_are_off(own):
    """E v^2 = E a^2 eps^2 + s^2 x0^2 for the one x0 that all points have."""
    parts = dict(own.params["params"])
    zeros = jax.tree.map(np.zeros_like, parts["denoiser"]["v"])
    parts["denoiser"] = {**parts["denoiser"], "v": zeros}
    crops = beside(np.full(3, 120), GREEN, count=64)
    loss = jax.jit(diffusion_loss(OWN, num_points=16))
    _, found = loss({"params": parts}, jax.random.key(0), crops)
    x0 = chroma(np.full(3, 120 / 255)) - chroma(np.float32(GREEN / 255))
    share = np.asarray(OWN.schedule.alpha_bar)
    expected = np.mean(share + (1 - share) * float(np.mean(x0**2)) / 0.03**2)
    for value in found.values():
        np.testing.assert_allclose(value, expected, rtol=0.05)


@pytest.mark.slow
def test_what_learns_is_its_own(own):
    loss = diffusion_loss(OWN, num_points=16)
    crops = beside(np.full(3, 120), GREEN)
    gradient = jax.jit(jax.grad(loss, has_aux=True))(
        own.params, jax.random.key(0), crops
    )[0]["params"]
    assert not any(np.any(x) for x in jax.tree.leaves(gradient["restorer"]))
    for name in ("encoder", "known", "denoiser"):
        assert np.any(jax.tree.leaves(gradient[name])[0])


def test_guesses_are_refused_where_nothing_takes_them():
    restorer = Restorer(widths=(8, 12), width=16, depth=1, side=16)
    with refuses("`crops` must be .* Only a `DiffusionRestorer`"):
        restorer_loss(restorer)({}, jax.random.key(0), beside(GREEN, GREEN))
