"""Save and load a field: its family, hyperparameters, size and arrays in one file."""

import os
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks
from inr._model_files import (
    check_arrays,
    read_model,
    registered,
    registered_name,
    write_model,
)
from inr._typing import Params, Size
from inr.fields.base import FieldModule
from inr.fields.bound import BoundField


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
      TypeError: if `field` is not a `BoundField` of a registered family.
      ValueError: for another extension, or params of another model.
    """
    families = registered(FieldModule)
    if (
        not isinstance(field, BoundField)
        or registered_name(field.model) not in families
    ):
        kind = type(getattr(field, "model", field)).__name__
        raise TypeError(
            "`field` must be a `BoundField` of a registered family "
            f"({', '.join(sorted(families))}), got {kind}. Decorate "
            "your family with `inr.fields.register`."
        )
    inputs = _example_inputs(field.params)
    check_arrays(field.model, field.params, *inputs, argument="field")
    size = None if size is None else _checks.as_size("size", size)
    write_model(path, field.model, field.params, size=size)


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
    model, arrays, notes = read_model(path, families, writer="save_field")
    params = jax.tree.map(jnp.asarray, arrays)
    inputs = _example_inputs(params)
    check_arrays(model, params, *inputs, argument="path", source=str(path))
    size = notes["size"]
    return FieldFile(BoundField(model, params), None if size is None else tuple(size))


def _example_inputs(params: Params) -> list[jax.ShapeDtypeStruct]:
    """Coords with as many axes as the normalization of a field has."""
    normalization = params.get("normalization", {})
    shape = np.shape(normalization.get("coords_scale", 1.0))
    ndim = shape[0] if len(shape) == 1 else 1
    return [jax.ShapeDtypeStruct((1, ndim), jnp.float32)]
