"""Encoders of gray images."""

import itertools

import jax
import numpy as np
import pytest
from flax import linen as nn
from small_restorer import SMALL, gray_image, random_params
from support import refuses

import inr
from inr.models import Encoder, TrunkEncoder, gray_trunk


def vgg16(side=40):
    """Weights, a gray image, and its features after four convolutions of VGG16."""
    generator = np.random.default_rng(3)
    channels = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512)
    weights = {}
    for i, (c, k) in enumerate(itertools.pairwise(channels)):
        kernel = generator.normal(size=(3, 3, c, k)) * np.sqrt(2 / (9 * c))
        weights[f"VGG16_0/Conv_{i}/kernel"] = kernel.astype(np.float32)
        bias = generator.normal(size=k).astype(np.float32)
        weights[f"VGG16_0/Conv_{i}/bias"] = bias
    gray = generator.random((side, side, 1), np.float32)
    mean, std = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
    x = (2 * np.repeat(gray, 3, -1) - 1 - np.array(mean)) / np.array(std)
    for i in range(4):
        if i == 2:
            x = x.reshape(side // 2, 2, side // 2, 2, -1).max((1, 3))
        padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))
        x = np.einsum("hwcij,ijck->hwk", windows, weights[f"VGG16_0/Conv_{i}/kernel"])
        x = np.maximum(x + weights[f"VGG16_0/Conv_{i}/bias"], 0)
    return weights, gray, x


def test_padding_is_cropped_from_the_result():
    """A size that the pyramid does not divide equals a larger image with edges."""
    model, image = Encoder(widths=(4, 6, 8)), gray_image(8, 8)
    params = random_params(model, image)
    padded = np.pad(image[:7, :6], ((0, 1), (0, 2), (0, 0)), mode="edge")
    encode = jax.jit(model.apply)
    features, expected = encode(params, image[:7, :6]), encode(params, padded)
    np.testing.assert_allclose(features, expected[:7, :6], atol=1e-6)


@pytest.mark.slow
def test_the_trunk_has_the_features_of_vgg16():
    weights, gray, expected = vgg16()
    model = TrunkEncoder(widths=(4, 6))
    params = random_params(model, gray)["params"]
    trunk = gray_trunk(weights)
    params.update({name: trunk[name] for name in params if name in trunk})
    outputs = {}

    def record(next_fun, args, kwargs, context):
        outputs[context.module.name] = output = next_fun(*args, **kwargs)
        return output

    with nn.intercept_methods(record):
        features = model.apply({"params": params}, gray - 0.5)
    assert features.shape == (40, 40, 4)
    inner = np.s_[4:-4, 4:-4]  # beyond the border VGG16 has another gray
    trunk_features = np.maximum(outputs["trunk_1_1"], 0)
    np.testing.assert_allclose(
        trunk_features[inner], expected[inner], rtol=1e-3, atol=1e-3
    )
    with refuses("`widths` must be at most 4"):
        random_params(TrunkEncoder(widths=(2,) * 5), gray)
    del weights["VGG16_0/Conv_5/bias"]
    with refuses("VGG16_0/Conv_5/bias"):
        gray_trunk(weights)


@pytest.mark.slow
def test_a_restorer_with_a_trunk():
    model = SMALL.clone(trunk=True)
    params = random_params(model)
    trunk = gray_trunk(vgg16()[0])
    encoder = params["params"]["encoder"]
    shapes = jax.tree.map(np.shape, {k: trunk[k] for k in encoder if k in trunk})
    assert shapes == jax.tree.map(np.shape, {k: encoder[k] for k in shapes})
    field = inr.bind(model, params, gray_image(9, 7))
    assert inr.render(field, (5, 4), progress=False).shape == (5, 4, 3)
