"""Images of many sizes share the programs of few."""

import jax
import numpy as np
import pytest
from support import count_compilations

import inr
from inr.colorization import HypercolumnColorizer, colorization_field
from inr.colorization.flat_image import resize
from inr.upscaling.network import Network

RNG = np.random.default_rng(0)
# Ten sizes of three shapes: landscape, portrait and square.
SIZES = [(4 * n, 6 * n) for n in (17, 19, 22, 25)]
SIZES += [(6 * n, 4 * n) for n in (18, 21, 23)] + [(n, n) for n in (70, 90, 110)]


@pytest.mark.slow
def test_small_images_of_ten_sizes_are_enlarged_by_few_programs():
    images = [RNG.random((*size, 3), np.float32) for size in SIZES]
    inr.upscale(images[0], 2)
    with count_compilations() as count:
        for image in images:
            inr.upscale(image, 2)
        assert count() <= 3


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1, 2, (3, 4), 2.3])
@pytest.mark.parametrize("channels", [1, 3])
def test_padding_does_not_change_the_result(scale, channels, monkeypatch):
    smooth = inr.coords.grid((70, 130)) @ RNG.normal(size=(2, channels))
    image = 0.5 + 0.3 * np.sin(4 * smooth)
    padded = inr.upscale(image, scale, ensemble=scale == 2)
    monkeypatch.setattr(Network, "padded_size", lambda self, window, *_: window)
    expected = inr.upscale(image, scale, ensemble=scale == 2)
    np.testing.assert_allclose(padded, expected, atol=2e-5)


@pytest.mark.slow
def test_images_of_ten_sizes_are_colorized_by_few_programs():
    """The encoder depends on their shape, the decoder on their number of pixels."""
    images = [RNG.random(size, np.float32) for size in SIZES]
    inr.models.load_model("photos")
    with count_compilations() as count:
        for image in images:
            inr.colorize(image)
        assert count() <= 3 + 2


@pytest.mark.slow
def test_a_list_of_pixels_does_not_change_the_colors(monkeypatch):
    image = RNG.random((90, 66, 1), np.float32)
    field = colorization_field(image)
    coords = RNG.uniform(-1.1, 1.1, (40, 2)).astype(np.float32)
    traced = jax.jit(lambda field: field(coords))(field)
    np.testing.assert_allclose(field(coords), traced, atol=1e-6)
    # Leaves are floating, so that the field is differentiable in them.
    jax.grad(lambda field: field(coords).sum(), allow_int=False)(field)
    monkeypatch.delattr(HypercolumnColorizer, "encode_on_host")
    expected = colorization_field(image)
    assert expected.feature_map.image.shape == image.shape
    np.testing.assert_allclose(traced, expected(coords), atol=1e-5)


def test_resizing_is_that_of_jax():
    image = RNG.random((23, 17, 1), np.float32)
    for size in ((11, 34), (40, 16)):
        expected = jax.image.resize(image, (*size, 1), "cubic")
        np.testing.assert_allclose(resize(image, size), expected, atol=5e-6)


def test_images_of_ten_sizes_are_cloned_by_the_programs_of_one():
    """Programs depend on the box of the mask alone."""

    def clone(h, w):
        mask = np.zeros((h, w), bool)
        mask[10:40, 12:42] = True
        image = RNG.random((h, w, 3), np.float32)
        return inr.seamless_clone(image, image[:, ::-1], mask, rtol=1e-2)

    clone(60, 60)
    with count_compilations() as count:
        for size in SIZES:
            clone(*size)
        assert count() == 0
