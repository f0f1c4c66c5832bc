"""The network of `Synthesis` at a point, as layers of a shader.

The network is f -> M (f_0, f_1, f_2) + M V gelu(f W + b) + 1/2, where M turns YCbCr
into RGB. Because gelu(x) - gelu(-x) = x, six more hidden units carry f_0, f_1 and f_2.
"""

import numpy as np

from inr._typing import Params
from inr.color import ycbcr_to_rgb
from inr.fields import ShaderActivation, ShaderLayer

_SLOPE_0, _CUBE = 1.5957691216057308, 0.044715
"""Of Flax's gelu(z) = z s(v), with v = 1.596 (z + 0.0447 z^3) and the sigmoid s."""


def shader_layers(params: Params) -> tuple[ShaderLayer, ShaderLayer]:
    """Layers from features to RGB, of the parameters of a `Synthesis`."""
    arrays = params["params"]
    kernel, bias = (
        np.asarray(arrays["hidden_layer"][name], np.float32)
        for name in ("kernel", "bias")
    )
    carried = np.eye(len(kernel), 3, dtype=np.float32)
    rgb = np.asarray(ycbcr_to_rgb(np.eye(3, dtype=np.float32)))
    hidden = ShaderLayer(
        np.concatenate([kernel, carried, -carried], 1),
        np.concatenate([bias, np.zeros(6, np.float32)]),
        _gelu(),
    )
    residual = np.asarray(arrays["output"]["kernel"], np.float32) @ rgb
    output = np.concatenate([residual, rgb, -rgb])
    return hidden, ShaderLayer(output, np.full(3, 0.5, np.float32), None)


def _gelu() -> ShaderActivation:
    v = f"{_SLOPE_0} * (z + {_CUBE} * z * z * z)"
    slope = f"({_SLOPE_0} * (1.0 + {3 * _CUBE} * z * z))"
    curvature = f"({6 * _SLOPE_0 * _CUBE} * z)"
    # Clamped, so that the exponential is finite.
    s = f"(1.0 / (1.0 + exp(-clamp({v}, -80.0, 80.0))))"
    return ShaderActivation(
        f"z * {s}",
        f"{s} * (1.0 + z * (1.0 - {s}) * {slope})",
        f"{s} * (1.0 - {s}) * "
        f"(2.0 * {slope} + z * ({curvature} + {slope} * {slope} * (1.0 - 2.0 * {s})))",
    )
