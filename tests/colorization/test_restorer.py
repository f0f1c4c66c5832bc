"""The restorer as a field of RGB."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL, gray_image, random_params
from support import refuses

import inr
from inr import color, coords
from inr.models import FeatureMap, load_model, save_model


@pytest.fixture(scope="module")
def params():
    return random_params()


@pytest.mark.long
@pytest.mark.slow
def test_each_point_is_computed_alone(params):
    field = inr.bind(SMALL, params, gray_image())
    points = coords.random_points(jax.random.key(2), 12)
    together = field(points.reshape(3, 4, 2))
    assert together.shape == (3, 4, 3)
    alone = jnp.stack([field(p) for p in points]).reshape(3, 4, 3)
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1])
def test_the_result_depends_on_each_coordinate(params, axis):
    """Also where the image is flat and the features are constant."""
    for image in (gray_image(), np.full((16, 16, 1), 0.5, np.float32)):
        field = inr.bind(SMALL, params, image)
        step = jnp.zeros(2).at[axis].set(0.03)
        point = jnp.array([0.1, -0.2])
        assert np.abs(field(point + step) - field(point)).max() > 1e-4


@pytest.mark.slow
def test_the_result_depends_on_distant_parts_of_the_image(params):
    """Through the mean over all pixels."""
    image_a, image_b = gray_image(), gray_image()
    image_b[-3:, -3:] = 1 - image_b[-3:, -3:]
    point = jnp.array([-0.9, -0.9])
    a, b = (inr.bind(SMALL, params, x)(point) for x in (image_a, image_b))
    assert np.abs(a - b).max() > 1e-5


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (5, 9), (17, 2)])
def test_images_of_any_size(params, size):
    image = gray_image(*size)
    feature_map = SMALL.apply(params, image, method="encode")
    assert feature_map.features.shape == (*size, 8)
    rgb = inr.render(inr.bind(SMALL, params, image), (6, 7), progress=False)
    assert rgb.shape == (6, 7, 3)
    assert np.isfinite(rgb).all()


@pytest.mark.long
@pytest.mark.slow
def test_an_untrained_restorer_enlarges_the_image():
    image = gray_image(12, 12)
    params = SMALL.init(jax.random.key(0), jnp.zeros((1, 2)), image)
    rgb = inr.render(inr.bind(SMALL, params, image), (24, 24), progress=False)
    enlarged = jax.image.resize(image, (24, 24, 1), "cubic")
    inner = np.s_[4:-4, 4:-4]
    gray = jnp.broadcast_to(enlarged, (24, 24, 3))
    np.testing.assert_allclose(rgb[inner], gray[inner], atol=0.02)


@pytest.mark.slow
def test_exact_luma_is_that_of_the_image():
    model = SMALL.clone(exact_luma=True)
    image = gray_image(40, 24)  # larger than `side`: reduced for the encoder
    params = random_params(model, jnp.zeros((1, 2)), image)
    field = inr.bind(model, params, image)
    assert field.feature_map.features.shape == (16, 10, 8)
    rgb = inr.render(field, (40, 24), progress=False)
    np.testing.assert_allclose(color.rgb_to_luma(rgb), image, atol=1e-5)
    assert np.abs(color.rgb_to_ycbcr(rgb)[..., 1:]).max() > 0.01


@pytest.mark.long
@pytest.mark.slow
def test_training_and_rendering_agree(params):
    """`apply` on an image equals the bound field, and all gradients are finite."""
    points = coords.random_points(jax.random.key(3), 9)
    field = inr.bind(SMALL, params, gray_image())
    direct = jax.jit(SMALL.apply)(params, points, gray_image())
    np.testing.assert_allclose(direct, field(points), atol=1e-6)

    image = gray_image()

    def loss(params):
        return jnp.mean(SMALL.apply(params, points, image) ** 2)

    for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(params)):
        assert np.isfinite(leaf).all()
        assert np.abs(leaf).max() > 0


@pytest.mark.slow
def test_the_decoder_reads_the_feature_map_alone(params):
    """So a bound field runs the encoder once."""
    field = inr.bind(SMALL, params, gray_image())
    features, luma = field.feature_map
    zeroed = inr.BoundField(SMALL, params, FeatureMap(0 * features, luma))
    point = jnp.array([0.3, 0.3])
    assert np.abs(field(point) - zeroed(point)).max() > 1e-4
    decoder = {"params": {"decoder": params["params"]["decoder"]}}
    without_encoder = inr.BoundField(SMALL, decoder, field.feature_map)
    np.testing.assert_array_equal(without_encoder(point), field(point))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("space", ["ycbcr", "lab", "rgb"])
def test_gradients_and_files_in_each_space(space, tmp_path):
    model = SMALL.clone(space=space)
    params = random_params(model)
    points = coords.random_points(jax.random.key(0), 20)
    field = inr.bind(model, params, gray_image())
    gradient = jax.grad(
        lambda p: jnp.square(model.apply(p, points, gray_image()) - 0.3).mean()
    )(params)
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
        assert np.any(leaf)
    path = tmp_path / "model.safetensors"
    save_model(path, model, params)
    loaded = load_model(path)
    assert loaded.model.space == space
    rgb = inr.bind(*loaded, gray_image())(points)
    np.testing.assert_allclose(rgb, field(points), atol=0.02)


@pytest.mark.long
@pytest.mark.slow
def test_features_are_read_at_feature_coords():
    params, points = random_params(), coords.random_points(jax.random.key(0), 20)
    maps = SMALL.apply(params, gray_image(), method="encode")
    plain = SMALL.apply(params, points, maps)
    np.testing.assert_array_equal(SMALL.apply(params, points, maps, points), plain)
    elsewhere = SMALL.apply(params, points, maps, 0.9 * points)
    assert np.abs(elsewhere - plain).max() > 1e-4
    # Constant features are the same everywhere.
    flat = maps._replace(features=0 * maps.features + 0.3)
    a, b = (SMALL.apply(params, points, flat, s * points) for s in (1, 0.9))
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_bad_input_is_refused(params):
    with refuses(
        "`image` must be gray, \\[h, w\\] or \\[h, w, 1\\], got \\(4, 4, 3\\)"
    ):
        inr.bind(SMALL, params, np.zeros((4, 4, 3), np.float32))
    with refuses("`image`"):
        inr.bind(SMALL, params, np.zeros((4, 4, 1), np.int32))
