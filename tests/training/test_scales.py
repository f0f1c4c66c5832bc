import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import mostly_slow, refuses

import inr
from inr import coords, training
from inr.restoration import Upscaler, upscaler_loss


def noise(*shape):
    return np.random.default_rng(0).random(shape, np.float32)


@pytest.mark.parametrize(
    "scale", mostly_slow([(1.0, 1.0), (2.0, 3.0), (2.5, 4.0)], (2.5, 4.0))
)
def test_a_whole_image_is_reduced_as_by_jax(scale):
    image = noise(20, 24, 3)
    size = tuple(int(n / s) for n, s in zip((20, 24), scale, strict=True))
    found = training.reduce_part(image, jnp.zeros(2), jnp.array(scale), size)
    expected = jax.image.resize(image, (*size, 3), "cubic", antialias=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reduced_as_the_published_benchmarks_are(data_folder, scale):
    """But for the border, where Matlab mirrors the image.

    It rounds to 8 bits twice, once after each axis; the second kernel may let the first
    rounding grow by a quarter.
    """
    folder = data_folder / "bench" / "sr_pairs" / "set5" / f"image_SRF_{scale}"
    high, low = (
        inr.read_image(folder / f"img_001_SRF_{scale}_{end}.png")
        for end in ("HR", "LR")
    )
    h, w, _ = low.shape
    made = training.reduce_part(high, jnp.zeros(2), jnp.full(2, float(scale)), (h, w))
    error = np.abs(np.asarray(made).clip(0, 1) - low)[2:-2, 2:-2]
    assert error.max() < 1.13 / 255
    assert np.sqrt(np.mean(error**2)) < 0.42 / 255  # sqrt(2 / 12)


@pytest.mark.parametrize("scale", [(1.0, 1.0), (2.0, 3.0), (2.5, 1.6)])
def test_means_over_areas_are_those_of_reduce_images(scale):
    image = noise(20, 24, 3)
    size = tuple(int(n / s) for n, s in zip((20, 24), scale, strict=True))
    found = training.reduce_part(
        image, jnp.zeros(2), jnp.array(scale), size, method="area"
    )
    expected = training.reduce_images(image, size)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_each_input_has_a_method_of_its_own():
    crops = noise(16, 32, 32, 3)
    make = functools.partial(
        training.scale_batch, jax.random.key(3), crops, side=8, num_points=4
    )
    mixed, cubic, area = (
        make(interpolations=m).inputs
        for m in (("bicubic", "area"), ("bicubic",), ("area",))
    )
    is_cubic = np.abs(mixed - cubic).max((1, 2, 3)) < 1e-6
    is_area = np.abs(mixed - area).max((1, 2, 3)) < 1e-6
    assert (is_cubic | is_area).all()
    assert 2 < is_area.sum() < 14
    for interpolations in ((), ("nearest",)):
        with refuses("`method"):
            make(interpolations=interpolations)


@pytest.mark.slow
def test_a_part_is_cut_from_the_whole():
    image = noise(40, 40, 1)
    whole = training.reduce_part(image, jnp.zeros(2), jnp.full(2, 2.0), (20, 20))
    part = training.reduce_part(image, jnp.array([8.0, 16.0]), jnp.full(1, 2.0), (6, 7))
    np.testing.assert_allclose(part, whole[4:10, 8:15], atol=1e-6)


@pytest.mark.slow
def test_pixels_lie_where_the_input_shows_them():
    """A ramp, which cubic interpolation reduces and enlarges exactly."""
    y, x = np.mgrid[:64, :64] / 64
    crops = np.broadcast_to(np.stack([y, x, 0.5 * y], -1), (12, 64, 64, 3))
    crops = crops.astype(np.float32)
    batch = training.scale_batch(jax.random.key(0), crops, side=16, num_points=200)
    assert batch.inputs.shape == (12, 16, 16, 3)
    assert batch.coords.shape == (12, 200, 2)
    scale = 2 / 16 / batch.cells[:, 0]
    assert ((scale >= 1) & (scale <= 4)).all()
    assert len(np.unique(np.asarray(scale))) > 4
    assert np.isin([2.0, 3.0, 4.0], np.round(scale, 4)).any()
    for image, points, colors in zip(
        batch.inputs, batch.coords, batch.colors, strict=True
    ):
        assert np.abs(points).max() <= 1
        inner = np.abs(points).max(-1) < 0.7
        found = coords.sample_grid(image, points, interpolation="cubic")
        # Half a level of 8 bits, a little more by what the kernel overshoots.
        np.testing.assert_allclose(found[inner], colors[inner], atol=0.8 / 255)
    # Every example has its own place and its own pixels, and they are the crop's.
    assert len(np.unique(np.asarray(batch.inputs[:, 0, 0, 0]))) > 4
    levels = np.round(64 * np.asarray(batch.colors[..., :2]))
    np.testing.assert_allclose(levels / 64, batch.colors[..., :2], atol=1e-6)


@pytest.mark.slow
def test_inputs_are_levels_of_a_file():
    batch = training.scale_batch(
        jax.random.key(1), noise(3, 32, 32, 3), side=8, num_points=4
    )
    levels = 255 * np.asarray(batch.inputs)
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-3)
    assert levels.min() >= 0
    assert levels.max() <= 255


