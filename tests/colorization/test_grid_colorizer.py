"""Colorizers of sines and ReLUs. Their quality is measured by a benchmark."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_colorizers import KINDS, initialized
from small_restorer import gray_image, random_params
from support import refuses

import inr
from inr import color
from inr.colorization import (
    Colorizer,
    DenseColorizer,
    PatchColorizer,
    colorization_field,
)
from inr.models import LoadedModel, load_model, save_model


def num_params(model, *inputs, **options):
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), *inputs, **options))
    return sum(x.size for x in jax.tree.leaves(shapes))


def test_parameter_counts_are_the_published_ones():
    """6.54 million for the study's colorizers, counted layer by layer."""
    model = Colorizer(embedding="given", embedding_width=1000)
    inputs = jnp.zeros((1, 256, 256, 1)), jnp.zeros((1, 1000))
    layers = [(9, 1, 64), (9, 64, 128), (9, 128, 128), (9, 128, 256), (9, 256, 256)]
    layers += [(9, 256, 512), (9, 512, 512), (9, 512, 256), (1, 1256, 256)]
    layers += [(9, 256, 128), (9, 128, 64), (9, 64, 32), (9, 32, 16), (9, 16, 2)]
    expected = sum((n * c + 1) * k for n, c, k in layers)
    assert num_params(model, *inputs, method="colors") == expected
    assert 6.54e6 < expected < 6.545e6
    dense = num_params(DenseColorizer(), jnp.zeros((1, 2)), gray_image())
    assert dense == 207_062_784


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_images_of_any_size_keep_their_luma(kind):
    model = initialized(kind)
    for gray in (gray_image(37, 50), np.full((1, 1, 1), 0.3, np.float32)):
        rgb = inr.colorize(gray, model=model, detail=None)
        assert rgb.shape == (*gray.shape[:2], 3)
        np.testing.assert_allclose(color.rgb_to_luma(rgb), gray, atol=1e-5)
    region = ((0.25, 0.5), (0.625, 0.75))
    options = {"model": model, "detail": None}
    part = inr.colorize(gray_image(), size=(6, 5), region=region, **options)
    image = inr.colorize(gray_image(), **options)
    np.testing.assert_allclose(part, image[4:10, 10:15], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_colors_depend_on_the_image_and_the_point(kind):
    params = random_params(KINDS[kind], jnp.zeros((1, 2)), gray_image())
    model = LoadedModel(KINDS[kind], params)
    points = jnp.array([[0.1, -0.3], [0.8, 0.6]])

    def chroma(image):
        rgb = colorization_field(image, model=model, detail=None)(points)
        return np.asarray(color.rgb_to_ycbcr(rgb))[..., 1:]

    chroma_a, chroma_b = chroma(gray_image())
    assert np.abs(chroma_a - chroma_b).max() > 1e-4
    assert np.abs(chroma(1 - gray_image()) - [chroma_a, chroma_b]).max() > 1e-4


@pytest.mark.long
@pytest.mark.slow
def test_the_output_of_the_network_is_in_lab():
    """At the center of a pixel the color has its L and the (a, b) of the grid."""
    model = PatchColorizer(side=16, width=16, depth=1, patch=4, context=8)
    params = model.init(jax.random.key(1), jnp.zeros((1, 2)), gray_image(16, 16))
    maps = model.apply(params, gray_image(16, 16), method="encode")
    rgb = model.apply(params, inr.coords.grid((16, 16)), maps)
    # Luma is the image's, so L is only approximately that of gray; hue is exact.
    lab = np.asarray(color.rgb_to_lab(rgb))
    ab = 128 * np.asarray(maps.features)
    np.testing.assert_allclose(lab[..., 1:], ab, atol=0.05 * np.abs(ab).max() + 0.3)


def test_a_patch_depends_on_its_context_alone():
    model = KINDS["patches"]
    params = random_params(model, jnp.zeros((1, 2)), gray_image())
    params = jax.tree.map(jnp.asarray, params)
    generator = np.random.default_rng(0)
    light = generator.uniform(-1, 1, (1, 16, 16, 1)).astype(np.float32)
    colors = jax.jit(lambda x: model.apply(params, x, method="colors"))
    before = np.asarray(colors(light))
    light[0, 9, 9] += 0.5  # two pixels into the third patch
    changed = np.abs(np.asarray(colors(light)) - before).max((0, -1)) > 1e-6
    patches = changed.reshape(4, 4, 4, 4).any((1, 3))
    np.testing.assert_array_equal(patches[:, 2], [False, True, True, False])
    assert not patches[:, 0].any()
    # Weights are shared: a shift by a patch shifts the colors.
    rolled = np.roll(light, 4, axis=2)
    np.testing.assert_allclose(
        np.asarray(colors(rolled))[:, :, 8:12],
        np.asarray(colors(light))[:, :, 4:8],
        atol=1e-5,
    )


@pytest.mark.long
@pytest.mark.slow
def test_a_given_embedding_is_required_and_changes_the_colors():
    model = Colorizer(width=8, embedding="given", embedding_width=5, side=16)
    light = jnp.asarray(gray_image(16, 16)[None])
    params = model.init(jax.random.key(0), light, jnp.ones((1, 5)), method="colors")
    colors_a, colors_b = (
        np.asarray(model.apply(params, light, jnp.full((1, 5), x), method="colors"))
        for x in (1.0, -1.0)
    )
    assert np.abs(colors_a - colors_b).max() > 1e-4
    image, embedding = gray_image(16, 16), jnp.ones((1, 5))
    maps = model.apply(params, image, embedding, method="encode")
    assert maps.features.shape == (8, 8, 2)
    for wrong in ((), (jnp.ones((1, 4)),)):
        with refuses(r"`embedding` must be of shape \(1, 5\)"):
            model.apply(params, light, *wrong, method="colors")
    with refuses("`embedding` must be .* in a model that is saved"):
        save_model("colorizer.safetensors", model, params)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["relu", "dense"])
