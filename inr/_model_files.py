"""Registered Flax modules, and the safetensors files that hold one with its params.

A file's metadata holds the registered name of the module's class (`kind`), its
hyperparameters, the versions of this format and of the library, and further notes, each
as JSON. Arrays are stored under their path in the params. Nothing is ever unpickled.

New files have format 2. Files of format 1, written by inr 0.1, are readable:
`_FORMAT_1_NAMES` and `_FORMAT_1_HYPERPARAMETERS` map their names to those of format 2.
"""

import dataclasses
import importlib.metadata
import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from flax import linen as nn, traverse_util

from inr import _checks
from inr._files import check_file, check_folder, replacing
from inr._typing import Params

_FORMAT = "2"
_FORMAT_1_NAMES = {"normalisation": "normalization", "colour": "color"}
# Hyperparameters that a later version removed, with the only value that it can read.
# None stands for any value.
_FORMAT_1_HYPERPARAMETERS = {"Upscaler": {"head": "waves", "units": None}}

_Class = TypeVar("_Class", bound=type[nn.Module])
_registry: dict[str, type[nn.Module]] = {}


class ModelFile(NamedTuple):
    """Contents of a file.

    Attributes:
      model: module built from the stored hyperparameters.
      params: NumPy arrays, as stored.
      notes: further entries given to `write_model`.
    """

    model: nn.Module
    params: Params
    notes: dict[str, Any]


def register(name: str) -> Callable[[_Class], _Class]:
    """Return a class decorator that makes a module savable and loadable by name.

    `save_field`, `load_field`, `save_model` and `load_model` accept registered classes
    only, because a file stores the name and the hyperparameters of a module and no
    code. Import the module that defines a class before you load a file of it.

    Args:
      name: stored in files; change it and older files no longer load.

    Returns:
      The decorator. It returns the class unchanged.

    Raises:
      ValueError: if another class already has this name.
      TypeError: if the name is not a string, or the class not a Flax Linen module.
    """
    if not isinstance(name, str):
        raise TypeError(
            f'`name` must be a string, got {name!r}. Write `@register("MyField")`.'
        )

    def decorate(cls: _Class) -> _Class:
        if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
            raise TypeError(f"`register` takes a flax.linen module class, got {cls!r}.")
        current = _registry.get(name, cls)
        # A notebook cell that runs again defines an equal class again.
        if (current.__module__, current.__qualname__) != (
            cls.__module__,
            cls.__qualname__,
        ):
            owner = f"{current.__module__}.{current.__qualname__}"
            raise _checks.fail("name", "a name that is not registered", owner)
        _registry[name] = cls
        return cls

    return decorate


def registered_name(model: nn.Module) -> str | None:
    """Name under which the class of a module is registered, or None."""
    names = [name for name, cls in _registry.items() if cls is type(model)]
    return names[0] if names else None


def registered(base: type[nn.Module]) -> dict[str, type[nn.Module]]:
    """Registered subclasses of `base`, by name."""
    return {name: cls for name, cls in _registry.items() if issubclass(cls, base)}


def write_model(
    path: str | os.PathLike, model: nn.Module, params: Params, **notes: Any
) -> None:
    """Write a module of a registered class to a file.

    If writing fails, a file of that name stays as it was.

    Args:
      path: file name ending in `.safetensors`.
      model: module of a registered class.
      params: collections of arrays.
      **notes: values that JSON can represent.

    Raises:
      ValueError: for another extension, and for hyperparameters that JSON cannot
        represent.
    """
    import safetensors.numpy

    path = _as_path(path)
    check_folder(path)
    header = {
        "inr_format": _FORMAT,
        "inr_version": importlib.metadata.version("inr"),
        "kind": registered_name(model) or type(model).__name__,
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
    """Read a module of one of `kinds`.

    Args:
      path: file name ending in `.safetensors`.
      kinds: accepted classes by their registered names.
      writer: function that errors name as the source of such files.

    Returns:
      The contents. `check_arrays` compares the arrays with the module.

    Raises:
      FileNotFoundError: if the file does not exist.
      ValueError: if the file is damaged, or of another kind or format.
    """
    import safetensors

    path = _as_path(path)
    check_file(path, "a safetensors file")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            flat = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"`path` must be a complete safetensors file, got {path} ({error}). The "
            "file may be truncated: copy or save it again."
        ) from None
    model = _model(path, header, kinds, writer)
    if header["inr_format"] == "1":
        flat = {_renamed_path(name): array for name, array in flat.items()}
    own = {"inr_format", "inr_version", "kind", "hyperparameters", "format"}
    notes = {name: json.loads(x) for name, x in header.items() if name not in own}
    return ModelFile(model, traverse_util.unflatten_dict(flat, sep="/"), notes)


