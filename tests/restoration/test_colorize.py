"""`colorize`, the loss a restorer learns from, and its file."""

import hashlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL, noisy, picture
from support import refuses

import inr
from inr import color, coords, pretrained
from inr.restoration import (
    LoadedModel,
    Restorer,
    Upscaler,
    bind_restorer,
    load_model,
    restorer_loss,
    save_model,
)
from inr.training import point_batch, reduce_images


@pytest.fixture(scope="module")
def small():
    params = jax.tree.map(lambda x: np.float32(np.float16(x)), noisy())
    return LoadedModel(SMALL, params)


@pytest.mark.slow
def test_a_large_image_keeps_its_luma_and_a_small_one_gains_some(small):
    large, little = picture(24, 40), picture(12, 16)
    made = inr.colorize(large, model=small)
    assert made.shape == (24, 40, 3)
    np.testing.assert_allclose(color.rgb_to_luma(made), large, atol=1e-5)
    made = inr.colorize(little, size=(24, 32), model=small, detail=None)
    enlarged = jax.image.resize(little, (24, 32, 1), "cubic")
    assert np.abs(color.rgb_to_luma(made) - enlarged)[4:-4, 4:-4].max() > 1e-3


@pytest.mark.slow
def test_a_small_image_s_luma_is_an_upscaler_s_and_its_chroma_the_restorer_s(small):
    little, size = picture(12, 16), (30, 40)
    model = Upscaler(width=4, blocks=1, waves=2)
    inputs = jnp.zeros((1, 2)), np.repeat(little, 3, -1)
    detail = LoadedModel(model, noisy(model, *inputs))
    made = inr.colorize(little, size=size, model=small, detail=detail)
    luma = color.rgb_to_luma(inr.upscale(inputs[1], 2.5, model=detail))
    np.testing.assert_allclose(color.rgb_to_luma(made), luma, atol=1e-4)
    own = inr.colorize(little, size=size, model=small, detail=None)
    found, expected = (color.rgb_to_ycbcr(x)[..., 1:] for x in (made, own))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(color.rgb_to_luma(own) - luma).max() > 1e-3
    # The same anywhere: as a field, and of a part.
    field = bind_restorer(little, model=small, detail=detail)
    part = inr.colorize(
        little, size=(15, 10), region=((0.5, 0.25), (1.0, 0.5)), model=small,
        detail=detail,
    )  # fmt: skip
    np.testing.assert_allclose(part, made[15:, 10:20], atol=1e-4)
    point = coords.grid(size)[3, 4]
    cell = coords.pitch(size)
    np.testing.assert_allclose(field.cell_mean(point, cell), made[3, 4], atol=1e-4)
    # A large one has all its detail.
    fine = picture(20, 24)
    a, b = (inr.colorize(fine, model=small, detail=d) for d in (None, detail))
    np.testing.assert_array_equal(a, b)


def test_it_is_the_bound_field_rendered(small):
    gray = picture(24, 40)
    region = ((0.2, 0.1), (0.7, 0.6))
    field = bind_restorer(gray[..., 0], model=small)
    expected = inr.render(field, (30, 10), region=region, progress=False)
    found = inr.colorize(gray, size=(30, 10), region=region, model=small)
    np.testing.assert_array_equal(found, expected)
    # By default at the image's own pixels.
    assert inr.colorize(gray, region=region, model=small).shape == (12, 20, 3)


@pytest.mark.slow
def test_the_largest_image_is_seen_as_the_smaller_one_is(small):
    """The encoder's input is the image at the side that it was trained at."""
    fine = picture(64, 48)
    side = (16, 12)
    field = bind_restorer(fine, model=small)
    seen = SMALL.apply(small.params, reduce_images(fine, side), interpolation="encode")
    np.testing.assert_allclose(field.feature_map.features, seen.features, atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2)])
def test_tiny_images_have_colors(small, size):
    made = inr.colorize(picture(*size), model=small, detail=None)
    assert made.shape == (*size, 3)
    assert np.isfinite(made).all()