def test_a_file_round_trip(kind, tmp_path):
    path = tmp_path / "colorizer.safetensors"
    model, params = initialized(kind)
    save_model(path, model, params)
    assert load_model(path).model == model
    rgb = inr.colorize(gray_image(40, 30), model=path)
    expected = inr.colorize(gray_image(40, 30), model=LoadedModel(model, params))
    np.testing.assert_allclose(rgb, expected, atol=5e-3)  # float16


@pytest.mark.long
@pytest.mark.slow
def test_the_original_setting_gives_phases_of_a_few_radians():
    """1/30 on L up to 100 makes smooth waves, 30 makes noise.

    With noise, neighboring gray levels have unrelated colors, and nothing is learned.
    """
    levels = jnp.linspace(20, 80, 200).reshape(1, 1, 200, 1)

    def roughness(omega):
        kernel = jax.random.uniform(jax.random.key(0), (9, 64), jnp.float32, -1, 1)
        wave = jnp.sin(omega * jnp.tile(levels.reshape(-1, 1), 9) @ kernel)
        return float(jnp.abs(jnp.diff(wave, axis=0)).mean() / jnp.abs(wave).mean())

    assert roughness(1 / 30) < 0.05 < 1 < roughness(30.0)
    kernel = initialized("both").params["params"]["layer_0"]["conv"]["kernel"]
    assert 0.95 < np.abs(kernel).max() <= 1


@pytest.mark.long
@pytest.mark.slow
def test_bad_input_is_refused():
    for options, message in (
        ({"activations": ("relu",)}, "`activations` must be 14 names"),
        ({"activations": ("cosine",) * 14}, "`activations` must be one of"),
        ({"embedding": "some"}, "`embedding` must be one of"),
        ({"width": 0}, "`width`"),
    ):
        with refuses(message):
            Colorizer(**options)
    with refuses("`context` must be 4 plus an even number, got 7"):
        PatchColorizer(context=7)
    with refuses("`image` must be gray"):
        inr.bind(*initialized("relu"), np.zeros((8, 8, 3), np.float32))
    with refuses("`model` must be a model for task 'upscale', got Colorizer"):
        inr.upscale(gray_image(), 2, model=initialized("relu"))
