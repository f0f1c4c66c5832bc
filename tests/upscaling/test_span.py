"""An upscaler that begins as a published SPAN."""

import jax
import jax.numpy as jnp
import numpy as np
from support import refuses

from inr.models import LoadedModel, span_params
from inr.upscaling import span_upscaler, upscale


def random_weights(width=3, blocks=1):
    draw = np.random.default_rng(1)
    shapes = {"conv_1": (3, 3, 3, width), "conv_2": (3, 3, width, width)}
    shapes["conv_cat"] = (1, 1, 4 * width, width)
    shapes["upsampler.0"] = (3, 3, width, 48)
    for layer in ("c1_r", "c2_r", "c3_r"):
        shapes[f"block_1.{layer}"] = (3, 3, width, width)
    weights = {}
    for name, shape in shapes.items():
        scale = np.sqrt(np.prod(shape[:3])) * (255 if name == "conv_1" else 1)
        weights[f"{name}/kernel"] = np.float32(draw.normal(size=shape) / scale)
        weights[f"{name}/bias"] = np.float32(draw.normal(size=shape[-1:]))
    return weights


def images():
    return np.random.default_rng(0).random((2, 9, 8, 3), np.float32)


def by_span(image, weights):
    """The last layer and the pixel shuffle of SPAN, in NumPy."""
    encoder, params = span_params(weights)
    features = np.pad(encoder.apply(params, image), [(1, 1), (1, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(features, (3, 3), axis=(0, 1))
    kernel, bias = weights["upsampler.0/kernel"], weights["upsampler.0/bias"]
    colors = np.einsum("hwcij,ijck->hwk", windows, kernel) + bias
    h, w, _ = image.shape
    output = np.zeros((4 * h, 4 * w, 3), np.float32)
    for c in range(3):
        for y in range(4):
            for x in range(4):
                output[y::4, x::4, c] = colors[..., 16 * c + 4 * y + x]
    return output


def test_it_is_span_at_scale_4_before_training():
    weights = random_weights()
    loaded = LoadedModel(*span_upscaler(jax.random.key(0), weights, images(), tail=4))
    output = upscale(images()[0], 4, model=loaded, progress=False)
    np.testing.assert_allclose(output, by_span(images()[0], weights), atol=2e-5)


def test_the_first_new_layer_receives_standardized_features():
    _, params = span_upscaler(jax.random.key(0), random_weights(), images(), tail=4)
    encoder, trunk = span_params(random_weights())
    features = jax.vmap(lambda x: encoder.apply(trunk, x))(images())
    layer = params["params"]["widen"]
    scaled = layer["kernel"] * features.std((0, 1, 2)).reshape(1, 1, -1, 1)
    # Of the initializer: variance 1 over the number of inputs.
    assert 0.7 < scaled.std() * np.sqrt(27) < 1.3
    mean = features.mean((0, 1, 2))
    at_mean = jnp.einsum("yxio,i->o", layer["kernel"], mean) + layer["bias"]
    np.testing.assert_allclose(at_mean, 0, atol=1e-4)


def test_every_wave_learns_from_the_first_step():
    model, params = span_upscaler(jax.random.key(0), random_weights(), images(), tail=4)

    def error(params):
        feature_map = model.apply(params, images()[0], method="encode")
        return model.apply(params, feature_map, (2, 2), method="pixels").std()

    slopes = jax.grad(error)(params)["params"]["decoder"]["coefficients"]
    assert (np.abs(slopes["bias"]) > 0).all()


def test_weights_for_another_scale_are_refused():
    weights = random_weights()
    weights["upsampler.0/kernel"] = weights["upsampler.0/kernel"][..., :12]
    with refuses(r"'upsampler.0/kernel' of shape \(3, 3, 3, 48\), got \(3, 3, 3, 12\)"):
        span_upscaler(jax.random.key(0), weights, images())
    del weights["upsampler.0/kernel"]
    with refuses("'upsampler.0/kernel' of shape .* got none. Take a network for"):
        span_upscaler(jax.random.key(0), weights, images())
    with refuses("`images`"):
        span_upscaler(jax.random.key(0), random_weights(), images()[0])
