import functools
import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from support import refuses

from inr import color, training


def photo(h=40, w=48):
    y, x = np.mgrid[:h, :w] / 40
    image = np.stack(
        [0.5 + 0.4 * np.sin(9 * y * x), 0.5 + 0.3 * np.cos(7 * x), 0.3 + 0.5 * y], -1
    )
    return image.clip(0, 1).astype(np.float32)


@pytest.mark.parametrize("quality", [10, 50, 75, 95])
def test_jpeg_agrees_with_pillow(quality):
    """Up to Pillow's integer transforms, which round some numbers differently."""
    levels = np.rint(255 * photo()).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "jpeg", quality=quality, subsampling=0)
    expected = np.asarray(Image.open(file), np.float32) / 255
    output = np.asarray(training.jpeg(levels / np.float32(255), quality))
    loss = np.sqrt(np.mean((expected - levels / 255) ** 2))
    error = np.sqrt(np.mean((output - expected) ** 2))
    assert error < max(0.15 * loss, 1 / 255)
    assert loss > 0.5 / 255


@pytest.mark.parametrize("size", [(40, 48), (33, 47)])
def test_halved_chroma_agrees_with_pillow(size):
    """Squares of 5 pixels in random colors, whose edges lose their color."""
    colors = np.random.default_rng(0).integers(40, 216, (10, 10, 3), np.uint8)
    levels = colors.repeat(5, 0).repeat(5, 1)[: size[0], : size[1]]
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "jpeg", quality=75, subsampling="4:2:0")
    expected = np.asarray(Image.open(file)) / np.float32(255)
    image = levels / np.float32(255)
    halved, full = (
        np.abs(training.jpeg(image, 75, subsampling=name) - expected).mean()
        for name in ("4:2:0", "4:4:4")
    )
    assert halved < 2 / 255
    assert full > 8 / 255


def test_jpeg_takes_any_size_and_a_traced_quality():
    image = photo(13, 9)
    output = jax.jit(training.jpeg)(image, jnp.float32(60))
    assert output.shape == (13, 9, 3)
    np.testing.assert_allclose(output, training.jpeg(image, 60), atol=1.01 / 255)
    flat = np.full((8, 8, 3), 100 / 255, np.float32)
    np.testing.assert_allclose(training.jpeg(flat, 100), flat, atol=1e-6)


def test_blur_agrees_with_scipy(monkeypatch):
    image = photo()
    monkeypatch.setattr(
        jax.random, "uniform", lambda *a, **k: jnp.array([[1.5, 0.5]], jnp.float32)
    )
    output = training.degrade(jax.random.key(0), image[None], max_blur_std=2.0)[0]
    expected = ndimage.gaussian_filter(image, (1.5, 0.5, 0), truncate=8)
    np.testing.assert_allclose(
        output[10:-10, 10:-10], expected[10:-10, 10:-10], atol=1e-4
    )


def test_each_image_has_its_own_strength_of_noise():
    images = np.full((64, 32, 32, 3), 0.5, np.float32)
    output = training.degrade(jax.random.key(0), images, max_noise_std=0.1)
    std = np.asarray(output - images).std((1, 2, 3))
    assert std.max() < 0.105
    assert std.min() < 0.02
    np.testing.assert_allclose(std.mean(), 0.05, rtol=0.2)
    np.testing.assert_allclose(np.mean(output), 0.5, atol=1e-3)


@pytest.mark.slow
def test_defaults_change_nothing_and_strengths_depend_on_the_key():
    images = np.stack([photo()] * 3)
    np.testing.assert_array_equal(training.degrade(jax.random.key(0), images), images)
    degrade = functools.partial(
        training.degrade,
        images=images,
        max_blur_std=1.0,
        max_noise_std=0.1,
        jpeg_quality=(30.0, 90.0),
    )
    first, repeated, other = (degrade(jax.random.key(k)) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, repeated)
    assert np.abs(first - other).max() > 0.05
    assert np.abs(first[0] - first[1]).max() > 0.05
    luma = color.rgb_to_luma(first)
    assert np.isfinite(luma).all()


def test_strengths_out_of_range_are_refused():
    for option in (
        {"max_blur_std": -1.0},
        {"max_noise_std": np.nan},
        {"jpeg_quality": (0, 50)},
    ):
        with refuses(f"`{next(iter(option))}` must be"):
            training.degrade(jax.random.key(0), photo()[None], **option)