def check_arrays(
    model: nn.Module,
    params: Params,
    *inputs: Any,
    argument: str = "params",
    source: str = "",
) -> None:
    """Raise ValueError unless `params` have the names and shapes that `init` gives.

    Args:
      model: the module.
      params: collections of arrays.
      *inputs: example inputs of `model.init`, as `jax.ShapeDtypeStruct`s.
      argument: named by the error.
      source: file that the params come from, for the error.
    """

    def shapes(tree: Any) -> dict[str, tuple[int, ...]]:
        flat: Any = traverse_util.flatten_dict(dict(tree), sep="/")
        return {name: tuple(np.shape(x)) for name, x in flat.items()}

    expected = shapes(jax.eval_shape(model.init, jax.random.key(0), *inputs))
    actual = shapes(params)
    if actual != expected:
        different = sorted(set(actual.items()) ^ set(expected.items()))
        name, shape = different[0]
        origin = f" in {source}" if source else ""
        raise ValueError(
            f"`{argument}` must hold the arrays of {type(model).__name__}, got others"
            f"{origin}; the first difference is {name!r} with shape {shape}."
        )


def _hyperparameters(model: nn.Module) -> dict[str, Any]:
    names = [f.name for f in dataclasses.fields(model) if f.init]
    values = {name: getattr(model, name) for name in names}
    values = {k: v for k, v in values.items() if k not in ("parent", "name")}
    if values.get("dtype") is not None:
        values["dtype"] = np.dtype(values["dtype"]).name
    for name, value in values.items():
        try:
            json.dumps(value)
        except TypeError:
            raise _checks.fail(
                "model",
                f"a {type(model).__name__} with hyperparameters for JSON",
                f"{name}={value!r}",
            ) from None
    return values


def _as_tuples(value: Any) -> Any:
    """Lists of JSON as tuples, so that a module hashes."""
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _model(
    path: pathlib.Path,
    header: Mapping[str, str],
    kinds: Mapping[str, type[nn.Module]],
    writer: str,
) -> nn.Module:
    if "inr_format" not in header:
        raise ValueError(
            f"`path` must be a file written by `{writer}`, got {path}, whose metadata "
            "has no format."
        )
    if header["inr_format"] not in ("1", _FORMAT):
        raise ValueError(
            f"`path` must be a file of format 1 to {_FORMAT}, got format "
            f"{header['inr_format']} in {path}, written by inr "
            f"{header.get('inr_version')}. Update inr."
        )
    kind = header.get("kind")
    if kind is None or kind not in kinds:
        raise ValueError(
            f"`path` must hold a model of kind {', '.join(sorted(kinds))}, got "
            f"{kind!r} in {path}, written by inr {header.get('inr_version')}. Import "
            "the module that registers this kind first."
        )
    values = json.loads(header["hyperparameters"])
    values = {name: _as_tuples(value) for name, value in values.items()}
    if values.get("dtype") is not None:
        values["dtype"] = np.dtype(values["dtype"])
    if header["inr_format"] == "1":
        values = _current_hyperparameters(path, kind, values)
    try:
        return kinds[kind](**values)
    except TypeError as error:
        raise ValueError(
            f"`path` holds hyperparameters that {kind} does not accept, got {values} "
            f"in {path} ({error})."
        ) from None


def _renamed_path(name: str) -> str:
    return "/".join(_FORMAT_1_NAMES.get(part, part) for part in name.split("/"))


def _current_hyperparameters(
    path: pathlib.Path, kind: str, values: dict[str, Any]
) -> dict[str, Any]:
    removed = _FORMAT_1_HYPERPARAMETERS.get(kind, {})
    for name, readable in removed.items():
        value = values.pop(name, readable)
        if readable is not None and value != readable:
            raise ValueError(
                f"`path` must hold a {kind} with {name}={readable!r}, got {value!r} in "
                f"{path}. Only inr 0.1 reads this file."
            )
    return values


def _as_path(path: str | os.PathLike) -> pathlib.Path:
    path = pathlib.Path(path)
    if path.suffix != ".safetensors":
        raise _checks.fail("path", "a name ending in .safetensors", repr(str(path)))
    return path
