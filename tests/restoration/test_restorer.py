import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from small_restorer import SMALL, noisy, picture
from support import refuses

import inr
from inr import color, coords
from inr.restoration import Encoder, FeatureMap, TrunkEncoder, gray_trunk


@pytest.fixture(scope="module")
def params():
    return noisy()


@pytest.mark.slow
def test_it_is_a_field_of_rgb_whose_points_are_alone(params):
    field = inr.bind(SMALL, params, picture())
    points = coords.random_points(jax.random.key(2), 12)
    found = field(points.reshape(3, 4, 2))
    assert found.shape == (3, 4, 3)
    alone = jnp.stack([field(p) for p in points]).reshape(3, 4, 3)
    np.testing.assert_allclose(found, alone, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1])
def test_each_coordinate_matters(params, axis):
    """Also where the image is flat, and the map's features cannot tell."""
    for image in (picture(), np.full((16, 16, 1), 0.5, np.float32)):
        field = inr.bind(SMALL, params, image)
        step = jnp.zeros(2).at[axis].set(0.03)
        point = jnp.array([0.1, -0.2])
        assert np.abs(field(point + step) - field(point)).max() > 1e-4


@pytest.mark.slow
def test_the_image_matters_beyond_its_luma_at_the_point(params):
    """Far from the point too: through the whole image's mean."""
    one, other = picture(), picture()
    other[-3:, -3:] = 1 - other[-3:, -3:]
    point = jnp.array([-0.9, -0.9])
    first, second = (inr.bind(SMALL, params, x)(point) for x in (one, other))
    assert np.abs(first - second).max() > 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (5, 9), (17, 2)])
def test_any_size_of_image(params, size):
    image = picture(*size)
    encoded = SMALL.apply(params, image, method="encode")
    assert encoded.features.shape == (*size, 8)
    made = inr.render(inr.bind(SMALL, params, image), (6, 7), progress=False)
    assert made.shape == (6, 7, 3)
    assert np.isfinite(made).all()


def test_padding_is_cut_off():
    """A size that the pyramid does not divide: as the larger image that was meant."""
    model, image = Encoder(widths=(4, 6, 8)), picture(8, 8)
    params = noisy(model, image)
    whole = np.pad(image[:7, :6], ((0, 1), (0, 2), (0, 0)), mode="edge")
    encode = jax.jit(model.apply)
    found, expected = encode(params, image[:7, :6]), encode(params, whole)
    np.testing.assert_allclose(found, expected[:7, :6], atol=1e-6)


