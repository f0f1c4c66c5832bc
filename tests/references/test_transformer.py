"""The texture transformer; a benchmark measures its quality."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from numpy.lib.stride_tricks import sliding_window_view
from small_restorer import random_params
from support import refuses

from inr.references import TextureExtractor, TextureTransformer, vgg_textures
from inr.upscaling import Upscaler

SMALL = {
    4: TextureTransformer(4, width=8, blocks=(1, 1, 1, 1), textures=(4, 6, 8)),
    2: TextureTransformer(2, width=8, blocks=(1, 1, 1), textures=(4, 6, 8)),
}


def photo(seed, h, w):
    return jnp.asarray(np.random.default_rng(seed).random((h, w, 3), np.float32))


def params(scale):
    model = SMALL[scale]
    values = random_params(model, photo(0, 4, 4), [photo(1, 16, 16)])
    return jax.tree.map(jnp.asarray, values)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("scale", [4, 2])
def test_the_result_depends_on_the_image_and_on_each_reference(scale):
    model, values = SMALL[scale], params(scale)
    image, references = photo(0, 6, 8), [photo(1, 20, 16), photo(2, 12, 24)]
    apply = jax.jit(model.apply)
    result = apply(values, image, references)
    assert result.shape == (6 * scale, 8 * scale, 3)
    assert np.isfinite(result).all()
    others = (
        apply(values, 1 - image, references),
        apply(values, image, [1 - references[0], references[1]]),
        apply(values, image, [references[0], 1 - references[1]]),
        model.apply(values, image, None, method="generate"),
    )
    for other in others:
        assert np.abs(other - result).max() > 1e-4
    # Their order has no effect.
    reordered = apply(values, image, references[::-1])
    np.testing.assert_allclose(reordered, result, atol=1e-5)


@pytest.mark.long
@pytest.mark.slow
def test_init_gives_nearly_bicubic_interpolation():
    model = SMALL[4]
    image, references = photo(0, 6, 8), [photo(1, 16, 16)]
    result = model.apply(
        model.init(jax.random.key(0), image, references), image, references
    )
    expected = jax.image.resize(image, (24, 32, 3), "cubic")
    np.testing.assert_allclose(result, expected, atol=0.05)
    assert np.abs(result - expected).max() > 0


@pytest.mark.long
@pytest.mark.slow
def test_a_reference_equal_to_the_target_matches_itself():
    """Queries and keys lack the same detail, so equal images have equal features."""
    y, x = np.meshgrid(np.arange(48), np.arange(64), indexing="ij")
    target = 0.5 + 0.25 * np.sin(0.021 * x * y)[..., None] * np.array([1, 0.8, 0.5])
    target = jnp.asarray(target + 0.2 * np.asarray(photo(5, 48, 64)), jnp.float32)
    image = jax.image.resize(target, (12, 16, 3), "cubic")
    model = SMALL[4]
    other = photo(3, 48, 64)
    # Biases are zero at init, so no cell is without features.
    values = model.init(jax.random.key(0), image, [target])
    textures = model.apply(values, image, [other, target], method="find")
    np.testing.assert_array_equal(textures.match.source, 1)
    own = np.stack(np.meshgrid(range(12), range(16), indexing="ij"), -1)
    np.testing.assert_array_equal(textures.match.position, own)
    np.testing.assert_allclose(textures.match.relevance, 1, atol=1e-5)
    levels = TextureExtractor(SMALL[4].textures).apply(
        {"params": values["params"]["extractor"]}, target
    )
    for result, level in zip(textures.transferred, levels, strict=True):
        np.testing.assert_allclose(result, level, atol=1e-5)


@pytest.mark.long
@pytest.mark.slow
def test_every_weight_has_a_finite_gradient():
    model, values = SMALL[4], params(4)
    image, reference = photo(0, 4, 5), photo(1, 16, 12)

    def loss(values):
        return jnp.square(model.apply(values, image, [reference]) - 0.3).mean()

    gradient = jax.jit(jax.grad(loss))(values)
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient):
        assert np.isfinite(leaf).all(), path
        assert np.any(leaf), path


def assert_extractor_equals_vgg16(weights, widths=(64, 128, 256)):
    """relu1_1, relu2_1 and relu3_1, computed in NumPy."""
    image = np.asarray(photo(0, 8, 8), np.float64)
    mean, std = [-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]
    x = (2 * image - 1 - mean) / std
    expected = []
    for i in range(5):
        kernel = weights[f"VGG16_0/Conv_{i}/kernel"].astype(np.float64)
        padded = np.pad(x, [(1, 1), (1, 1), (0, 0)])
        windows = sliding_window_view(padded, (3, 3), axis=(0, 1))
        output = np.einsum("hwcyx,yxck->hwk", windows, kernel)
        x = np.maximum(output + weights[f"VGG16_0/Conv_{i}/bias"], 0)
        if i in (0, 2, 4):
            expected.append(x)
        if i in (1, 3):
            h, w, k = x.shape
            x = x.reshape(h // 2, 2, w // 2, 2, k).max((1, 3))
    levels = TextureExtractor(widths).apply(
        {"params": vgg_textures(weights)}, jnp.asarray(image, jnp.float32)
    )
    for level, twin in zip(levels, expected, strict=True):
        np.testing.assert_allclose(level, twin, atol=2e-3 * np.abs(twin).max())


def test_the_extractor_equals_vgg16():
    generator = np.random.default_rng(0)
    weights, c_in = {}, 3
    for i, c_out in enumerate((4, 4, 6, 6, 8)):
        kernel = generator.normal(size=(3, 3, c_in, c_out)) / np.sqrt(9 * c_in)
        weights[f"VGG16_0/Conv_{i}/kernel"] = kernel.astype(np.float32)
        bias = generator.normal(size=c_out, scale=0.1)
        weights[f"VGG16_0/Conv_{i}/bias"] = bias.astype(np.float32)
        c_in = c_out
    assert_extractor_equals_vgg16(weights, (4, 6, 8))
    with refuses("`weights` must be the arrays of VGG16, got none named"):
        vgg_textures({})


@pytest.mark.slow
def test_the_extractor_with_the_weights_of_vgg16(data_folder):
    path = data_folder / "weights" / "vgg16_lpips.safetensors"
    assert_extractor_equals_vgg16(safetensors.numpy.load_file(path))


def test_wrong_options_are_refused():
    with refuses("`scale` must be one of"):
        TextureTransformer(3)
    with refuses("`blocks` must be 3 numbers for a scale of 2"):
        TextureTransformer(2, blocks=(1, 1))


def test_the_image_encoder_has_the_shapes_of_an_upscalers():
    """A training can start from an upscaler's encoder."""
    upscaler = Upscaler(width=8, blocks=2)
    model = SMALL[4].clone(blocks=(2, 1, 1, 1))
    shapes = [
        jax.eval_shape(x.init, jax.random.key(0), *x.example_inputs())["params"]
        for x in (upscaler, model)
    ]
    assert shapes[0]["encoder"] == shapes[1]["generator"]["image"]


@pytest.mark.long
@pytest.mark.slow
def test_a_large_exponent_removes_dissimilar_textures():
    model, values = SMALL[4], params(4)
    image, reference = photo(0, 4, 5), photo(1, 16, 12)
    powers = {f"power_{s}": jnp.asarray(1e4) for s in range(3)}
    generator = values["params"]["generator"] | powers
    sharp = {"params": values["params"] | {"generator": generator}}
    textures = model.apply(values, image, [reference], method="find")
    assert 0 < textures.match.relevance.max() < 0.999
    result = model.apply(sharp, image, textures, method="generate")
    alone = model.apply(sharp, image, None, method="generate")
    np.testing.assert_array_equal(result, alone)
    assert np.abs(model.apply(values, image, [reference]) - alone).max() > 0
