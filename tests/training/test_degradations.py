import functools
import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
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
def test_jpeg_is_what_pillow_writes_and_reads(quality):
    """But for Pillow's integer transforms: some numbers round to the other side."""
    from PIL import Image

    levels = np.rint(255 * photo()).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "jpeg", quality=quality, subsampling=0)
    expected = np.asarray(Image.open(file), np.float32) / 255
    found = np.asarray(training.jpeg(levels / np.float32(255), quality))
    damage = np.sqrt(np.mean((expected - levels / 255) ** 2))
    error = np.sqrt(np.mean((found - expected) ** 2))
    assert error < max(0.15 * damage, 1 / 255)
    assert damage > 0.5 / 255


def test_jpeg_of_any_size_and_traced_quality():
    image = photo(13, 9)
    made = jax.jit(training.jpeg)(image, jnp.float32(60))
    assert made.shape == (13, 9, 3)
    np.testing.assert_allclose(made, training.jpeg(image, 60), atol=1.01 / 255)
    flat = np.full((8, 8, 3), 100 / 255, np.float32)
    np.testing.assert_allclose(training.jpeg(flat, 100), flat, atol=1e-6)


def test_blur_is_scipy_s(monkeypatch):
    image = photo()
    monkeypatch.setattr(
        jax.random, "uniform", lambda *a, **k: jnp.array([[1.5, 0.5]], jnp.float32)
    )
    made = training.degrade(jax.random.key(0), image[None], blur=2.0)[0]
    expected = ndimage.gaussian_filter(image, (1.5, 0.5, 0), truncate=8)
    np.testing.assert_allclose(
        made[10:-10, 10:-10], expected[10:-10, 10:-10], atol=1e-4
    )


def test_noise_has_each_image_its_own_strength():
    images = np.full((64, 32, 32, 3), 0.5, np.float32)
    made = training.degrade(jax.random.key(0), images, noise=0.1)
    spread = np.asarray(made - images).std((1, 2, 3))
    assert spread.max() < 0.105
    assert spread.min() < 0.02
    np.testing.assert_allclose(spread.mean(), 0.05, rtol=0.2)
    np.testing.assert_allclose(np.mean(made), 0.5, atol=1e-3)


@pytest.mark.slow
def test_nothing_asked_nothing_done_and_keys_matter():
    images = np.stack([photo()] * 3)
    np.testing.assert_array_equal(training.degrade(jax.random.key(0), images), images)
    harm = functools.partial(
        training.degrade, images=images, blur=1.0, noise=0.1, quality=(30.0, 90.0)
    )
    one, same, other = (harm(jax.random.key(k)) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.05
    assert np.abs(one[0] - one[1]).max() > 0.05
    luma = color.rgb_to_luma(one)
    assert np.isfinite(luma).all()


def test_amounts_out_of_range_are_refused():
    for option in ({"blur": -1.0}, {"noise": np.nan}, {"quality": (0, 50)}):
        with refuses(f"`{next(iter(option))}` must be"):
            training.degrade(jax.random.key(0), photo()[None], **option)