def vgg(side=40):
    """An RGB image's first two stages by VGG16's recipe, on random weights."""
    draw = np.random.default_rng(3)
    channels = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512)
    weights = {}
    for i, (c, k) in enumerate(itertools.pairwise(channels)):
        kernel = draw.normal(size=(3, 3, c, k)) * np.sqrt(2 / (9 * c))
        weights[f"VGG16_0/Conv_{i}/kernel"] = kernel.astype(np.float32)
        weights[f"VGG16_0/Conv_{i}/bias"] = draw.normal(size=k).astype(np.float32)
    gray = draw.random((side, side, 1), np.float32)
    mean, std = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
    x = (2 * np.repeat(gray, 3, -1) - 1 - np.array(mean)) / np.array(std)
    for i in range(4):
        if i == 2:
            x = x.reshape(side // 2, 2, side // 2, 2, -1).max((1, 3))
        patches = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(patches, (3, 3), (0, 1))
        x = np.einsum("hwcij,ijck->hwk", windows, weights[f"VGG16_0/Conv_{i}/kernel"])
        x = np.maximum(x + weights[f"VGG16_0/Conv_{i}/bias"], 0)
    return weights, gray, x


@pytest.mark.slow
def test_a_trunk_sees_gray_images_as_vgg_does():
    weights, gray, expected = vgg()
    model = TrunkEncoder(widths=(4, 6))
    params = noisy(model, gray)["params"]
    trunk = gray_trunk(weights)
    params.update({name: trunk[name] for name in params if name in trunk})
    seen = {}

    def look(next_fun, args, kwargs, context):
        seen[context.module.name] = out = next_fun(*args, **kwargs)
        return out

    with nn.intercept_methods(look):
        made = model.apply({"params": params}, gray - 0.5)
    assert made.shape == (40, 40, 4)
    inner = np.s_[4:-4, 4:-4]  # zeros at the border are another gray here
    found = np.maximum(seen["trunk_1_1"], 0)
    np.testing.assert_allclose(found[inner], expected[inner], rtol=1e-3, atol=1e-3)
    with refuses("`widths` must be at most 4"):
        noisy(TrunkEncoder(widths=(2,) * 5), gray)
    del weights["VGG16_0/Conv_5/bias"]
    with refuses("VGG16_0/Conv_5/bias"):
        gray_trunk(weights)


@pytest.mark.slow
def test_a_restorer_may_have_a_trunk():
    model = SMALL.clone(trunk=True)
    params = noisy(model)
    trunk = gray_trunk(vgg()[0])
    encoder = params["params"]["encoder"]
    shapes = jax.tree.map(np.shape, {k: trunk[k] for k in encoder if k in trunk})
    assert shapes == jax.tree.map(np.shape, {k: encoder[k] for k in shapes})
    field = inr.bind(model, params, picture(9, 7))
    assert inr.render(field, (5, 4), progress=False).shape == (5, 4, 3)


@pytest.mark.slow
def test_untrained_it_is_the_image_enlarged():
    image = picture(12, 12)
    params = SMALL.init(jax.random.key(0), jnp.zeros((1, 2)), image)
    made = inr.render(inr.bind(SMALL, params, image), (24, 24), progress=False)
    enlarged = jax.image.resize(image, (24, 24, 1), "cubic")
    inner = np.s_[4:-4, 4:-4]
    gray = jnp.broadcast_to(enlarged, (24, 24, 3))
    np.testing.assert_allclose(made[inner], gray[inner], atol=0.02)


def test_exact_luma_is_the_images_own():
    model = SMALL.clone(exact_luma=True)
    image = picture(40, 24)  # more than `side`: the encoder sees it reduced
    params = noisy(model, jnp.zeros((1, 2)), image)
    field = inr.bind(model, params, image)
    assert field.feature_map.features.shape == (16, 10, 8)
    made = inr.render(field, (40, 24), progress=False)
    np.testing.assert_allclose(color.rgb_to_luma(made), image, atol=1e-5)
    assert np.abs(color.rgb_to_ycbcr(made)[..., 1:]).max() > 0.01


@pytest.mark.slow
def test_training_sees_what_rendering_does(params):
    """An image in place of its feature map, with finite gradients in all parameters."""
    points = coords.random_points(jax.random.key(3), 9)
    field = inr.bind(SMALL, params, picture())
    direct = jax.jit(SMALL.apply)(params, points, picture())
    np.testing.assert_allclose(direct, field(points), atol=1e-6)

    image = picture()

    def loss(params):
        return jnp.mean(SMALL.apply(params, points, image) ** 2)

    for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(params)):
        assert np.isfinite(leaf).all()
        assert np.abs(leaf).max() > 0


def test_the_decoder_sees_the_encoders_map_alone(params):
    """So a bound field pays for the encoder once."""
    field = inr.bind(SMALL, params, picture())
    features, luma = field.feature_map
    again = inr.BoundField(SMALL, params, FeatureMap(0 * features, luma))
    point = jnp.array([0.3, 0.3])
    assert np.abs(field(point) - again(point)).max() > 1e-4
    encoder_gone = {"params": {"decoder": params["params"]["decoder"]}}
    bare = inr.BoundField(SMALL, encoder_gone, field.feature_map)
    np.testing.assert_array_equal(bare(point), field(point))


def test_bad_input_is_refused(params):
    with refuses(
        "`image` must be gray, \\[h, w\\] or \\[h, w, 1\\], got \\(4, 4, 3\\)"
    ):
        inr.bind(SMALL, params, np.zeros((4, 4, 3), np.float32))
    with refuses("`image`"):
        inr.bind(SMALL, params, np.zeros((4, 4, 1), np.uint8))
