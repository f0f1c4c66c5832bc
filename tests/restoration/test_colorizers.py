"""Networks of sines and ReLUs that color. Their quality is their benchmark's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from small_restorer import noisy, picture
from support import refuses

import inr
from inr import color, metrics
from inr.restoration import (
    FULL_RELU,
    FULL_SIREN,
    SIREN_RELU_SIREN,
    Colorizer,
    DenseColorizer,
    LoadedModel,
    PatchColorizer,
    bind_restorer,
    colorizer_loss,
    load_model,
    save_model,
)

KINDS = {
    "relu": Colorizer(FULL_RELU, width=8, embedding_width=6, side=16),
    "sines": Colorizer(FULL_SIREN, width=8, embedding="zeros", side=16),
    "both": Colorizer(SIREN_RELU_SIREN, width=8, original=True, side=16),
    "dense": DenseColorizer(side=8, width=32, depth=1),
    "patches": PatchColorizer(side=16, width=16, depth=1, patch=4, context=8),
}


def loaded(kind):
    model = KINDS[kind]
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)), picture())
    return LoadedModel(model, params)


def size(model, *inputs, **options):
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), *inputs, **options))
    return sum(x.size for x in jax.tree.leaves(shapes))


def test_sizes_are_the_published_ones():
    """Of the colorizers in the study: 6.54 million, counted there layer by layer."""
    model = Colorizer(embedding="given", embedding_width=1000)
    inputs = jnp.zeros((1, 256, 256, 1)), jnp.zeros((1, 1000))
    layers = [(9, 1, 64), (9, 64, 128), (9, 128, 128), (9, 128, 256), (9, 256, 256)]
    layers += [(9, 256, 512), (9, 512, 512), (9, 512, 256), (1, 1256, 256)]
    layers += [(9, 256, 128), (9, 128, 64), (9, 64, 32), (9, 32, 16), (9, 16, 2)]
    expected = sum((n * c + 1) * k for n, c, k in layers)
    assert size(model, *inputs, method="colors") == expected
    assert 6.54e6 < expected < 6.545e6
    assert size(DenseColorizer(), jnp.zeros((1, 2)), picture()) == 207_062_784


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_any_size_is_colored_and_keeps_its_luma(kind):
    model = loaded(kind)
    for gray in (picture(37, 50), np.full((1, 1, 1), 0.3, np.float32)):
        made = inr.colorize(gray, model=model, detail=None)
        assert made.shape == (*gray.shape[:2], 3)
        np.testing.assert_allclose(color.rgb_to_luma(made), gray, atol=1e-5)
    part = inr.colorize(
        picture(), size=(6, 5), region=((0.25, 0.5), (0.625, 0.75)), model=model,
        detail=None,
    )  # fmt: skip
    whole = inr.colorize(picture(), model=model, detail=None)
    np.testing.assert_allclose(part, whole[4:10, 10:15], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_colors_depend_on_the_image_and_the_place(kind):
    params = noisy(KINDS[kind], jnp.zeros((1, 2)), picture())
    model = LoadedModel(KINDS[kind], params)
    points = jnp.array([[0.1, -0.3], [0.8, 0.6]])

    def chroma(image):
        made = bind_restorer(image, model=model, detail=None)(points)
        return np.asarray(color.rgb_to_ycbcr(made))[..., 1:]

    here, there = chroma(picture())
    assert np.abs(here - there).max() > 1e-4
    assert np.abs(chroma(1 - picture()) - [here, there]).max() > 1e-4


@pytest.mark.slow
def test_what_the_network_says_is_lab():
    """The color at a pixel's center has its L, and the (a, b) of the grid."""
    model = PatchColorizer(side=16, width=16, depth=1, patch=4, context=8)
    params = model.init(jax.random.key(1), jnp.zeros((1, 2)), picture(16, 16))
    maps = model.apply(params, picture(16, 16), method="encode")
    rgb = model.apply(params, inr.coords.grid((16, 16)), maps)
    # Its luma is the image's, and so L only about that of gray; hue is kept.
    lab = np.asarray(color.rgb_to_lab(rgb))
    said = 128 * np.asarray(maps.features)
    np.testing.assert_allclose(lab[..., 1:], said, atol=0.05 * np.abs(said).max() + 0.3)


def test_an_image_as_seen_is_what_patches_see_too():
    """A patch depends on its context, and on nothing farther."""
    model = KINDS["patches"]
    params = jax.tree.map(jnp.asarray, noisy(model, jnp.zeros((1, 2)), picture()))
    light = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 1)).astype(np.float32)
    colors = jax.jit(lambda x: model.apply(params, x, method="colors"))
    base = np.asarray(colors(light))
    light[0, 9, 9] += 0.5  # two pixels into the third patch
    changed = np.abs(np.asarray(colors(light)) - base).max((0, -1)) > 1e-6
    patches = changed.reshape(4, 4, 4, 4).any((1, 3))
    np.testing.assert_array_equal(patches[:, 2], [False, True, True, False])
    assert not patches[:, 0].any()
    # Weights are shared: a shift by a patch shifts the colors.
    moved = np.roll(light, 4, axis=2)
    np.testing.assert_allclose(
        np.asarray(colors(moved))[:, :, 8:12],
        np.asarray(colors(light))[:, :, 4:8],
        atol=1e-5,
    )


