"""The network that takes textures from references. Its quality is its benchmark's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import random_params
from support import refuses

from inr.references import TextureExtractor, TextureTransformer, vgg_textures
from inr.upscaling import Upscaler
from inr.models.files import example_inputs

SMALL = {
    4: TextureTransformer(4, width=8, blocks=(1, 1, 1, 1), textures=(4, 6, 8)),
    2: TextureTransformer(2, width=8, blocks=(1, 1, 1), textures=(4, 6, 8)),
}


def photo(seed, h, w):
    return jnp.asarray(np.random.default_rng(seed).random((h, w, 3), np.float32))


def params(scale):
    model = SMALL[scale]
    found = random_params(model, photo(0, 4, 4), [photo(1, 16, 16)])
    return jax.tree.map(jnp.asarray, found)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [4, 2])
def test_the_result_depends_on_the_image_and_on_each_reference(scale):
    model, known = SMALL[scale], params(scale)
    image, references = photo(0, 6, 8), [photo(1, 20, 16), photo(2, 12, 24)]
    apply = jax.jit(model.apply)
    made = apply(known, image, references)
    assert made.shape == (6 * scale, 8 * scale, 3)
    assert np.isfinite(made).all()
    others = (
        apply(known, 1 - image, references),
        apply(known, image, [1 - references[0], references[1]]),
        apply(known, image, [references[0], 1 - references[1]]),
        model.apply(known, image, None, method="generate"),
    )
    for other in others:
        assert np.abs(other - made).max() > 1e-4
    # Their order says nothing.
    turned = apply(known, image, references[::-1])
    np.testing.assert_allclose(turned, made, atol=1e-5)


@pytest.mark.slow
def test_at_first_it_is_bicubic_interpolation_nearly():
    model = SMALL[4]
    image, references = photo(0, 6, 8), [photo(1, 16, 16)]
    made = model.apply(
        model.init(jax.random.key(0), image, references), image, references
    )
    expected = jax.image.resize(image, (24, 32, 3), "cubic")
    np.testing.assert_allclose(made, expected, atol=0.05)
    assert np.abs(made - expected).max() > 0


@pytest.mark.slow
def test_a_reference_that_is_the_truth_is_found_in_its_place():
    """Queries and keys lack the same detail, so they agree where the pictures do."""
    y, x = np.meshgrid(np.arange(48), np.arange(64), indexing="ij")
    truth = 0.5 + 0.25 * np.sin(0.021 * x * y)[..., None] * np.array([1, 0.8, 0.5])
    truth = jnp.asarray(truth + 0.2 * np.asarray(photo(5, 48, 64)), jnp.float32)
    image = jax.image.resize(truth, (12, 16, 3), "cubic")
    model = SMALL[4]
    other = photo(3, 48, 64)
    # Without biases, so that no place is without features.
    known = model.init(jax.random.key(0), image, [truth])
    found = model.apply(known, image, [other, truth], method="find")
    np.testing.assert_array_equal(found.match.source, 1)
    own = np.stack(np.meshgrid(range(12), range(16), indexing="ij"), -1)
    np.testing.assert_array_equal(found.match.position, own)
    np.testing.assert_allclose(found.match.relevance, 1, atol=1e-5)
    levels = TextureExtractor(SMALL[4].textures).apply(
        {"params": known["params"]["extractor"]}, truth
    )
    for made, level in zip(found.transferred, levels, strict=True):
        np.testing.assert_allclose(made, level, atol=1e-5)


@pytest.mark.slow
def test_a_loss_reaches_every_weight():
    model, known = SMALL[4], params(4)
    image, reference = photo(0, 4, 5), photo(1, 16, 12)

    def loss(known):
        return jnp.square(model.apply(known, image, [reference]) - 0.3).mean()

    gradient = jax.jit(jax.grad(loss))(known)
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient):
        assert np.isfinite(leaf).all(), path
        assert np.any(leaf), path


@pytest.mark.slow
def test_the_extractor_is_vgg_s(data_folder):
    """Level 2 and 3 before the ReLU's successor: relu1_1, relu2_1, relu3_1 in NumPy."""
    import safetensors.numpy
    from numpy.lib.stride_tricks import sliding_window_view

    path = data_folder / "weights" / "vgg16_lpips.safetensors"
    weights = safetensors.numpy.load_file(path)
    found = vgg_textures(weights)
    image = np.asarray(photo(0, 8, 8), np.float64)
    mean, std = [-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]
    x = (2 * image - 1 - mean) / std
    expected = []
    for i in range(5):
        kernel = weights[f"VGG16_0/Conv_{i}/kernel"].astype(np.float64)
        filled = np.pad(x, [(1, 1), (1, 1), (0, 0)])
        seen = sliding_window_view(filled, (3, 3), axis=(0, 1))
        made = np.einsum("hwcyx,yxck->hwk", seen, kernel)
        x = np.maximum(made + weights[f"VGG16_0/Conv_{i}/bias"], 0)
        if i in (0, 2, 4):
            expected.append(x)
        if i in (1, 3):
            h, w, k = x.shape
            x = x.reshape(h // 2, 2, w // 2, 2, k).max((1, 3))
    levels = TextureExtractor().apply(
        {"params": found}, jnp.asarray(image, jnp.float32)
    )
    for level, twin in zip(levels, expected, strict=True):
        np.testing.assert_allclose(level, twin, atol=2e-3 * np.abs(twin).max())
    with refuses("`weights` must be those of VGG16, got none named"):
        vgg_textures({})


def test_options_that_do_not_fit_are_refused():
    with refuses("`scale` must be one of"):
        TextureTransformer(3)
    with refuses("`blocks` must be 3 numbers for a scale of 2"):
        TextureTransformer(2, blocks=(1, 1))


def test_what_sees_the_image_alone_is_an_upscalers_encoder():
    """So a training may start from one."""
    upscaler = Upscaler(width=8, blocks=2)
    model = SMALL[4].clone(blocks=(2, 1, 1, 1))
    shapes = [
        jax.eval_shape(x.init, jax.random.key(0), *example_inputs(x))["params"]
        for x in (upscaler, model)
    ]
    assert shapes[0]["encoder"] == shapes[1]["generator"]["image"]


@pytest.mark.slow
def test_a_large_power_leaves_out_what_is_not_alike():
    model, known = SMALL[4], params(4)
    image, reference = photo(0, 4, 5), photo(1, 16, 12)
    powers = {f"power_{s}": jnp.asarray(1e4) for s in range(3)}
    generator = known["params"]["generator"] | powers
    sharp = {"params": known["params"] | {"generator": generator}}
    found = model.apply(known, image, [reference], method="find")
    assert 0 < found.match.relevance.max() < 0.999
    made = model.apply(sharp, image, found, method="generate")
    alone = model.apply(sharp, image, None, method="generate")
    np.testing.assert_array_equal(made, alone)
    assert np.abs(model.apply(known, image, [reference]) - alone).max() > 0
