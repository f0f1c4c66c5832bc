"""A field in one safetensors file: its kind, hyperparameters, size and arrays.

The format is that of `inr.io.models`; a file of format 1 stays readable.
"""

import os
from typing import NamedTuple

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Size
from inr.fields.base import BoundField, FieldModule
from inr.io.models import check_arrays, read_model, write_model


class FieldFile(NamedTuple):
    """What a file holds.

    Attributes:
      field: ready to be called and rendered.
      size: samples along each axis of the signal it was fitted to, or None.
    """

    field: BoundField
    size: Size | None


def save_field(
    path: str | os.PathLike, field: BoundField, *, size: Size | None = None
) -> None:
    """Writes a field to one safetensors file, all of it or nothing.

    Args:
      path: file name, ending in `.safetensors`.
      field: of one of the library's families; a conditional one cannot be saved.
      size: samples along each axis of the signal it was fitted to.

    Raises:
      TypeError: if `field` is not a `BoundField` of one of the library's families.
      ValueError: for another extension.
    """
    kind = type(getattr(field, "model", field)).__name__
    if not isinstance(field, BoundField) or kind not in _kinds():
        raise TypeError(
            "`field` must be a `BoundField` of a family in `inr.fields`, got "
            f"{kind}. Keep the params of other modules "
            "with `safetensors` or orbax."
        )
    size = None if size is None else _checks.as_size("size", size)
    write_model(path, field.model, field.params, size=size)


def load_field(path: str | os.PathLike) -> FieldFile:
    """Reads a field that `save_field` wrote.

    Args:
      path: file name, ending in `.safetensors`.

    Returns:
      The field, and the size of its signal.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if the file is truncated or not a field, of a newer format or an
        unknown kind, or its arrays do not fit its hyperparameters.
    """
    model, arrays, notes = read_model(path, _kinds(), writer="save_field")
    params = jax.tree.map(jnp.asarray, arrays)
    scale = params.get("normalization", {}).get("coords_scale", jnp.zeros(()))
    ndim = scale.shape  # of one number: how many coordinates the field takes
    inputs = [jax.ShapeDtypeStruct((1, *ndim), jnp.float32)] if len(ndim) == 1 else []
    check_arrays(path, model, params, *inputs)
    size = notes["size"]
    return FieldFile(BoundField(model, params), None if size is None else tuple(size))


def _kinds() -> dict[str, type[FieldModule]]:
    """The families, by name."""
    from inr import fields

    found = vars(fields).values()
    families = [x for x in found if isinstance(x, type) and issubclass(x, FieldModule)]
    return {x.__name__: x for x in families if x is not FieldModule}
