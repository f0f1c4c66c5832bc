import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.data
import skimage.metrics
from PIL import Image
from support import refuses

from inr import metrics

PAIRWISE = [
    metrics.mse,
    metrics.psnr,
    metrics.ssim,
    lambda a, b: metrics.psnr_y(a, b, shave=2),
    lambda a, b: metrics.ssim_y(a, b, shave=2),
]


@pytest.fixture(scope="module")
def photo():
    """Color photograph in [0, 1], float32."""
    return (skimage.data.astronaut()[20:180, 150:340] / 255).astype(np.float32)


@pytest.fixture(scope="module")
def noisy(photo):
    noise = np.random.default_rng(0).normal(size=photo.shape)
    return np.clip(photo + 0.05 * noise, 0, 1).astype(np.float32)


def reference_ssim(image, reference, peak=1.0):
    return skimage.metrics.structural_similarity(
        image.astype(np.float64),
        reference.astype(np.float64),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=peak,
        channel_axis=-1,
    )


def protocol_luma(image, shave):
    """NumPy reference: clip, studio-range Y, round to 8 bits, crop; in 0..255."""
    image = np.clip(np.asarray(image, np.float64), 0, 1)
    if image.shape[-1] == 3:
        luma = 16 + image @ np.array([65.481, 128.553, 24.966])
    else:
        luma = 255 * image[..., 0]
    return np.round(luma)[shave:-shave, shave:-shave]


def test_psnr_and_mse_agree_with_scikit_image(photo, noisy):
    expected = skimage.metrics.peak_signal_noise_ratio(photo, noisy, data_range=1)
    np.testing.assert_allclose(metrics.psnr(noisy, photo), expected, rtol=1e-5)
    expected = skimage.metrics.mean_squared_error(photo, noisy)
    np.testing.assert_allclose(metrics.mse(noisy, photo), expected, rtol=1e-5)


def test_known_differences_have_known_scores():
    image = jnp.full((12, 13, 3), 0.5)
    np.testing.assert_allclose(metrics.psnr(image, image + 0.1), 20.0, rtol=1e-5)
    np.testing.assert_allclose(metrics.mse(image, image - 0.2), 0.04, rtol=1e-5)
    assert metrics.psnr(image, image) == jnp.inf
    assert metrics.psnr_y(image, image, shave=1) == jnp.inf
    ssim = jax.jit(metrics.ssim)
    np.testing.assert_allclose(ssim(image, image), 1.0, rtol=1e-6)


@pytest.mark.parametrize("channels", [slice(0, 3), slice(1, 2)])
def test_ssim_agrees_with_scikit_image(photo, noisy, channels):
    first, second = noisy[..., channels], photo[..., channels]
    expected = reference_ssim(first, second)
    score = jax.jit(metrics.ssim)(first, second)
    np.testing.assert_allclose(score, expected, atol=2e-5)


@pytest.mark.parametrize(("channels", "shave"), [(3, 3), (1, 4)])
def test_protocol_agrees_with_a_numpy_reference(photo, noisy, channels, shave):
    psnr, ssim = (
        jax.jit(functools.partial(metric, shave=shave))
        for metric in (metrics.psnr_y, metrics.ssim_y)
    )
    reference = photo[..., :channels]
    for image in (noisy, noisy * 1.2 - 0.1):  # the second needs the clipping
        image = image[..., :channels]
        ya, yb = (protocol_luma(x, shave) for x in (image, reference))
        expected = skimage.metrics.peak_signal_noise_ratio(ya, yb, data_range=255)
        np.testing.assert_allclose(psnr(image, reference), expected, atol=2e-3)
        expected = reference_ssim(ya[..., None], yb[..., None], peak=255)
        np.testing.assert_allclose(ssim(image, reference), expected, atol=1e-4)


@pytest.mark.slow
def test_protocol_ignores_the_border_and_differences_below_8_bits(photo):
    changed = np.array(photo)
    changed[:3] = changed[-3:] = 0
    changed[:, :3] = changed[:, -3:] = 1
    assert metrics.psnr_y(changed, photo, shave=3) == jnp.inf
    assert metrics.psnr_y(changed, photo, shave=2) < 40
    level = np.full((12, 12, 3), 100 / 255, np.float32)  # Y = 101.88, far from a half
    assert metrics.psnr_y(level + 1e-3, level, shave=0) == jnp.inf
    assert metrics.psnr_y(level + 4e-3, level, shave=0) < 60


def set5_scores(data_folder, metric, scale):
    """Yield the metric on each bicubic image of the published tables."""
    folder = data_folder / "bench" / "sr_pairs" / "set5" / f"image_SRF_{scale}"

    @jax.jit
    def score(small, large):
        upscaled = jax.image.resize(small, large.shape, "cubic")
        return metric(upscaled, large, shave=scale)

    paths = sorted(folder.glob("*_LR.png"))
    assert len(paths) == 5
    for low in paths:
        high = low.with_name(low.name.replace("_LR", "_HR"))
        pair = (np.asarray(Image.open(p).convert("RGB")) for p in (low, high))
        yield score(*(x.astype(np.float32) / 255 for x in pair))


# Not exactly the published values: MATLAB pads images differently.
@pytest.mark.parametrize(
    ("scale", "published"),
    [
        pytest.param(2, 33.66, marks=pytest.mark.slow),
        pytest.param(3, 30.39, marks=pytest.mark.slow),
        (4, 28.42),
    ],
)
def test_bicubic_set5_has_its_published_psnr(data_folder, scale, published):
    scores = list(set5_scores(data_folder, metrics.psnr_y, scale))
    np.testing.assert_allclose(np.mean(scores), published, atol=0.05)


