"""Digests of Python values: equal for equal values in any process.

`hash` is salted, and `repr` abbreviates arrays and prints addresses. A digest instead
covers the type of a value and everything that it holds, down to the bytes of arrays. A
function counts as its qualified name, its default arguments and the values that it
encloses; its code does not count, because that depends on Python's version.
"""

import dataclasses
import enum
import functools
import hashlib
import inspect
import types
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_ATOMS = (type(None), bool, int, float, complex, str, bytes)


def digest(value: Any) -> str:
    """Return the SHA-256 digest of a value as 64 hexadecimal digits.

    Args:
      value: any object. Arrays are read at about 1 GB/s. An object of an unknown type
        counts as its pickled state, or as its type alone if it cannot be pickled.

    Returns:
      The digest.
    """
    return _digest(value, ())


def _digest(value: Any, parents: tuple[Any, ...]) -> str:
    hasher = hashlib.sha256()
    name, content = "cycle", ()
    if not any(value is parent for parent in parents):
        name, content = _describe(value)
    if not isinstance(content, memoryview):
        content = "".join(_digest(part, (*parents, value)) for part in content).encode()
    hasher.update(name.encode() + b"\0")
    hasher.update(content)
    return hasher.hexdigest()


def _describe(value: Any) -> tuple[str, Sequence[Any] | memoryview]:
    """Return the name of a value's type, and its parts or its bytes."""
    kind = type(value)
    name = _name_of(kind)
    if kind in _ATOMS:
        return name, memoryview(repr(value).encode())
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return _describe_array(value)
    if isinstance(value, type | types.ModuleType):
        return name, (_name_of(value),)
    if isinstance(value, np.dtype):
        return name, (str(value),)
    if isinstance(value, enum.Enum):
        return name, (value.name,)
    if isinstance(value, Mapping):
        items = sorted((digest(key), key) for key in value)
        return "mapping", [x for _, key in items for x in (key, value[key])]
    if isinstance(value, set | frozenset):
        return "set", sorted(map(digest, value))
    if isinstance(value, tuple | list):
        return name, value
    if isinstance(value, functools.partial):
        return name, (value.func, value.args, value.keywords)
    if isinstance(value, types.MethodType):
        return name, (value.__func__, value.__self__)
    if dataclasses.is_dataclass(value):
        fields = (field for field in dataclasses.fields(value) if field.compare)
        return name, [(f.name, getattr(value, f.name, None)) for f in fields]
    if isinstance(value, jax.tree_util.PyTreeDef):
        return name, (value.node_data(), value.children())
    if callable(value) and hasattr(value, "__name__"):
        return _describe_function(value)
    try:
        return name, (value.__reduce_ex__(2),)
    except Exception:  # A lock or an open file, for example.
        return name, ()


def _describe_array(
    value: jax.Array | np.ndarray | np.generic,
) -> tuple[str, Sequence[Any] | memoryview]:
    if isinstance(value, jax.Array) and jnp.issubdtype(
        value.dtype, jax.dtypes.prng_key
    ):
        return f"{value.dtype}", (jax.random.key_data(value),)
    array = np.asarray(value)
    name = f"array {array.dtype} {array.shape}"
    if array.dtype.hasobject:
        return name, array.reshape(-1).tolist()
    return name, np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _describe_function(function: Any) -> tuple[str, Sequence[Any]]:
    """Look through `jax.jit` and other wrappers at the function they wrap."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    closure = getattr(function, "__closure__", None) or ()
    names = code.co_freevars if code else ()
    return "function", (
        _name_of(function),
        getattr(function, "__self__", None),  # of a method of a built-in type
        getattr(function, "__defaults__", None),
        getattr(function, "__kwdefaults__", None),
        {name: _contents(cell) for name, cell in zip(names, closure, strict=True)},
    )


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # The enclosing function has not assigned the name yet.
        return None


def _name_of(value: Any) -> str:
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    return f"{getattr(value, '__module__', None)}.{name}"
