"""A Flax module and its parameters in one safetensors file.

Contract: the file's metadata names the kind of the module (its class), its
hyperparameters, the version of this format and of the library, and what else is given,
each as JSON; arrays are stored under their path in the params. Nothing is ever
unpickled. A file of format 1 stays readable.
"""

import dataclasses
import importlib.metadata
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import linen as nn, traverse_util

from inr import _checks
from inr._typing import Params
from inr.io._files import replacing

_FORMAT = "1"


class ModelFile(NamedTuple):
    """What a file holds.

    Attributes:
      model: rebuilt from its hyperparameters.
      params: NumPy arrays, as they were stored.
      notes: what else was given when it was written.
    """

    model: nn.Module
    params: Params
    notes: dict[str, Any]


def write_model(
    path: str | os.PathLike, model: nn.Module, params: Params, **notes: Any
) -> None:
    """Writes all of it or nothing; `notes` is what JSON can hold."""
    import safetensors.numpy

    path = _as_path(path)
    header = {
        "inr_format": _FORMAT,
        "inr_version": importlib.metadata.version("inr"),
        "kind": type(model).__name__,
        "hyperparameters": json.dumps(_hyperparameters(model)),
        **{name: json.dumps(value) for name, value in notes.items()},
    }
    flat = traverse_util.flatten_dict(dict(params), sep="/")
    arrays = {name: np.asarray(x, order="C") for name, x in flat.items()}
    with replacing(path) as partial:
        partial.write_bytes(safetensors.numpy.save(arrays, header))


def read_model(
    path: str | os.PathLike, kinds: Mapping[str, type[nn.Module]], *, writer: str
) -> ModelFile:
    """Reads a module of one of `kinds`; `writer` is the function that errors name.

    Whether the arrays fit the module is left to `check_arrays`.
    """
    import safetensors

    path = _as_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`path` must name a file, got {path}.")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            flat = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"`path` must be a whole safetensors file, got {path} ({error}). It may be "
            "truncated: copy or save it again."
        ) from None
    model = _model(path, header, kinds, writer)
    own = {"inr_format", "inr_version", "kind", "hyperparameters", "format"}
    notes = {name: json.loads(x) for name, x in header.items() if name not in own}
    return ModelFile(model, traverse_util.unflatten_dict(flat, sep="/"), notes)


def check_arrays(
    path: str | os.PathLike, model: nn.Module, params: Params, *inputs: Any
) -> None:
    """The arrays must be those that the module would make for such inputs."""

    def shapes(tree: Any) -> dict[str, tuple[int, ...]]:
        flat = traverse_util.flatten_dict(dict(tree), sep="/")
        return {name: tuple(x.shape) for name, x in flat.items()}

    made = jax.eval_shape(model.init, jax.random.key(0), *inputs) if inputs else {}
    found, expected = shapes(params), shapes(made)
    if found != expected:
        wrong = sorted(set(found.items()) ^ set(expected.items()))
        raise ValueError(
            f"`path` must hold the arrays of {model}, got others in {path}; the first "
            f"that differs is {wrong[0]}."
        )


def _hyperparameters(model: nn.Module) -> dict[str, Any]:
    names = [f.name for f in dataclasses.fields(model) if f.init]
    values = {name: getattr(model, name) for name in names}
    values = {k: v for k, v in values.items() if k not in ("parent", "name")}
    if values.get("dtype") is not None:
        values["dtype"] = np.dtype(values["dtype"]).name
    return values


def _model(
    path: pathlib.Path,
    header: Mapping[str, str],
    kinds: Mapping[str, type[nn.Module]],
    writer: str,
) -> nn.Module:
    if "inr_format" not in header:
        raise ValueError(
            f"`path` must be a file written by `{writer}`, got {path}, which does "
            "not say what it holds."
        )
    if header["inr_format"] != _FORMAT:
        raise ValueError(
            f"`path` must be of format {_FORMAT}, got format {header['inr_format']} in "
            f"{path}, written by inr {header.get('inr_version')}. Update inr."
        )
    if header.get("kind") not in kinds:
        raise ValueError(
            f"`path` must hold a model of kind {', '.join(sorted(kinds))}, got "
            f"{header.get('kind')!r} in {path}, written by inr "
            f"{header.get('inr_version')}."
        )
    values = json.loads(header["hyperparameters"])
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    if values.get("dtype") is not None:
        values["dtype"] = np.dtype(values["dtype"])
    try:
        return kinds[header["kind"]](**values)
    except TypeError as error:
        raise ValueError(
            f"`path` has hyperparameters that {header['kind']} does not take, got "
            f"{values} in {path} ({error})."
        ) from None


def _as_path(path: str | os.PathLike) -> pathlib.Path:
    path = pathlib.Path(path)
    if path.suffix != ".safetensors":
        raise _checks.fail("path", "a name ending in .safetensors", repr(str(path)))
    return path
