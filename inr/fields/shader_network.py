"""A field's layers for shaders: kernels, biases, and activations as GLSL.

Shaders compute in float32, so these layers are those of the model in float32, whatever
its `dtype`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from inr import _checks
from inr.fields.activations import Finer, Gauss
from inr.fields.bound import BoundField
from inr.fields.hash_grid import HashGrid
from inr.fields.layers import per_layer
from inr.fields.siren import Siren


class ShaderActivation(NamedTuple):
    """GLSL expressions of an activation psi, elementwise in `vec4 z`.

    Attributes:
      value: psi(z).
      slope: psi'(z).
      curvature: psi''(z).
    """

    value: str
    slope: str
    curvature: str


class ShaderLayer(NamedTuple):
    """One layer psi(h W + b), with the model's factor folded into W and b.

    Attributes:
      kernel: W `[j, k]`, float32.
      bias: b `[k]`, float32.
      activation: psi, or None for the identity.
    """

    kernel: np.ndarray
    bias: np.ndarray
    activation: ShaderActivation | None


def shader_layers(
    field: BoundField, *, families: Sequence[type]
) -> tuple[ShaderLayer, ...]:
    """Return the layers of a field of an image, and check that a shader can draw it.

    Args:
      field: bound model of one of `families`, from 2 coords to 1 or 3 features.
      families: families that the shader supports, of `Siren`, `Finer`, `Gauss` and
        `HashGrid`.

    Returns:
      The layers from normalized coords to normalized features. Those of a `HashGrid`
      start at its encoding.

    Raises:
      TypeError: if `field` is not a bound field of one of these families.
      ValueError: if it has other than 2 coords or other than 1 or 3 features, or
        contains NaN or infinity; or for other families.
    """
    for family in families:
        _checks.check_choice("families", family, tuple(_HIDDEN_LAYERS))
    model: Any = field.model if isinstance(field, BoundField) else None
    kind = type(model)  # Not isinstance, because a subclass may override `network`.
    if kind not in families:
        names = " or ".join(f"`{family.__name__}`" for family in families)
        names = names.replace(" or ", ", ", len(families) - 2)
        raise TypeError(
            f"`field` must be a bound {names}, got {type(model or field).__name__}. "
            "Bind a model to its params with `bind`. For another family, fit a small "
            "`Siren` to its rendered image."
        )
    _check_image_field(field, model.features)
    name, factors, activation = _HIDDEN_LAYERS[kind](model)
    layers = [
        _layer(field, f"{name}_{i}", factor, activation)
        for i, factor in enumerate(factors)
    ]
    return (*layers, _layer(field, "linear", 1.0, None))


def _check_image_field(field: BoundField, features: int) -> None:
    coords = np.shape(field.params["normalization"]["coords_scale"])
    if coords != (2,):
        raise _checks.fail(
            "field", "a field of 2 coords", f"a `coords_scale` of shape {coords}"
        )
    if features not in (1, 3):
        raise _checks.fail("field", "of 1 or 3 features", f"{features}")
    for leaf in jax.tree.leaves(field.params):
        _checks.check_finite("field", leaf)


def _layer(
    field: BoundField, name: str, factor: float, activation: ShaderActivation | None
) -> ShaderLayer:
    params = field.params["params"][name]
    # `Affine` multiplies in float32 too.
    kernel, bias = (
        np.float32(factor) * np.asarray(params[x], np.float32)
        for x in ("kernel", "bias")
    )
    return ShaderLayer(kernel, bias, activation)


def _siren(model: Siren) -> tuple[str, tuple[float, ...], ShaderActivation]:
    """Name of the hidden layers, the factor of each, and their activation."""
    hidden = per_layer("hidden_omega", model.hidden_omega, model.depth)
    activation = ShaderActivation("sin(z)", "cos(z)", "-sin(z)")
    return "sine", (model.omega, *hidden), activation


def _finer(model: Finer) -> tuple[str, tuple[float, ...], ShaderActivation]:
    omega = str(np.float32(model.omega))
    angle, slope = f"(abs(z) / {omega} + 1.0) * z", f"(abs(z) * 2.0 / {omega} + 1.0)"
    activation = ShaderActivation(
        f"sin({angle})",
        f"cos({angle}) * {slope}",
        f"cos({angle}) * sign(z) * 2.0 / {omega} - sin({angle}) * {slope} * {slope}",
    )
    return "finer", (model.omega,) * (model.depth + 1), activation


def _gauss(model: Gauss) -> tuple[str, tuple[float, ...], ShaderActivation]:
    activation = ShaderActivation(
        "exp(-z * z)",
        "-2.0 * z * exp(-z * z)",
        "(4.0 * z * z - 2.0) * exp(-z * z)",
    )
    return "gauss", (model.scale,) * (model.depth + 1), activation


def _hash_grid(model: HashGrid) -> tuple[str, tuple[float, ...], ShaderActivation]:
    activation = _SILU if model.interpolation == "smooth" else _RELU
    return "hidden", (1.0,) * model.depth, activation


_RELU = ShaderActivation("max(z, 0.0)", "vec4(greaterThan(z, vec4(0.0)))", "vec4(0.0)")
# Clamped, so that the exponential is finite.
_SIGMOID = "(1.0 / (1.0 + exp(-clamp(z, -80.0, 80.0))))"
_SILU = ShaderActivation(
    f"z * {_SIGMOID}",
    f"{_SIGMOID} * (1.0 + z * (1.0 - {_SIGMOID}))",
    f"{_SIGMOID} * (1.0 - {_SIGMOID}) * (2.0 + z * (1.0 - 2.0 * {_SIGMOID}))",
)

_HIDDEN_LAYERS = {Siren: _siren, Finer: _finer, Gauss: _gauss, HashGrid: _hash_grid}
