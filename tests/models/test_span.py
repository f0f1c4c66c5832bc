import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file
from small_restorer import random_params
from support import refuses

import inr
from inr import metrics
from inr.models import SpanEncoder, span_params


def photo(h, w):
    return np.random.default_rng(0).random((h, w, 3), np.float32)


def convolved(x, weights, name):
    """Convolution with zero padding and a kernel of 3 x 3 or 1 x 1, in NumPy."""
    kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
    pad = kernel.shape[0] // 2
    padded = np.pad(x, [(pad, pad), (pad, pad), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, kernel.shape[:2], axis=(0, 1)
    )
    return np.einsum("hwcij,ijck->hwk", windows, kernel) + bias


def random_weights(width, blocks):
    draw = np.random.default_rng(1)
    shapes = {"conv_1": (3, 3, 3, width), "conv_2": (3, 3, width, width)}
    shapes["conv_cat"] = (1, 1, 4 * width, width)
    shapes["upsampler.0"] = (3, 3, width, 48)
    for i in range(blocks):
        for j in (1, 2, 3):
            shapes[f"block_{i + 1}.c{j}_r"] = (3, 3, width, width)
    weights = {}
    for name, shape in shapes.items():
        scale = np.sqrt(np.prod(shape[:3])) * (255 if name == "conv_1" else 1)
        kernel = draw.normal(size=shape) / scale
        weights[f"{name}/kernel"] = kernel.astype(np.float32)
        weights[f"{name}/bias"] = draw.normal(size=shape[-1:]).astype(np.float32)
    return weights


def span_features(image, weights, blocks):
    """The paper's formulas for inference, in NumPy."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def silu(x):
        return x * sigmoid(x)

    x = 255 * (image - np.array([0.4488, 0.4371, 0.4040]))
    first = b = convolved(x, weights, "conv_1")
    for i in range(1, blocks + 1):
        o1 = silu(convolved(b, weights, f"block_{i}.c1_r"))
        o3 = convolved(
            silu(convolved(o1, weights, f"block_{i}.c2_r")), weights, f"block_{i}.c3_r"
        )
        b = (o3 + b) * (sigmoid(o3) - 0.5)
        b_1 = b if i == 1 else b_1
    g = convolved(b, weights, "conv_2")
    return convolved(np.concatenate([first, g, b_1, o1], -1), weights, "conv_cat")


@pytest.mark.parametrize(("width", "blocks"), [(3, 2), (5, 1)])
def test_features_of_converted_weights_follow_the_formulas(width, blocks):
    weights = random_weights(width, blocks)
    encoder, params = span_params(weights)
    assert encoder == SpanEncoder(width, blocks)
    features = encoder.apply(params, photo(9, 8))
    expected = span_features(photo(9, 8), weights, blocks)
    np.testing.assert_allclose(features, expected, atol=2e-5)


def test_weights_of_another_network_are_refused():
    with refuses("`weights` must be the arrays of a SPAN"):
        span_params({"conv/kernel": np.zeros((3, 3, 3, 3))})
    weights = random_weights(3, 2)
    del weights["block_2.c3_r/bias"]
    with refuses("with an array 'block_2.c3_r/bias'"):
        span_params(weights)
    weights = random_weights(3, 2) | {"conv_2/kernel": np.zeros((3, 3, 3, 4))}
    with refuses("'conv_2/kernel' of shape"):
        span_params(weights)


@pytest.mark.slow
def test_the_published_network_reaches_its_published_psnr(data_folder):
    """31.75 dB on Set5 x4, with the network's own upsampler."""
    file = data_folder / "weights" / "sr_trunks" / "span28_x4.safetensors"
    if not file.is_file():
        pytest.skip(f"needs {file}")
    weights = load_file(file)
    encoder, params = span_params(weights)
    folder = data_folder / "bench" / "sr_pairs" / "set5" / "image_SRF_4"
    scores = []
    for path in sorted(folder.glob("*_HR.png")):
        low = inr.read_image(path.with_name(path.name.replace("_HR", "_LR")))
        output = convolved(encoder.apply(params, low), weights, "upsampler.0")
        h, w, _ = low.shape
        blocks = output.reshape(h, w, 3, 4, 4).transpose(0, 3, 1, 4, 2)
        prediction = np.float32(blocks.reshape(4 * h, 4 * w, 3).clip(0, 1))
        target = inr.read_image(path)
        scores.append(float(metrics.psnr_y(prediction, target, shave=4)))
    assert abs(np.mean(scores) - 31.75) < 0.05


@pytest.mark.slow
def test_reach_is_the_radius_of_the_receptive_field():
    encoder = SpanEncoder(3, 2)
    image = jnp.asarray(photo(25, 25))
    params = random_params(encoder, image)

    def feature(image):
        return encoder.apply(params, image)[12, 12].sum()

    rows, columns = np.nonzero(np.abs(jax.grad(feature)(image)).sum(-1))
    assert np.abs(rows - 12).max() == np.abs(columns - 12).max() == encoder.reach == 8
