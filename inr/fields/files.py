"""Save and load a field: its family, hyperparameters, size and arrays in one file.

A file holds no code, and `load_field` is safe for a file from a stranger: memory and
time are in proportion to the file.
"""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr import _checks
from inr._field_checks import field_fix
from inr._model_files import read_model, write_model
from inr._registry import registered, registered_name
from inr._typing import Size
from inr.fields.base import FieldModule
from inr.fields.bound import BoundField

_MAX_AXES = 256


class FieldFile(NamedTuple):
    """Contents of a field file.

    Attributes:
      field: can be called and rendered.
      size: samples along each axis of the signal it was fitted to, or None.
    """

    field: BoundField
    size: Size | None


def save_field(
    path: str | os.PathLike, field: BoundField, *, size: Size | None = None
) -> None:
    """Write a field to one safetensors file.

    If writing fails, a file of that name stays as it was.

    Args:
      path: file name ending in `.safetensors`.
      field: of a registered family, the library's or your own; see `register`.
      size: samples along each axis of the signal it was fitted to.

    Raises:
      FileNotFoundError: if the folder does not exist.
      OSError: if the disk is full.
      TypeError: if `field` is not a `BoundField` of a registered family.
      ValueError: for another extension, params of another model, NaN or infinity, or
        hyperparameters that a file cannot hold; see `register`.
    """
    check_registered("field", field)
    size = None if size is None else _checks.as_size("size", size)
    write_model(
        path,
        field.model,
        field.params,
        inputs=example_inputs,
        argument="field",
        size=size,
    )


def load_field(path: str | os.PathLike) -> FieldFile:
    """Read a field that `save_field` wrote.

    Args:
      path: file name ending in `.safetensors`.

    Returns:
      A `FieldFile`: the field, and the size of its signal.

    Raises:
      FileNotFoundError: if the file does not exist.
      ValueError: if the file is damaged, of a newer format or of an unregistered
        family, or its arrays do not fit its hyperparameters.
    """
    families = registered(FieldModule)
    model, arrays, size = read_model(
        path, families, inputs=example_inputs, writer="save_field"
    )
    return FieldFile(BoundField(model, jax.tree.map(jnp.asarray, arrays)), size)


def check_registered(argument: str, field: Any) -> None:
    """Raise TypeError unless a field is a `BoundField` of a registered family.

    Args:
      argument: name of the field in errors.
      field: the field.
    """
    families = registered(FieldModule)
    is_bound = isinstance(field, BoundField)
    if not is_bound or registered_name(field.model) not in families:
        kind = type(getattr(field, "model", field)).__name__
        fix = field_fix(field) or "Decorate your family with `inr.fields.register`."
        raise TypeError(
            f"`{argument}` must be a `BoundField` of a registered family "
            f"({', '.join(sorted(families))}), got {kind}. {fix}"
        )


def example_inputs(
    model: nn.Module, arrays: Mapping[str, Any]
) -> list[jax.ShapeDtypeStruct]:
    """Coords with as many axes as the normalization of a field has.

    Args:
      model: any family.
      arrays: arrays of the field by path, or their shapes.

    Returns:
      The shape `[1, d]` of the coords, behind the key an input of `model.init`.
    """
    del model
    scale = arrays.get("normalization/coords_scale")
    ndim = scale.shape[0] if scale is not None and len(scale.shape) == 1 else 1
    if not 1 <= ndim <= _MAX_AXES:
        raise _checks.fail("coords", f"[..., d] with d from 1 to {_MAX_AXES}", ndim)
    return [jax.ShapeDtypeStruct((1, ndim), jnp.float32)]
