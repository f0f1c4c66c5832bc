"""Meaning of a decoder's output in each color space."""

import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL
from support import refuses

from inr import color
from inr.colorization.spaces import AB_SCALE, to_rgb

SPACES = ("ycbcr", "lab", "rgb")
GENERATOR = np.random.default_rng(0)
LUMA = jnp.asarray(GENERATOR.uniform(0.2, 0.8, (50, 1)), jnp.float32)
OUTPUT = jnp.asarray(GENERATOR.uniform(-0.1, 0.1, (50, 3)), jnp.float32)


@pytest.mark.parametrize("exact_luma", [False, True])
@pytest.mark.parametrize("space", SPACES)
def test_zeros_are_gray(space, exact_luma):
    rgb = to_rgb(space, LUMA, jnp.zeros((50, 3)), exact_luma)
    # The standard's white of Lab has five digits.
    np.testing.assert_allclose(rgb, np.repeat(LUMA, 3, -1), atol=5e-5)


def test_the_definition_of_each_space():
    from skimage import color as peer

    ycc = np.concatenate([LUMA + OUTPUT[:, :1], OUTPUT[:, 1:]], -1)
    expected = color.ycbcr_to_rgb(ycc)
    rgb = to_rgb("ycbcr", LUMA, OUTPUT, False)
    np.testing.assert_allclose(rgb, expected, atol=1e-6)
    rgb = to_rgb("rgb", LUMA, OUTPUT, False)
    np.testing.assert_allclose(rgb, LUMA + OUTPUT, atol=1e-6)
    # Lab sets the chroma only; luma is the predicted one.
    gray = np.repeat(np.asarray(LUMA + OUTPUT[:, :1]), 3, -1)
    lab = peer.rgb2lab(gray[None])[0]
    lab[:, 1:] = AB_SCALE * OUTPUT[:, 1:]
    expected = color.rgb_to_ycbcr(peer.lab2rgb(lab[None])[0].astype(np.float32))
    ycc = color.rgb_to_ycbcr(to_rgb("lab", LUMA, OUTPUT, False))
    np.testing.assert_allclose(ycc[:, 1:], expected[:, 1:], atol=1e-3)
    np.testing.assert_allclose(ycc[:, :1], LUMA + OUTPUT[:, :1], atol=1e-5)


@pytest.mark.parametrize("space", SPACES)
def test_exact_luma_is_the_luma_of_the_result(space):
    exact, free = (to_rgb(space, LUMA, OUTPUT, x) for x in (True, False))
    np.testing.assert_allclose(color.rgb_to_luma(exact), LUMA, atol=1e-5)
    assert np.abs(color.rgb_to_luma(free) - LUMA).max() > 0.01
    assert np.abs(color.rgb_to_ycbcr(exact)[:, 1:]).max() > 0.01


def test_an_unknown_space_is_refused():
    with refuses("`space` must be one of"):
        SMALL.clone(space="hsv")
