import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import random_params
from support import refuses

import inr
from inr.models import LoadedModel, load_model, save_model
from inr.upscaling import Upscaler, WaveHead, blockwise, upscale, upscaler_pixel_loss

TINY = Upscaler(4, 1, waves=3, trunk="span", tail=5, gains=True)


def photo(h=13, w=17):
    return np.random.default_rng(0).random((h, w, 3), np.float32)


@pytest.fixture(scope="module")
def tiny():
    params = random_params(TINY, jnp.zeros((1, 2)), photo())
    # The encoder multiplies images by 255; random features would be large.
    first = params["params"]["encoder"]["conv_1"]
    first["kernel"] = first["kernel"] / 255
    return LoadedModel(TINY, params)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 2.7])
def test_blocks_equal_one_render(tiny, scale, monkeypatch):
    image = photo(40, 29)
    size = tuple(round(scale * n) for n in image.shape[:2])
    field = inr.bind(*tiny, image)
    expected = inr.render(field, size, antialias="integral", progress=False)
    monkeypatch.setattr(blockwise, "_SIDES", (16,))
    output = upscale(image, scale, model=tiny)
    np.testing.assert_allclose(output, expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [(2, 2), (3, 3), (1, 5), (4, 2)])
def test_pixels_equal_render(tiny, scale):
    image = photo(9, 7)
    field = inr.bind(*tiny, image)
    size = (9 * scale[0], 7 * scale[1])
    expected = inr.render(field, size, antialias="integral", progress=False)
    pixels = TINY.apply(tiny.params, field.feature_map, scale, method="pixels")
    np.testing.assert_allclose(pixels, expected, atol=2e-5)


@pytest.mark.slow
def test_jit_does_not_change_pixels(tiny):
    def pixels(params, image):
        feature_map = TINY.apply(params, image, method="encode")
        return TINY.apply(params, feature_map, (2, 2), method="pixels")

    compiled = jax.jit(pixels)(tiny.params, photo())
    np.testing.assert_allclose(compiled, pixels(tiny.params, photo()), atol=1e-5)


@pytest.mark.slow
def test_gains_are_those_of_the_scale(tiny):
    """Linear between whole scales, constant beyond 4."""
    decoder = tiny.params["params"]["decoder"]
    plain = {"params": {"frequencies": decoder["frequencies"]}}
    gain = np.asarray(decoder["gain"])
    for scale, expected in (
        (2, gain[1]),
        (2.5, (gain[1] + gain[2]) / 2),
        (8, gain[3]),
        (np.inf, gain[3]),
    ):
        boxes = jnp.zeros((1, 2)), jnp.full((1, 2), 1 / scale)
        unit = WaveHead(3).apply(plain, *boxes, method="basis")[0, :4]
        head = WaveHead(3, gains=True)
        basis = head.apply({"params": decoder}, *boxes, method="basis")[0, :4]
        np.testing.assert_allclose(basis, expected * unit, rtol=1e-4)


def test_a_file_round_trip(tiny, tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_model(path, *tiny)
    assert load_model(path).model == TINY
    assert hash(load_model(path).model) == hash(TINY)


@pytest.mark.long
@pytest.mark.slow
def test_the_pixel_loss_covers_every_scale_and_decreases(tiny):
    loss = jax.jit(
        jax.value_and_grad(
            upscaler_pixel_loss(TINY, side=8, counts=(1, 1, 1, 1), num_points=32),
            has_aux=True,
        )
    )
    crops = np.random.default_rng(2).integers(0, 256, (4, 50, 50, 3), np.uint8)
    (value, errors), gradient = loss(tiny.params, jax.random.key(0), crops)
    assert set(errors) == {"x2", "x3", "x4", "any"}
    np.testing.assert_allclose(value, np.mean(list(errors.values())), rtol=1e-5)
    stepped = jax.tree.map(lambda p, g: p - 1e-3 * g, tiny.params, gradient)
    assert loss(stepped, jax.random.key(0), crops)[0][0] < value


def test_bad_options_are_refused():
    with refuses("`counts` must be four numbers"):
        upscaler_pixel_loss(TINY, counts=(1, 2))
    with refuses("`trunk` must be one of"):
        Upscaler(trunk="vgg")
    with refuses("`tail` must be"):
        Upscaler(tail=-1)
    crops = np.zeros((4, 20, 20, 3), np.uint8)
    with refuses("`crops` must be at least"):
        upscaler_pixel_loss(TINY, side=8, counts=(1, 1, 1, 1))(
            {}, jax.random.key(0), crops
        )
    with refuses("`crops` must be 4 images, got 3"):
        upscaler_pixel_loss(TINY, side=4, counts=(1, 1, 1, 1))(
            {}, jax.random.key(0), crops[:3]
        )
