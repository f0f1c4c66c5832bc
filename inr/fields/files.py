"""A field in one safetensors file: arrays, and what is needed to rebuild the module.

Contract: the file's metadata names the kind of the field (a class of `inr.fields`), its
hyperparameters, the size of the signal, the version of this format and of the library;
arrays are stored under their path in the params. Nothing is ever unpickled. A file of
format 1 stays readable.
"""

import dataclasses
import importlib.metadata
import json
import os
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn, traverse_util

from inr import _checks
from inr._typing import Params, Size
from inr.fields.base import BoundField, FieldModule

_FORMAT = "1"


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
    import safetensors.numpy

    path = _as_path(path)
    kind = _kind(getattr(field, "model", field))
    if not isinstance(field, BoundField) or kind not in _kinds():
        raise TypeError(
            "`field` must be a `BoundField` of a family in `inr.fields`, got "
            f"{kind}. Keep the params of other modules "
            "with `safetensors` or orbax."
        )
    header = {
        "inr_format": _FORMAT,
        "inr_version": importlib.metadata.version("inr"),
        "kind": kind,
        "hyperparameters": json.dumps(_hyperparameters(field.model)),
        "size": json.dumps(None if size is None else _checks.as_size("size", size)),
    }
    flat = traverse_util.flatten_dict(dict(field.params), sep="/")
    arrays = {name: np.ascontiguousarray(x) for name, x in flat.items()}
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(safetensors.numpy.save(arrays, header))
    partial.replace(path)


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
    import safetensors

    path = _as_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`path` must name a file, got {path}.")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            names = file.keys()
            flat = {name: jnp.asarray(file.get_tensor(name)) for name in names}
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"`path` must be a whole safetensors file, got {path} ({error}). It may be "
            "truncated: copy or save it again."
        ) from None
    model = _model(path, header)
    params = traverse_util.unflatten_dict(flat, sep="/")
    _check_shapes(path, model, params)
    size = json.loads(header["size"])
    return FieldFile(BoundField(model, params), None if size is None else tuple(size))


def _kinds() -> dict[str, type[FieldModule]]:
    """The families, by name."""
    from inr import fields

    found = vars(fields).values()
    families = [x for x in found if isinstance(x, type) and issubclass(x, FieldModule)]
    return {x.__name__: x for x in families if x is not FieldModule}


def _kind(model: Any) -> str:
    return type(model).__name__


def _hyperparameters(model: nn.Module) -> dict[str, Any]:
    names = [f.name for f in dataclasses.fields(model) if f.init]
    values = {name: getattr(model, name) for name in names}
    values = {k: v for k, v in values.items() if k not in ("parent", "name")}
    if values.get("dtype") is not None:
        values["dtype"] = jnp.dtype(values["dtype"]).name
    return values


def _model(path: pathlib.Path, header: dict[str, str]) -> FieldModule:
    if "inr_format" not in header:
        raise ValueError(
            f"`path` must be a file written by `save_field`, got {path}, which does "
            "not say what it holds."
        )
    if header["inr_format"] != _FORMAT:
        raise ValueError(
            f"`path` must be of format {_FORMAT}, got format {header['inr_format']} in "
            f"{path}, written by inr {header.get('inr_version')}. Update inr."
        )
    kinds = _kinds()
    if header.get("kind") not in kinds:
        raise ValueError(
            f"`path` must hold a field of kind {', '.join(sorted(kinds))}, got "
            f"{header.get('kind')!r} in {path}, written by inr "
            f"{header.get('inr_version')}."
        )
    values = json.loads(header["hyperparameters"])
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    if values.get("dtype") is not None:
        values["dtype"] = jnp.dtype(values["dtype"])
    try:
        return kinds[header["kind"]](**values)
    except TypeError as error:
        raise ValueError(
            f"`path` has hyperparameters that {header['kind']} does not take, got "
            f"{values} in {path} ({error})."
        ) from None


def _check_shapes(path: pathlib.Path, model: FieldModule, params: Params) -> None:
    """The arrays must be those that the module itself would make."""

    def made(ndim: int) -> Any:
        coords = jax.ShapeDtypeStruct((1, ndim), jnp.float32)
        return jax.eval_shape(model.init, jax.random.key(0), coords)

    def shapes(tree: Any) -> dict[str, tuple[int, ...]]:
        flat = traverse_util.flatten_dict(dict(tree), sep="/")
        return {name: tuple(x.shape) for name, x in flat.items()}

    found = shapes(params)
    scale = found.get("normalisation/coords_scale")
    expected = shapes(made(*scale)) if scale and len(scale) == 1 else {}
    if found != expected:
        wrong = sorted(set(found.items()) ^ set(expected.items()))
        raise ValueError(
            f"`path` must hold the arrays of {model}, got others in {path}; the first "
            f"that differs is {wrong[0]}."
        )


def _as_path(path: str | os.PathLike) -> pathlib.Path:
    path = pathlib.Path(path)
    if path.suffix != ".safetensors":
        raise _checks.fail("path", "a name ending in .safetensors", repr(str(path)))
    return path
