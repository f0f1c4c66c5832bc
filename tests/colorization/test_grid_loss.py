"""The loss of the colorizers that predict a grid of colors."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from small_colorizers import KINDS, initialized
from support import refuses

import inr
from inr import color, metrics
from inr.colorization import colorizer_loss


def crops():
    generator = np.random.default_rng(0)
    return generator.integers(0, 255, (2, 16, 16, 3)).astype(np.uint8)


def block_means(images, n):
    b, h, w, k = images.shape
    return images.reshape(b, n, h // n, n, w // n, k).mean((2, 4))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_the_squared_error_on_the_grid(kind):
    model, params = initialized(kind)
    loss = colorizer_loss(model)
    value, _ = jax.jit(loss)(params, jax.random.key(0), crops())
    images = block_means(crops(), model.input_size((16, 16))[0]) / 255
    gray = images @ np.array([0.299, 0.587, 0.114])
    light = color.rgb_to_lab(np.repeat(gray[..., None], 3, -1))[..., :1] / 50 - 1
    colors = np.asarray(model.apply(params, jnp.float32(light), method="colors"))
    target = block_means(images, colors.shape[1])
    if kind != "dense":
        target = np.asarray(color.rgb_to_lab(target))[..., 1:] / 128
    np.testing.assert_allclose(value, np.mean((colors - target) ** 2), rtol=1e-4)
    gradient = jax.jit(jax.grad(loss, has_aux=True))
    gradient = gradient(params, jax.random.key(0), crops())[0]
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient["params"]):
        assert np.isfinite(leaf).all()
        assert np.any(leaf), path


@pytest.mark.slow
def test_weights_add_the_perceptual_distance(data_folder):
    path = data_folder / "weights" / "vgg16_lpips.safetensors"
    weights = safetensors.numpy.load_file(path)
    model, params = initialized("both")
    loss = colorizer_loss(model, weights=weights, perceptual_weight=0.3)
    (total, parts), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(
        params, jax.random.key(0), crops()
    )
    plain = jax.jit(colorizer_loss(model))(params, jax.random.key(0), crops())[0]
    # Under jit: the result is not clipped, and values above 1.5 cause a warning.
    distance = jax.jit(functools.partial(metrics.lpips, weights=weights))
    distances = []
    for crop in crops():
        image = jnp.float32(crop) / 255
        field = inr.bind(model, params, color.rgb_to_luma(image))
        rgb = field(inr.coords.grid((16, 16)))
        distances.append(distance(rgb, image))
    np.testing.assert_allclose(parts["perceptual"], np.mean(distances), rtol=1e-3)
    np.testing.assert_allclose(parts["square"], plain, rtol=1e-5)
    np.testing.assert_allclose(total, plain + 0.3 * np.mean(distances), rtol=1e-3)
    leaves = jax.tree_util.tree_leaves_with_path(gradient["params"])
    assert all(np.isfinite(leaf).all() and np.any(leaf) for _, leaf in leaves)


def test_a_weight_of_zero_is_refused():
    with refuses("`perceptual_weight` must be"):
        colorizer_loss(KINDS["dense"], perceptual_weight=0.0)
