"""What a restorer's numbers for a color mean, in each of its spaces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL, noisy, picture
from support import refuses

import inr
from inr import color, coords
from inr.restoration import load_model, save_model
from inr.restoration.spaces import AB_SCALE, SPACES, to_rgb

DRAW = np.random.default_rng(0)
LUMA = jnp.asarray(DRAW.uniform(0.2, 0.8, (50, 1)), jnp.float32)
SAID = jnp.asarray(DRAW.uniform(-0.1, 0.1, (50, 3)), jnp.float32)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("space", SPACES)
def test_zeros_are_gray(space, exact):
    made = to_rgb(space, LUMA, jnp.zeros((50, 3)), exact)
    # The standard's white of Lab has five digits.
    np.testing.assert_allclose(made, np.repeat(LUMA, 3, -1), atol=5e-5)


def test_the_spaces_by_their_definitions():
    from skimage import color as peer

    ycc = np.concatenate([LUMA + SAID[:, :1], SAID[:, 1:]], -1)
    expected = color.ycbcr_to_rgb(ycc)
    np.testing.assert_allclose(to_rgb("ycbcr", LUMA, SAID, False), expected, atol=1e-6)
    np.testing.assert_allclose(to_rgb("rgb", LUMA, SAID, False), LUMA + SAID, atol=1e-6)
    # Of Lab only the chroma is taken: luma is what it is said to be.
    gray = np.repeat(np.asarray(LUMA + SAID[:, :1]), 3, -1)
    lab = peer.rgb2lab(gray[None])[0]
    lab[:, 1:] = AB_SCALE * SAID[:, 1:]
    chroma = color.rgb_to_ycbcr(peer.lab2rgb(lab[None])[0].astype(np.float32))[:, 1:]
    made = color.rgb_to_ycbcr(to_rgb("lab", LUMA, SAID, False))
    np.testing.assert_allclose(made[:, 1:], chroma, atol=1e-3)
    np.testing.assert_allclose(made[:, :1], LUMA + SAID[:, :1], atol=1e-5)


@pytest.mark.parametrize("space", SPACES)
def test_where_luma_is_exact_it_stays(space):
    exact, free = (to_rgb(space, LUMA, SAID, x) for x in (True, False))
    np.testing.assert_allclose(color.rgb_to_luma(exact), LUMA, atol=1e-5)
    assert np.abs(color.rgb_to_luma(free) - LUMA).max() > 0.01
    assert np.abs(color.rgb_to_ycbcr(exact)[:, 1:]).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES)
def test_a_restorer_in_each_space(space, tmp_path):
    model = SMALL.clone(space=space)
    params = noisy(model)
    points = coords.random_points(jax.random.key(0), 20)
    field = inr.bind(model, params, picture())
    gradient = jax.grad(
        lambda p: jnp.square(model.apply(p, points, picture()) - 0.3).mean()
    )(params)
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
        assert np.any(leaf)
    path = tmp_path / "model.safetensors"
    save_model(path, model, params)
    known = load_model(path)
    assert known.model.space == space
    again = inr.bind(*known, picture())(points)
    np.testing.assert_allclose(again, field(points), atol=0.02)


@pytest.mark.slow
def test_features_may_come_from_elsewhere():
    params, points = noisy(), coords.random_points(jax.random.key(0), 20)
    maps = SMALL.apply(params, picture(), method="encode")
    plain = SMALL.apply(params, points, maps)
    np.testing.assert_array_equal(SMALL.apply(params, points, maps, points), plain)
    other = SMALL.apply(params, points, maps, 0.9 * points)
    assert np.abs(other - plain).max() > 1e-4
    # What is alike everywhere is that, wherever it is read.
    flat = maps._replace(features=0 * maps.features + 0.3)
    here, there = (SMALL.apply(params, points, flat, s * points) for s in (1, 0.9))
    np.testing.assert_allclose(here, there, atol=1e-6)


def test_another_space_is_refused():
    with refuses("`space` must be one of"):
        SMALL.clone(space="hsv")