@pytest.mark.slow
def test_what_is_read_is_what_was_written(small, tmp_path):
    path = tmp_path / "small.safetensors"
    save_model(path, SMALL.clone(exact_luma=True), small.params)
    model, params = load_model(path)
    assert model == SMALL
    jax.tree.map(np.testing.assert_array_equal, params, small.params)
    by_path = inr.colorize(picture(), model=path)
    np.testing.assert_array_equal(by_path, inr.colorize(picture(), model=small))


def test_bad_input_is_refused(small, tmp_path):
    for bad, message in (
        (np.zeros((4, 4, 3), np.float32), "rgb_to_luma"),
        (np.full((4, 4), np.nan, np.float32), "finite"),
        (np.zeros((4, 4), np.uint16), "Divide by 65535"),
        (np.zeros((0, 4), np.float32), "non-empty"),
    ):
        with refuses(message):
            inr.colorize(bad, model=small)
    with refuses("`region` must be"):
        inr.colorize(picture(), region=((0.5, 0.5), (0.2, 1.2)), model=small)
    with refuses("`model` must be one of"):
        inr.colorize(picture(), model="cartoons")
    with refuses("must name a file", FileNotFoundError):
        inr.colorize(picture(), model=tmp_path / "none.safetensors")


def test_another_models_weights_are_refused(small, tmp_path):
    siren = inr.Siren(1, width=8, depth=1)
    params = siren.init(jax.random.key(0), jnp.zeros((1, 2)))
    path = tmp_path / "siren.safetensors"
    inr.save_field(path, inr.bind(siren, params))
    with refuses("of kind Colorizer, .*, Restorer, "):
        load_model(path)
    other = tmp_path / "other.safetensors"
    save_model(other, Restorer(widths=(4,), width=8), small.params)
    with refuses("must hold the arrays"):
        load_model(other)
    with refuses("`model` must be a `Restorer`", TypeError):
        save_model(other, siren, params)
    large = jax.tree.map(lambda x: 1e6 + x, small.params)
    with refuses("at most 65504"):
        save_model(other, SMALL, large)


def crops(count=3, side=32):
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (count, side, side, 3), np.uint8)


@pytest.mark.slow
def test_the_loss_is_the_square_of_what_rendering_gets_wrong(small):
    """Image by image, through `bind`, and for both uses of the model."""
    images, key = crops(), jax.random.key(5)
    loss = restorer_loss(SMALL, num_points=16, luma_weight=3.0)
    total, parts = jax.jit(loss)(small.params, key, images)
    draw = {"size": (16, 16), "num_points": 16, "sampler": "jittered"}
    points_key = jax.random.split(jax.random.split(key)[0], 4)[0]
    batch = point_batch(points_key, images, interpolation="cubic", **draw)
    errors = {"restored": [], "colorized": []}
    for i, image in enumerate(images):
        luma = color.rgb_to_luma(np.float32(image) / 255)
        exact = SMALL.clone(exact_luma=True)
        for use, model, given in (
            ("restored", SMALL, batch.inputs[i]),
            ("colorized", exact, luma),
        ):
            field = inr.bind(model, small.params, given)
            errors[use].append(field(batch.coords[i]) - batch.colors[i])
    expected = {use: np.mean(np.square(x)) for use, x in errors.items()}
    luma = color.rgb_to_luma(jnp.stack(errors["restored"]))
    expected["luma"] = np.mean(np.square(luma))
    for name, value in expected.items():
        np.testing.assert_allclose(parts[name], value, rtol=1e-4)
    sums = expected["restored"] + expected["colorized"] + 3 * expected["luma"]
    np.testing.assert_allclose(total, sums, rtol=1e-4)


@pytest.mark.slow
def test_a_pseudo_huber_loss_is_square_near_zero_and_straight_far_away(small):
    """Between the mean square and the mean size times twice delta, near both ends."""
    images, key = crops(), jax.random.key(5)

    def value(delta):
        loss = restorer_loss(SMALL, num_points=16, delta=delta)
        return float(jax.jit(loss)(small.params, key, images)[0])

    square = value(None)
    np.testing.assert_allclose(value(1e3), square, rtol=1e-4)
    np.testing.assert_allclose(value(2e-5) / 2, value(1e-5), rtol=1e-3)
    with refuses("`delta`"):
        value(0.0)