def test_bad_requests_are_refused():
    with refuses("`crops` must be at least 64 pixels a side"):
        training.scale_batch(
            jax.random.key(0), noise(1, 63, 80, 3), side=16, num_points=4
        )
    with refuses("`max_scale` must be at least 2"):
        training.scale_batch(
            jax.random.key(0), noise(1, 64, 64, 3), side=4, num_points=4, max_scale=1.5
        )


@pytest.mark.slow
def test_the_loss_is_that_of_cubic_interpolation_at_first_and_falls():
    model = Upscaler(width=8, blocks=1, waves=4)
    loss = upscaler_loss(model, side=8, picture=32, num_points=64)
    crops = (255 * noise(4, 40, 40, 3)).astype(np.uint8)
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)), jnp.zeros((4, 4, 3)))
    zeroed = {
        "params": {
            **params["params"],
            "decoder": jax.tree.map(jnp.zeros_like, params["params"]["decoder"]),
        }
    }
    key = jax.random.key(2)
    value, parts = jax.jit(loss)(zeroed, key, crops)
    pictures = training.reduce_images(crops, (32, 32), interpolation="bicubic").clip(
        0, 1
    )
    batch = training.scale_batch(key, pictures, side=8, num_points=64)
    cubic = [
        coords.sample_grid(image, points, interpolation="cubic")
        for image, points in zip(batch.inputs, batch.coords, strict=True)
    ]
    error = np.stack(cubic) - batch.colors
    np.testing.assert_allclose(value, np.abs(error).mean(), rtol=1e-4)
    np.testing.assert_allclose(parts["square"], (error**2).mean(), rtol=1e-4)
    gradient = jax.jit(jax.grad(loss, has_aux=True))(params, key, crops)[0]
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(gradient))
    stepped = jax.tree.map(lambda p, g: p - 0.02 * g, params, gradient)
    before, after = (jax.jit(loss)(p, key, crops)[0] for p in (params, stepped))
    assert after < before


def test_random_parts_are_parts_at_scales_of_their_own():
    """A ramp stays one, steeper by the scale, from wherever the part begins.

    Nearly: a cubic kernel ripples by some hundredths at scales between whole numbers.
    """
    y, x = np.mgrid[:48, :60].astype(np.float32)
    images = np.broadcast_to(np.stack([y, x, y], -1) / 64, (40, 48, 60, 3))
    parts = np.asarray(training.random_parts(jax.random.key(0), images, (16, 16)))
    assert parts.shape == (40, 16, 16, 3)
    inner = 64 * parts[:, 4:-4, 4:-4]
    down, right = np.diff(inner[..., 0], axis=1), np.diff(inner[..., 1], axis=2)
    scale = down.mean((1, 2))
    np.testing.assert_allclose(down, scale[:, None, None] + 0 * down, rtol=0.05)
    np.testing.assert_allclose(right, scale[:, None, None] + 0 * right, rtol=0.05)
    assert 0.99 <= scale.min() < 1.3
    assert 2.7 < scale.max() <= 3.03
    # Within the image: the first pixel's center, and the last one's.
    first = inner[:, 0, 0, 0] - 4 * scale
    assert first.min() > 0
    assert (first + 15 * scale).max() < 47
    assert first.std() > 1
    with refuses("`size` must be"):
        training.random_parts(jax.random.key(0), images, (49, 16))


def test_random_parts_as_large_as_the_image_are_the_image():
    images = noise(2, 12, 12, 3)
    parts = training.random_parts(jax.random.key(0), images, (12, 12))
    np.testing.assert_allclose(parts, images, atol=1e-5)
