"""An upscaler that begins as a published SPAN for scale 4."""

from collections.abc import Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.models import span_params
from inr.upscaling.bases import FINENESS
from inr.upscaling.upscaler import Upscaler


def span_upscaler(
    key: Key,
    weights: Mapping[str, ArrayLike],
    images: ArrayLike,
    *,
    tail: int = 64,
    waves: int = 32,
) -> tuple[Upscaler, Params]:
    """An `Upscaler` with the weights of a published SPAN for scale 4.

    Its output at scale 4 is at first that of SPAN, and at other scales a reduction or
    an enlargement of it. Training adds waves, which are 0 at first.

    Args:
      key: PRNG key of the layers that SPAN does not have.
      weights: arrays of a SPAN in its form for inference, by name, such as
        `block_1.c1_r/bias` `[width]` and `upsampler.0/kernel` `[3, 3, width, 48]`. Load
        them with `safetensors.numpy.load_file`.
      images: `[n, h, w, 3]` in [0, 1], examples of inputs. The first new layer is
        scaled so that it receives features with mean 0 and variance 1 for them; those
        of SPAN differ fortyfold between channels.
      tail: channels of the first new layers; see `Upscaler`.
      waves: see `Upscaler`.

    Returns:
      The model and its parameters.

    Raises:
      ValueError: if an array is missing or has another shape.
    """
    key = _checks.as_key("key", key)
    tail = _checks.as_count("tail", tail)
    images = _checks.as_floating("images", images)
    if images.ndim != 4 or images.shape[-1] != 3 or images.size == 0:
        raise _checks.fail("images", "[n, h, w, 3]", f"shape {images.shape}")
    _checks.check_finite("images", images)
    encoder, trunk = span_params(weights)
    model = Upscaler(
        encoder.width, encoder.blocks, waves=waves, trunk="span", tail=tail, gains=True
    )
    variables = model.init(key, jnp.zeros((1, 2)), jnp.zeros((8, 8, 3)))
    params = cast(dict[str, Any], variables["params"])
    features = jax.vmap(lambda image: cast(Array, encoder.apply(trunk, image)))(images)
    changes = {
        "encoder": trunk["params"],
        "subpixels": {"conv": _last_layer(weights, encoder.width)},
        "widen": _standardized(
            params["widen"], features.reshape(-1, features.shape[-1])
        ),
        "decoder": {
            **params["decoder"],
            "coefficients": jax.tree.map(
                jnp.zeros_like, params["decoder"]["coefficients"]
            ),
        },
    }
    return model, {"params": {**params, **changes}}


def _last_layer(weights: Mapping[str, ArrayLike], width: int) -> dict[str, Array]:
    """SPAN's convolution from features to the colors of all subpixels."""
    outputs = 3 * FINENESS**2
    arrays = {}
    for part, shape in {"kernel": (3, 3, width, outputs), "bias": (outputs,)}.items():
        array = weights.get(f"upsampler.0/{part}")
        if array is None or np.shape(array) != shape:
            got = "none" if array is None else np.shape(array)
            expected = f"with 'upsampler.0/{part}' of shape {shape}"
            fix = f"Take a network for scale {FINENESS}."
            raise _checks.fail("weights", expected, got, fix)
        arrays[part] = jnp.asarray(array, jnp.float32)
    return arrays


def _standardized(layer: dict, features: Array) -> dict:
    """A convolution that first standardizes its input, whose values are `[n, k]`."""
    mean, std = features.mean(0), features.std(0) + 1e-6
    kernel = layer["kernel"] / std.reshape(1, 1, -1, 1)
    shift = jnp.einsum("yxio,i->o", kernel, mean)
    return {"kernel": kernel, "bias": layer["bias"] - shift}