def test_bicubic_set5_has_its_published_ssim(data_folder):
    scores = list(set5_scores(data_folder, metrics.ssim_y, 4))
    np.testing.assert_allclose(np.mean(scores), 0.8104, atol=0.001)


def test_colorfulness_agrees_with_a_numpy_reference(photo):
    red, green, blue = (255 * photo[..., i].astype(np.float64) for i in range(3))
    rg, yb = red - green, 0.5 * (red + green) - blue
    spread = np.sqrt(rg.std() ** 2 + yb.std() ** 2)
    expected = spread + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2)
    np.testing.assert_allclose(metrics.colorfulness(photo), expected, rtol=1e-5)


def test_colorfulness_of_plain_images():
    gray = jnp.broadcast_to(jnp.linspace(0, 1, 8)[:, None, None], (8, 8, 3))
    value, gradient = jax.jit(jax.value_and_grad(metrics.colorfulness))(gray)
    assert value == 0
    np.testing.assert_array_equal(gradient, np.zeros_like(gray))
    red = jnp.zeros((4, 4, 3)).at[..., 0].set(1)
    expected = 0.3 * np.hypot(255, 127.5)
    np.testing.assert_allclose(metrics.colorfulness(red), expected, rtol=1e-6)


@pytest.mark.parametrize("metric", PAIRWISE)
def test_jit_and_vmap_change_nothing(photo, noisy, metric):
    images = jnp.stack([photo[:40, :50], noisy[:40, :50]])
    references = jnp.stack([noisy[:40, :50], noisy[40:80, 50:100]])
    expected = [metric(a, b) for a, b in zip(images, references, strict=True)]
    np.testing.assert_allclose(
        jax.vmap(jax.jit(metric))(images, references), expected, rtol=1e-4
    )
    assert all(score.shape == () for score in expected)


@pytest.mark.parametrize("metric", [metrics.mse, metrics.psnr, metrics.ssim])
def test_gradients_are_finite_and_point_away_from_the_reference(photo, noisy, metric):
    a, b = noisy[:24, :24], photo[:24, :24]
    gradient = jax.jit(jax.grad(metric))(a, b)
    assert bool(jnp.isfinite(gradient).all())
    towards = jnp.vdot(gradient, b - a)
    assert towards < 0 if metric is metrics.mse else towards > 0


@pytest.mark.parametrize("metric", [*PAIRWISE, lambda a, b: metrics.colorfulness(a)])
def test_dtype_is_the_widest_input_and_at_least_float32(photo, metric):
    image = jnp.asarray(photo[:24, :24])
    half = image.astype(jnp.bfloat16)
    assert metric(half, half * 0.9).dtype == jnp.float32
    assert metric(image, image * 0.9).dtype == jnp.float32
    wide = np.asarray(image, np.float64)
    expected = jnp.float64 if jax.config.jax_enable_x64 else jnp.float32
    assert metric(wide, wide * 0.9).dtype == expected


@pytest.mark.parametrize("metric", [*PAIRWISE, lambda a, b: metrics.colorfulness(a)])
def test_uint8_arrays_and_pil_images_are_accepted(photo, noisy, metric):
    levels = [np.rint(255 * x[:20, :24]).astype(np.uint8) for x in (photo, noisy)]
    expected = metric(*(x / np.float32(255) for x in levels))
    np.testing.assert_array_equal(metric(*levels), expected)
    np.testing.assert_array_equal(metric(*map(Image.fromarray, levels)), expected)


def test_two_axes_are_one_channel(photo, noisy):
    flat = metrics.psnr(noisy[..., 0], photo[..., 0])
    np.testing.assert_allclose(flat, metrics.psnr(noisy[..., :1], photo[..., :1]))


@pytest.mark.parametrize("metric", PAIRWISE)
def test_bad_pairs_are_refused(metric):
    image = np.zeros((20, 20, 3), np.float32)
    with refuses(
        r"`image` must be of the shape of `reference`.*got shape \(20, 19, 3\)"
    ):
        metric(image[:, :19], image)
    with refuses(r"`image` must be a floating, uint8 or uint16 array.* dtype int32"):
        metric(image.astype(np.int32), image)
    with refuses("`reference` must be finite, got 1 NaN"):
        metric(
            image, np.where(np.arange(1200).reshape(image.shape) == 7, np.nan, image)
        )


def test_bad_sizes_and_channels_are_refused():
    image = np.zeros((20, 14, 3), np.float32)
    with refuses(r"`image` must be at least 11 x 11 pixels, the window of SSIM"):
        metrics.ssim(image[:, :10], image[:, :10])
    with refuses(r"`image` must be at least 11 x 11 pixels, the window of SSIM"):
        metrics.ssim_y(image, image, shave=2)
    with refuses(r"`shave` must be below half of 14 pixels, got 7"):
        metrics.psnr_y(image, image, shave=7)
    with refuses("`shave` must be at least 0"):
        metrics.psnr_y(image, image, shave=-1)
    with refuses("`shave` must be a whole number"):
        metrics.psnr_y(image, image, shave=1.5)
    for channels in (2, 4):
        bad = np.zeros((20, 20, channels), np.float32)
        with refuses(r"`image` must be \[h, w, 3\]"):
            metrics.psnr_y(bad, bad, shave=2)
        with refuses(r"`image` must be \[h, w, 3\]"):
            metrics.colorfulness(bad)
