"""Safetensors files that hold a module of a registered class with its params.

Arrays are stored under their path in the params, and the header names the class with
its hyperparameters; see `inr._metadata`. Nothing is ever unpickled, and a file is not
trusted: names, shapes and dtypes of its arrays are compared with those of the module
before an array is read.
"""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
from flax import linen as nn, traverse_util

from inr import _checks, _metadata
from inr._files import as_path, check_file, check_folder, replacing
from inr._hyperparameters import unique
from inr._model_arrays import Inputs, as_arrays, build, check_finite, num_elements
from inr._registry import registered_name
from inr._typing import Params

# Of a header, in bytes. An array takes about 100 and 10 ms of tracing; the largest
# pretrained model has 153 arrays.
MAX_HEADER = 2**18

STORE_ENTRY = "num_fields"
"""Entry of the header that only a store of fields has; see `inr.fields.stores`."""

DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
DTYPES |= {f"{kind[0].upper()}{bits}": f"{kind}{bits}"
            for kind in ("int", "uint") for bits in (8, 16, 32, 64)}  # fmt: skip
DTYPES |= {"BOOL": "bool", "C64": "complex64"}
"""Dtypes of stored arrays, by their names in safetensors files."""


class ModelFile(NamedTuple):
    """Contents of a file.

    Attributes:
      model: module built from the stored hyperparameters.
      params: NumPy arrays, as stored.
      size: samples along each axis of the signal, or None.
    """

    model: nn.Module
    params: Params
    size: tuple[int, ...] | None


def write_model(
    path: str | os.PathLike,
    model: nn.Module,
    params: Params,
    *,
    inputs: Inputs,
    argument: str,
    size: tuple[int, ...] | None = None,
) -> None:
    """Write a module of a registered class to a file.

    If writing fails, a file of that name stays as it was.

    Args:
      path: file name ending in `.safetensors`.
      model: module of a registered class.
      params: collections of arrays.
      inputs: example inputs of the module.
      argument: name of the params in errors.
      size: samples along each axis of the signal.

    Raises:
      OSError: if the disk is full.
      ValueError: if `read_model` would refuse the file.
    """
    import safetensors.numpy

    path = as_model_path(path)
    check_folder(path)
    kind = registered_name(model)
    assert kind is not None  # callers check it
    arrays = as_arrays(model, params, inputs, argument=argument, source=kind)
    header = _metadata.encode(model, kind, size, num_elements(arrays))
    data = safetensors.numpy.save(arrays, header)
    if int.from_bytes(data[:8], "little") > MAX_HEADER:
        got = f"{len(arrays)} arrays and hyperparameters of {len(str(header))} bytes"
        expected = f"a model whose header has at most {MAX_HEADER} bytes"
        raise _checks.fail(argument, expected, got)
    with replacing(path) as partial:
        partial.write_bytes(data)


def read_model(
    path: str | os.PathLike,
    kinds: Mapping[str, type[nn.Module]],
    *,
    inputs: Inputs | None,
    writer: str,
) -> ModelFile:
    """Read a module of one of `kinds`.

    Args:
      path: file name ending in `.safetensors`.
      kinds: accepted classes by their registered names.
      inputs: example inputs of a module; None for a file that comes with the library,
        whose arrays need no comparison with those of the module.
      writer: function that errors name as the source of such files.

    Returns:
      The contents: finite arrays of the names, shapes and kinds of dtype that `init` of
      the module gives.

    Raises:
      FileNotFoundError: if the file does not exist.
      ValueError: if the file is damaged, or of another kind or format.
    """
    import safetensors

    path = as_model_path(path)
    check_file(path, "a safetensors file")
    check_header(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            shapes = {name: stored_shape(path, file, name) for name in file.keys()}  # noqa: SIM118
            header = file.metadata() or {}
            if STORE_ENTRY in header:
                fix = "Read it with `load_fields`."
                raise _checks.fail(
                    "path", "a file of one model", f"{path}, a store", fix
                )
            metadata = _metadata.decode(
                header,
                num_elements(shapes),
                source=str(path),
                kinds=kinds,
                writer=writer,
            )
            new = _metadata.current_path if metadata.number == "1" else str
            shapes = {new(name): shape for name, shape in shapes.items()}
            cls, values = kinds[metadata.kind], metadata.hyperparameters
            model = (
                cls(**values)
                if inputs is None
                else build(cls, values, shapes, inputs, source=str(path))
            )
            arrays = {new(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise incomplete(path, error) from None
    check_finite(arrays, argument="path", source=str(path))
    params = traverse_util.unflatten_dict(arrays, sep="/")
    return ModelFile(model, params, metadata.size)


def read_module(path: pathlib.Path, kinds: Mapping[str, type[nn.Module]]) -> nn.Module:
    """The module of a file that comes with the library, without its arrays."""
    import safetensors

    with safetensors.safe_open(path, framework="numpy") as file:
        header = file.metadata() or {}
    options: dict[str, Any] = {"source": str(path), "kinds": kinds, "writer": "inr"}
    metadata = _metadata.decode(header, 2**31, **options)
    return kinds[metadata.kind](**metadata.hyperparameters)


def check_header(path: pathlib.Path) -> None:
    """Check what safetensors does not: the length of the header, and equal names.

    Of two entries of the same name, safetensors returns the last.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MAX_HEADER:
            problem = f"its header has {length} bytes, more than {MAX_HEADER}"
            raise incomplete(path, problem)
        try:
            json.loads(file.read(length), object_pairs_hook=unique)
        except (ValueError, RecursionError) as error:
            raise incomplete(path, error) from None


def stored_shape(path: pathlib.Path, file: Any, name: str) -> jax.ShapeDtypeStruct:
    """Shape and dtype of an array of an open file, which is not read."""
    view = file.get_slice(name)
    dtype = DTYPES.get(view.get_dtype())
    if dtype is None:
        got = f"{view.get_dtype()} of {name!r} in {path}"
        raise _checks.fail("path", f"a file of dtypes {', '.join(DTYPES)}", got)
    # Without 64-bit types JAX reads float64 as float32.
    dtype = jax.dtypes.canonicalize_dtype(dtype)
    return jax.ShapeDtypeStruct(tuple(view.get_shape()), dtype)


def incomplete(path: pathlib.Path, error: object) -> ValueError:
    """Error for a file that safetensors cannot read."""
    fix = "The file may be truncated: copy or save it again."
    got = f"{path} ({error})"
    return _checks.fail("path", "a complete safetensors file", got, fix)


def as_model_path(path: str | os.PathLike) -> pathlib.Path:
    """Return the name of a safetensors file as a path."""
    path = as_path("path", path)
    if path.suffix != ".safetensors":
        raise _checks.fail("path", "a name ending in .safetensors", repr(str(path)))
    return path
