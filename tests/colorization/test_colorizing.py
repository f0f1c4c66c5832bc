"""`colorize`, `colorize_samples` and their fields."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from small_diffusion import random_model
from small_restorer import SMALL, gray_image, random_params
from support import refuses

import inr
from inr import color, coords, diffusion
from inr.colorization import colorization_field
from inr.models import (
    ConditionalModel,
    FeatureMap,
    LoadedModel,
    load_model,
    register,
    save_model,
)
from inr.training import reduce_images
from inr.upscaling import Upscaler

DDIM = diffusion.ddim(num_steps=4)


@pytest.fixture(scope="module")
def small():
    params = jax.tree.map(lambda x: np.float32(np.float16(x)), random_params())
    return LoadedModel(SMALL, params)


@pytest.fixture(scope="module")
def tiny():
    return random_model()


@pytest.mark.slow
def test_a_large_image_keeps_its_luma_and_a_small_one_gains_detail(small):
    gray = gray_image(24, 40)
    rgb = inr.colorize(gray, model=small)
    assert rgb.shape == (24, 40, 3)
    np.testing.assert_allclose(color.rgb_to_luma(rgb), gray, atol=1e-5)
    gray = gray_image(12, 16)
    rgb = inr.colorize(gray, size=(24, 32), model=small, detail=None)
    enlarged = jax.image.resize(gray, (24, 32, 1), "cubic")
    assert np.abs(color.rgb_to_luma(rgb) - enlarged)[4:-4, 4:-4].max() > 1e-3


@pytest.mark.long
@pytest.mark.slow
def test_a_small_image_has_the_luma_of_the_upscaler(small):
    gray, size = gray_image(12, 16), (30, 40)
    upscaler = Upscaler(width=4, blocks=1, waves=2)
    inputs = jnp.zeros((1, 2)), np.repeat(gray, 3, -1)
    detail = LoadedModel(upscaler, random_params(upscaler, *inputs))
    rgb = inr.colorize(gray, size=size, model=small, detail=detail)
    luma = color.rgb_to_luma(inr.upscale(inputs[1], 2.5, model=detail))
    np.testing.assert_allclose(color.rgb_to_luma(rgb), luma, atol=1e-4)
    without = inr.colorize(gray, size=size, model=small, detail=None)
    chroma, expected = (color.rgb_to_ycbcr(x)[..., 1:] for x in (rgb, without))
    np.testing.assert_allclose(chroma, expected, atol=1e-4)
    assert np.abs(color.rgb_to_luma(without) - luma).max() > 1e-3
    # A region and the field agree with that.
    options = {"model": small, "detail": detail}
    region = ((0.5, 0.25), (1.0, 0.5))
    part = inr.colorize(gray, size=(15, 10), region=region, **options)
    np.testing.assert_allclose(part, rgb[15:, 10:20], atol=1e-4)
    field = colorization_field(gray, **options)
    point = coords.grid(size)[3, 4]
    cell = coords.pitch(size)
    np.testing.assert_allclose(field.cell_mean(point, cell), rgb[3, 4], atol=1e-4)
    # A large image has all its detail.
    large = gray_image(20, 24)
    a, b = (inr.colorize(large, model=small, detail=d) for d in (None, detail))
    np.testing.assert_array_equal(a, b)


def test_colorize_renders_the_field(small):
    gray = gray_image(24, 40)
    region = ((0.2, 0.1), (0.7, 0.6))
    field = colorization_field(gray[..., 0], model=small)
    expected = inr.render(field, (30, 10), region=region, progress=False)
    rgb = inr.colorize(gray, size=(30, 10), region=region, model=small)
    np.testing.assert_array_equal(rgb, expected)
    # By default at the pixels of the image.
    assert inr.colorize(gray, region=region, model=small).shape == (12, 20, 3)


@pytest.mark.slow
def test_the_encoder_reads_a_large_image_at_the_training_size(small):
    gray = gray_image(64, 48)
    field = colorization_field(gray, model=small)
    reduced = reduce_images(gray, (16, 12))
    maps = SMALL.apply(small.params, reduced, method="encode")
    np.testing.assert_allclose(field.feature_map.features, maps.features, atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2)])
def test_tiny_images(small, size):
    rgb = inr.colorize(gray_image(*size), model=small, detail=None)
    assert rgb.shape == (*size, 3)
    assert np.isfinite(rgb).all()


@pytest.mark.slow
def test_models_from_files(small, tmp_path):
    path = tmp_path / "small.safetensors"
    save_model(path, SMALL, small.params)
    from_file = inr.colorize(gray_image(), model=path)
    np.testing.assert_array_equal(from_file, inr.colorize(gray_image(), model=small))


@register("tests.Sepia")
class Sepia(ConditionalModel):
    """A colorizer of another package: one color for all images."""

    task = "colorize"
    image_channels = 1

    def encode(self, image):
        return FeatureMap(jnp.zeros_like(image), image)

    @nn.compact
    def __call__(self, coords, feature_map):
        if not isinstance(feature_map, FeatureMap):
            feature_map = self.encode(feature_map)
        luma = inr.coords.sample_grid(feature_map.image, coords)
        chroma = self.param("chroma", nn.initializers.normal(0.1), (2,), jnp.float32)
        chroma = jnp.broadcast_to(chroma, (*luma.shape[:-1], 2))
        return color.ycbcr_to_rgb(jnp.concatenate([luma, chroma], -1))


@pytest.mark.slow
def test_a_colorizer_of_another_package(tmp_path):
    """It is registered, saved, loaded and used like those of the library."""
    gray, path = gray_image(), tmp_path / "sepia.safetensors"
    params = Sepia().init(jax.random.key(0), jnp.zeros((1, 2)), gray)
    save_model(path, Sepia(), params)
    model, arrays = load_model(path)
    assert model == Sepia()
    ycc = color.rgb_to_ycbcr(inr.colorize(gray, model=path))
    np.testing.assert_allclose(ycc[..., :1], gray, atol=1e-5)
    chroma = np.broadcast_to(arrays["params"]["chroma"], (*gray.shape[:2], 2))
    np.testing.assert_allclose(ycc[..., 1:], chroma, atol=1e-5)
    with refuses("`model` must be a model for task 'colorize_samples', got Sepia"):
        inr.colorize_samples(jax.random.key(0), gray, model=path)


@pytest.mark.long
@pytest.mark.slow
def test_samples_differ_in_chroma_alone(tiny):
    gray, key = gray_image(30, 24), jax.random.key(1)
    options = {"model": tiny, "sampler": DDIM}
    samples = inr.colorize_samples(key, gray, num_samples=3, **options)
    assert samples.shape == (3, 30, 24, 3)
    luma = color.rgb_to_luma(samples)
    np.testing.assert_allclose(luma, np.stack([gray] * 3), atol=1e-5)
    spread = np.asarray(color.rgb_to_ycbcr(samples)[..., 1:]).std(0)
    assert spread.min() > 1e-4
    # Each sample is that of its own key.
    sample_key = jax.random.split(key, 3)[2]
    field = inr.colorization.sampled_colorization_field(sample_key, gray, **options)
    alone = inr.render(field, (30, 24), progress=False)
    np.testing.assert_array_equal(samples[2], alone)


@pytest.mark.long
@pytest.mark.slow
def test_samples_of_a_region(tiny):
    options = {"num_samples": 2, "model": tiny, "sampler": DDIM}
    gray, key = gray_image(40, 32), jax.random.key(1)
    samples = inr.colorize_samples(key, gray, **options)
    region = ((0.25, 0.5), (0.75, 0.75))
    parts = inr.colorize_samples(key, gray, region=region, **options)
    np.testing.assert_allclose(parts, samples[:, 10:30, 16:24], atol=2e-4)


@pytest.mark.long
@pytest.mark.slow
def test_samples_of_a_small_image_share_the_luma_of_the_upscaler(tiny):
    gray, key = gray_image(8, 8), jax.random.key(1)
    options = {"num_samples": 2, "size": (12, 12), "model": tiny, "sampler": DDIM}
    samples = inr.colorize_samples(key, gray, **options)
    luma = color.rgb_to_luma(samples)
    np.testing.assert_allclose(luma[0], luma[1], atol=1e-5)
    upscaled = color.rgb_to_luma(inr.upscale(np.repeat(gray, 3, -1), 1.5))
    np.testing.assert_allclose(luma[0], upscaled, atol=1e-3)
    assert np.abs(samples[0] - samples[1]).max() > 1e-4


def test_bad_input_is_refused(small, tiny, tmp_path):
    for image, message in (
        (np.zeros((4, 4, 3), np.float32), "rgb_to_luma"),
        (np.full((4, 4), np.nan, np.float32), "finite"),
        (np.zeros((4, 4), np.int32), "`gray` must be a floating"),
        (np.zeros((0, 4), np.float32), "non-empty"),
    ):
        with refuses(message):
            inr.colorize(image, model=small)
    with refuses("`region` must be"):
        inr.colorize(gray_image(), region=((0.5, 0.5), (0.2, 1.2)))
    with refuses("`model` must be one of"):
        inr.colorize(gray_image(), model="cartoons")
    with refuses("none.safetensors", FileNotFoundError):
        inr.colorize(gray_image(), model=tmp_path / "none.safetensors")
    with refuses("`model` must be a model for task 'colorize', got DiffusionRestorer"):
        inr.colorize(gray_image(), model=tiny)


def test_bad_input_of_samples_is_refused(small, tiny):
    key = jax.random.key(0)
    with refuses("`num_samples` must be"):
        inr.colorize_samples(key, gray_image(), num_samples=0, model=tiny)
    with refuses("`model` must be a model for task 'colorize_samples', got Restorer"):
        inr.colorize_samples(key, gray_image(), model=small)
    # "photos" has no diffusion weights.
    with refuses("`model` must be a model for task 'colorize_samples', got Hyper"):
        inr.colorize_samples(key, gray_image(), model="photos")
    with refuses("`model` must be one of"):
        inr.colorize_samples(key, gray_image(), model="cartoons")
