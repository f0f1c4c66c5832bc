"""The weights that come with the library."""

import hashlib
import re

import jax
import numpy as np
import pytest
from support import refuses

import inr
from inr import color, pretrained
from inr.training import reduce_images


@pytest.mark.parametrize("name", pretrained.names())
def test_weights_are_those_of_their_card(name):
    data = pretrained.file(name).read_bytes()
    limits = {"photos": 16, "portraits_diffusion": 8, "textures": 5}  # MiB
    assert len(data) <= limits.get(name, 4) * 2**20
    assert hashlib.sha256(data).hexdigest() in pretrained.card(name)
    assert re.search(r"inr_format.{0,20}1", data[:2000].decode("latin-1"))


def test_portraits_colors_a_face_and_keeps_its_luma():
    data = pytest.importorskip("skimage.data")
    head = data.astronaut()[:256, 96:352].astype(np.float32) / 255
    gray = color.rgb_to_luma(head)
    rgb = inr.colorize(gray, model="portraits")
    np.testing.assert_allclose(color.rgb_to_luma(rgb), gray, atol=1e-5)
    face = np.s_[60:150, 95:165]
    chroma, expected = (color.rgb_to_ycbcr(x)[face][..., 1:] for x in (rgb, head))
    assert np.square(chroma - expected).mean() < 0.5 * np.square(expected).mean()


@pytest.mark.parametrize("scale", [2, 3])
def test_upscale_is_better_than_interpolation(scale):
    data = pytest.importorskip("skimage.data")
    image = data.chelsea()[:240, 100:340].astype(np.float32) / 255
    size = (240 // scale, 240 // scale)
    small = np.asarray(reduce_images(image, size, interpolation="bicubic")).clip(0, 1)
    upscaled = inr.psnr(np.clip(inr.upscale(small, scale), 0, 1), image)
    for method in ("cubic", "lanczos3"):
        interpolated = jax.image.resize(small, image.shape, method)
        assert upscaled - inr.psnr(np.clip(interpolated, 0, 1), image) > 0.3


def test_unknown_names_are_refused():
    with refuses("`name` must be one of"):
        pretrained.file("cartoons")
