"""The layers that a page evaluates, from the input of its first pass to features."""

from typing import Any

import numpy as np

from inr import _checks
from inr.fields import (
    BoundField,
    Finer,
    Gauss,
    HashGrid,
    ShaderLayer,
    Siren,
    shader_layers,
)

_FAMILIES = (Siren, Finer, Gauss, HashGrid)


def page_layers(field: BoundField) -> tuple[ShaderLayer, ...]:
    """Return the layers of a field, and check that a page can draw it.

    Those of a `HashGrid` start at its encoding, those of a decoded picture at its
    interpolated feature map, and others at normalized coords.

    Args:
      field: bound model of a family above; or of one that interpolates its feature map
        by cubics and has the method `shader_layers(params)`.

    Returns:
      The layers up to features, denormalized.

    Raises:
      TypeError: if `field` is neither.
      ValueError: as by `shader_layers` of `inr.fields`, or if the feature map contains
        NaN or infinity.
    """
    if not is_interpolated(field):
        layers = shader_layers(field, families=_FAMILIES)
        return (*layers[:-1], _denormalized(layers[-1], field))
    _checks.check_finite("field", field.feature_map)
    model: Any = field.model
    return model.shader_layers(field.params)


def is_interpolated(field: BoundField) -> bool:
    """True for a field of a feature map that a page can interpolate."""
    return isinstance(field, BoundField) and hasattr(field.model, "shader_layers")


def _denormalized(linear: ShaderLayer, field: BoundField) -> ShaderLayer:
    """The last layer, followed by the affine map of the features."""
    maps = field.params["normalization"]
    scale, shift = (
        np.asarray(maps[f"features_{name}"], np.float64) for name in ("scale", "shift")
    )
    kernel, bias = linear.kernel * scale, linear.bias * scale + shift
    return ShaderLayer(kernel.astype(np.float32), bias.astype(np.float32), None)