@pytest.mark.slow
def test_half_of_the_points_take_features_from_nearby(small):
    """Which changes nothing where all features are alike, and little by small steps."""
    images, key = crops(), jax.random.key(5)

    def value(params, **options):
        loss = restorer_loss(SMALL, num_points=16, **options)
        return float(jax.jit(loss)(params, key, images)[0])

    plain = value(small.params)
    assert value(small.params, shift=0.5) != pytest.approx(plain, rel=1e-4)
    assert value(small.params, shift=1e-6) == pytest.approx(plain, rel=1e-4)
    # A decoder that reads no features.
    deaf = jax.tree.map(lambda x: x, small.params)
    features = deaf["params"]["decoder"]["features"]
    features["kernel"] = 0 * features["kernel"]
    assert value(deaf, shift=0.5) == pytest.approx(value(deaf), rel=1e-6)
    assert value(small.params, sampler="halton") != pytest.approx(plain, rel=1e-4)


@pytest.mark.slow
def test_the_loss_falls(small):
    images = crops(1)
    loss = restorer_loss(SMALL, num_points=64)
    step = jax.jit(jax.value_and_grad(lambda p: loss(p, jax.random.key(0), images)[0]))
    before, slope = step(small.params)
    moved = jax.tree.map(lambda p, g: p - 1e-3 * g, small.params, slope)
    after, _ = step(moved)
    decrease = 1e-3 * sum(np.sum(np.square(g)) for g in jax.tree.leaves(slope))
    np.testing.assert_allclose(before - after, decrease, rtol=0.2)


def test_the_loss_refuses_what_does_not_fit(small):
    with refuses("`num_points`"):
        restorer_loss(SMALL, num_points=0)
    loss = restorer_loss(SMALL, num_points=16)
    with refuses("`size` must be \\(h, w\\), at most"):
        loss(small.params, jax.random.key(0), crops(side=8))


@pytest.mark.parametrize("name", pretrained.names())
def test_shipped_weights_are_those_of_their_card(name):
    data = pretrained.file(name).read_bytes()
    limits = {"photos": 16, "portraits_diffusion": 8, "textures": 5}  # MiB
    assert len(data) <= limits.get(name, 4) * 2**20
    assert hashlib.sha256(data).hexdigest() in pretrained.card(name)
    assert re.search(r"inr_format.{0,20}1", data[:2000].decode("latin-1"))


def test_shipped_weights_color_a_face_and_spare_its_luma():
    """A skin's chroma on a skin."""
    data = pytest.importorskip("skimage.data")
    head = data.astronaut()[:256, 96:352].astype(np.float32) / 255
    gray = color.rgb_to_luma(head)
    made = inr.colorize(gray, model="portraits")
    np.testing.assert_allclose(color.rgb_to_luma(made), gray, atol=1e-5)
    face = np.s_[60:150, 95:165]
    found, true = (color.rgb_to_ycbcr(x)[face][..., 1:] for x in (made, head))
    assert np.square(found - true).mean() < 0.5 * np.square(true).mean()


@pytest.mark.parametrize("scale", [2, 3])
def test_shipped_weights_enlarge_a_photograph_better_than_interpolation(scale):
    data = pytest.importorskip("skimage.data")
    large = data.chelsea()[:240, 100:340].astype(np.float32) / 255
    size = (240 // scale, 240 // scale)
    small = np.asarray(reduce_images(large, size, interpolation="bicubic")).clip(0, 1)
    made = inr.upscale(small, scale)
    gains = [
        inr.psnr(np.clip(made, 0, 1), large) - inr.psnr(np.clip(other, 0, 1), large)
        for other in (
            jax.image.resize(small, large.shape, "cubic"),
            jax.image.resize(small, large.shape, "lanczos3"),
        )
    ]
    assert min(gains) > 0.3


def test_unknown_weights_are_refused():
    with refuses("`name` must be one of"):
        pretrained.file("nobody")
