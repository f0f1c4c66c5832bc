import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pictures import picture
from PIL import Image
from support import mostly_slow, refuses

import inr
from inr import training


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def pillow(image, size, resampling):
    planes = [
        Image.fromarray(image[..., i]).resize(size[::-1], resampling)
        for i in range(image.shape[-1])
    ]
    return np.stack([np.asarray(plane) for plane in planes], -1)


def test_area_agrees_with_pillow_for_whole_factors():
    images = noise(2, 12, 20, 3)
    reduced = training.reduce_images(images, (4, 5))
    expected = [pillow(image, (4, 5), Image.Resampling.BOX) for image in images]
    np.testing.assert_allclose(reduced, expected, atol=1e-6)


def test_area_includes_fractions_of_pixels():
    image = noise(11, 7, 3)
    # Each pixel is repeated until new pixels consist of whole numbers of copies.
    fine = image.repeat(4, axis=0).repeat(5, axis=1)
    expected = fine.reshape(4, 11, 5, 7, 3).mean((1, 3))
    np.testing.assert_allclose(
        training.reduce_images(image, (4, 5)), expected, atol=1e-6
    )


@pytest.mark.parametrize("size", [(8, 8), (7, 13)])
def test_bicubic_agrees_with_pillow(size):
    image = noise(32, 32, 1)
    reduced = training.reduce_images(image, size, interpolation="bicubic")
    expected = pillow(image, size, Image.Resampling.BICUBIC)
    np.testing.assert_allclose(reduced, expected, atol=1e-5)


@pytest.mark.parametrize("interpolation", ["area", "bicubic"])
def test_reductions_preserve_constants_and_do_not_alias(interpolation):
    constant = training.reduce_images(np.full((9, 9, 1), 0.3, "f4"), (4, 4))
    np.testing.assert_allclose(constant, 0.3, atol=1e-6)
    stripes = np.zeros((32, 32, 1), np.float32)
    stripes[::2] = 1
    reduced = training.reduce_images(stripes, (8, 8), interpolation=interpolation)
    np.testing.assert_allclose(reduced[2:-2], 0.5, atol=0.02)


def test_uint8_levels_become_values_in_the_unit_range():
    levels = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), np.uint8)
    reduced = training.reduce_images(levels, (4, 4))
    expected = training.reduce_images(levels / np.float32(255), (4, 4))
    np.testing.assert_allclose(reduced, expected, atol=1e-6)


def test_invalid_options_of_reductions_are_refused():
    images = noise(2, 8, 8, 3)
    with refuses("`size`"):
        training.reduce_images(images, (9, 4))
    with refuses("`interpolation`"):
        training.reduce_images(images, (4, 4), interpolation="nearest")
    with refuses("`images`"):
        training.reduce_images(images[0, 0], (4, 4))


@pytest.mark.slow
@pytest.mark.parametrize(
    "scale", mostly_slow([(1.0, 1.0), (2.0, 3.0), (2.5, 4.0)], (2.5, 4.0))
)
def test_a_crop_of_the_full_size_agrees_with_jax(scale):
    image = noise(20, 24, 3)
    size = tuple(int(n / s) for n, s in zip((20, 24), scale, strict=True))
    reduced = training.reduce_crop(image, jnp.zeros(2), jnp.array(scale), size)
    expected = jax.image.resize(image, (*size, 3), "cubic", antialias=True)
    np.testing.assert_allclose(reduced, expected, atol=1e-5)


def matlab_bicubic(n, scale):
    """Matrix `[n / scale, n]` of MATLAB's `imresize`, without the border.

    Keys' kernel with a = -1/2, wider by the scale, with weights that add up to 1. Rows
    that reach beyond the image are NaN; MATLAB mirrors the image there.
    """
    matrix = np.full((n // scale, n), np.nan)
    for i in range(n // scale):
        center = (i + 0.5) * scale - 0.5
        reach = 2 * scale
        if center - reach < -1 or center + reach > n:
            continue
        s = np.abs(np.arange(n) - center) / scale
        near = 1.5 * s**3 - 2.5 * s**2 + 1
        far = -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2
        weights = np.where(s <= 1, near, np.where(s <= 2, far, 0))
        matrix[i] = weights / weights.sum()
    return matrix


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_agrees_with_the_formula_of_matlab(scale):
    image = picture("cup").astype(np.float64)
    h, w, _ = image.shape
    rows, columns = matlab_bicubic(h, scale), matlab_bicubic(w, scale)
    expected = np.einsum("ih,jw,hwc->ijc", rows, columns, image)
    inner = np.s_[2:-2, 2:-2]
    assert np.isfinite(expected[inner]).all()
    size = (h // scale, w // scale)
    crop = training.reduce_crop(
        np.float32(image), jnp.zeros(2), jnp.full(2, float(scale)), size
    )
    np.testing.assert_allclose(crop[inner], expected[inner], atol=1e-6)
    reduced = training.reduce_images(np.float32(image), size, interpolation="bicubic")
    np.testing.assert_allclose(reduced[inner], expected[inner], atol=1e-6)


@pytest.mark.parametrize("scale", mostly_slow([2, 3, 4], 4))
def test_bicubic_agrees_with_the_published_benchmarks(data_folder, scale):
    """The border is left out, where MATLAB mirrors the image.

    MATLAB rounds to 8 bits twice, once after each axis; the second kernel may amplify
    the first rounding by a quarter.
    """
    folder = data_folder / "bench" / "sr_pairs" / "set5" / f"image_SRF_{scale}"
    high, low = (
        inr.read_image(folder / f"img_001_SRF_{scale}_{end}.png")
        for end in ("HR", "LR")
    )
    h, w, _ = low.shape
    reduced = training.reduce_crop(
        high, jnp.zeros(2), jnp.full(2, float(scale)), (h, w)
    )
    error = np.abs(np.asarray(reduced).clip(0, 1) - low)[2:-2, 2:-2]
    assert error.max() < 1.13 / 255
    assert np.sqrt(np.mean(error**2)) < 0.42 / 255  # sqrt(2 / 12)


@pytest.mark.parametrize("scale", [(1.0, 1.0), (2.0, 3.0), (2.5, 1.6)])
def test_area_of_a_crop_agrees_with_reduce_images(scale):
    image = noise(20, 24, 3)
    size = tuple(int(n / s) for n, s in zip((20, 24), scale, strict=True))
    reduced = training.reduce_crop(
        image, jnp.zeros(2), jnp.array(scale), size, interpolation="area"
    )
    expected = training.reduce_images(image, size)
    np.testing.assert_allclose(reduced, expected, atol=1e-5)


@pytest.mark.long
@pytest.mark.slow
def test_a_crop_is_a_part_of_the_reduced_image():
    image = noise(40, 40, 1)
    reduced = training.reduce_crop(image, jnp.zeros(2), jnp.full(2, 2.0), (20, 20))
    crop = training.reduce_crop(image, jnp.array([8.0, 16.0]), jnp.full(1, 2.0), (6, 7))
    np.testing.assert_allclose(crop, reduced[4:10, 8:15], atol=1e-6)