@pytest.mark.slow
def test_a_given_embedding_says_something_and_is_needed():
    model = Colorizer(width=8, embedding="given", embedding_width=5, side=16)
    light = jnp.asarray(picture(16, 16)[None])
    inputs = light, jnp.ones((1, 5))
    params = noisy_colors(model, *inputs)
    one, two = (
        np.asarray(model.apply(params, light, jnp.full((1, 5), x), method="colors"))
        for x in (1.0, -1.0)
    )
    assert np.abs(one - two).max() > 1e-4
    for wrong in ((), (jnp.ones((1, 4)),)):
        with refuses(r"`embedding` must be of shape \(1, 5\)"):
            model.apply(params, light, *wrong, method="colors")
    with refuses("`model` must be without an embedding to be given"):
        save_model("colorizer.safetensors", model, params)


def noisy_colors(model, *inputs):
    return model.init(jax.random.key(0), *inputs, method="colors")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["relu", "dense"])
def test_kept_in_a_file(kind, tmp_path):
    path = tmp_path / "kept.safetensors"
    model, params = loaded(kind)
    save_model(path, model, params)
    found = load_model(path)
    assert found.model == model
    made = inr.colorize(picture(40, 30), model=path)
    expected = inr.colorize(picture(40, 30), model=LoadedModel(model, params))
    np.testing.assert_allclose(made, expected, atol=5e-3)  # float16


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_the_error_on_the_grid(kind):
    model, params = loaded(kind)
    crops = np.random.default_rng(0).integers(0, 255, (2, 16, 16, 3)).astype(np.uint8)
    loss = colorizer_loss(model)
    value, _ = jax.jit(loss)(params, jax.random.key(0), crops)
    n = model.seen_size((16, 16))[0]
    wanted = crops.reshape(2, n, 16 // n, n, 16 // n, 3).mean((2, 4)) / 255
    gray = wanted @ np.array([0.299, 0.587, 0.114])
    level = color.rgb_to_lab(np.repeat(gray[..., None], 3, -1))[..., :1] / 50 - 1
    made = np.asarray(model.apply(params, jnp.float32(level), method="colors"))
    m = made.shape[1]
    wanted = wanted.reshape(2, m, n // m, m, n // m, 3).mean((2, 4))
    if kind != "dense":
        wanted = np.asarray(color.rgb_to_lab(wanted))[..., 1:] / 128
    np.testing.assert_allclose(value, np.mean((made - wanted) ** 2), rtol=1e-4)
    gradient = jax.jit(jax.grad(loss, has_aux=True))(params, jax.random.key(0), crops)[
        0
    ]
    flat = jax.tree_util.tree_leaves_with_path(gradient["params"])
    for path, leaf in flat:
        assert np.isfinite(leaf).all()
        assert np.any(leaf), path


@pytest.mark.slow
def test_a_loss_with_weights_judges_the_picture(data_folder):
    path = data_folder / "weights" / "vgg16_lpips.safetensors"
    weights = safetensors.numpy.load_file(path)
    model, params = loaded("both")
    crops = np.random.default_rng(0).integers(0, 255, (2, 16, 16, 3)).astype(np.uint8)
    loss = colorizer_loss(model, weights=weights, perceptual=0.3)
    (total, parts), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(
        params, jax.random.key(0), crops
    )
    plain = jax.jit(colorizer_loss(model))(params, jax.random.key(0), crops)[0]
    distances = []
    for crop in crops:
        image = jnp.float32(crop) / 255
        field = inr.bind(model, params, color.rgb_to_luma(image))
        made = field(inr.coords.grid((16, 16)))
        distances.append(metrics.lpips(made, image, weights=weights))
    np.testing.assert_allclose(parts["perceptual"], np.mean(distances), rtol=1e-3)
    np.testing.assert_allclose(parts["square"], plain, rtol=1e-5)
    np.testing.assert_allclose(total, plain + 0.3 * np.mean(distances), rtol=1e-3)
    leaves = jax.tree_util.tree_leaves_with_path(gradient["params"])
    assert all(np.isfinite(leaf).all() and np.any(leaf) for _, leaf in leaves)


@pytest.mark.slow
def test_the_original_s_trick_is_a_matter_of_scale():
    """1/30 on L up to 100 makes phases of a few radians, 30 makes noise.

    Neighboring gray levels then have unlike colors, and a network learns nothing.
    """
    levels = jnp.linspace(20, 80, 200).reshape(1, 1, 200, 1)

    def roughness(omega):
        kernel = jax.random.uniform(jax.random.key(0), (9, 64), jnp.float32, -1, 1)
        wave = jnp.sin(omega * jnp.tile(levels.reshape(-1, 1), 9) @ kernel)
        return float(jnp.abs(jnp.diff(wave, axis=0)).mean() / jnp.abs(wave).mean())

    assert roughness(1 / 30) < 0.05 < 1 < roughness(30.0)
    model = KINDS["both"]
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)), picture())
    kernel = params["params"]["layer_0"]["conv"]["kernel"]
    assert 0.95 < np.abs(kernel).max() <= 1


def test_bad_options_are_refused():
    for wrong, message in (
        ({"activations": ("relu",)}, "`activations` must be 14 names"),
        ({"activations": ("cosine",) * 14}, "`activations` must be one of"),
        ({"embedding": "some"}, "`embedding` must be one of"),
        ({"width": 0}, "`width`"),
    ):
        with refuses(message):
            Colorizer(**wrong)
    with refuses("`context` must be 4 and an even number more, got 7"):
        PatchColorizer(context=7)
    with refuses("`image` must be gray"):
        inr.bind(*loaded("relu"), np.zeros((8, 8, 3), np.float32))
    with refuses("`model` must be a `Upscaler`, got a `Colorizer`"):
        inr.upscale(picture(), 2, model=loaded("relu"))
