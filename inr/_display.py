"""How objects show themselves: in one line, and as pictures in notebooks."""

import dataclasses
import functools
import math
import reprlib
import types
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn

_ALWAYS_SHOWN = ("features", "width", "depth")
_MOST_ITEMS = 4


@functools.singledispatch
def picture(value: object) -> bytes | None:
    """PNG file that a notebook shows for a value, or None for a value without one.

    A package registers the types that it can draw. So `inr.rendering` draws fields,
    which are defined below it.

    Args:
      value: the object.

    Returns:
      The file's bytes, or None.
    """
    return None


def module_text(model: nn.Module) -> str:
    """Class, size and the hyperparameters that differ from their defaults.

    Args:
      model: Linen module.

    Returns:
      One line, such as `Siren(features=3, width=256, depth=3, ...)`.
    """
    items, complete = [], True
    for field in dataclasses.fields(model):
        if field.name in ("parent", "name"):
            continue
        value = getattr(model, field.name, None)
        if field.name in _ALWAYS_SHOWN or not _equal(value, field.default):
            items.append(f"{field.name}={_short(value)}")
        else:
            complete = False
    ellipsis = [] if complete else ["..."]
    return f"{type(model).__name__}({', '.join(items + ellipsis)})"


def params_text(model: nn.Module, params: Any) -> str:
    """Class, axes and features where they are known, and number of parameters.

    Args:
      model: Linen module.
      params: its collections; leaves may be traced, shapes, or anything else that a
        tree may hold.

    Returns:
      One line, such as `Siren: 2 -> 3 features, 199,171 parameters`.
    """
    collections = params if isinstance(params, Mapping) else {"params": params}
    normalization = collections.get("normalization")
    is_mapping = isinstance(normalization, Mapping)
    scale: Any = normalization.get("coords_scale") if is_mapping else None
    shape = np.shape(scale)
    leaves = jax.tree.leaves(collections.get("params", {}))
    fields = math.prod(shape[:-1])
    count = sum(math.prod(np.shape(x)) for x in leaves) // max(fields, 1)
    text = type(model).__name__
    features = getattr(model, "features", None)
    if shape and isinstance(features, int):
        text += f": {shape[-1]} -> {features} feature{'s' if features > 1 else ''}"
    text += f", {count:,} parameters"
    return f"{fields} x {text} each" if len(shape) > 1 else text


def attributes_text(value: Any) -> str:
    """Class and attributes, with dtypes and shapes in place of arrays.

    Args:
      value: a dataclass or a NamedTuple.

    Returns:
      One line, such as `Spline(rows=float32[65536, 3], size=int32[2])`.
    """
    is_dataclass = dataclasses.is_dataclass(value)
    fields = dataclasses.fields(value) if is_dataclass else ()
    names = [x.name for x in fields] if is_dataclass else value._fields
    items = [f"{name}={_short(getattr(value, name))}" for name in names]
    return f"{type(value).__name__}({', '.join(items)})"


def _equal(value: Any, default: Any) -> bool:
    try:
        return bool(value == default)
    except (TypeError, ValueError):  # an array has no truth value
        return False


def _short(value: Any) -> str:
    if isinstance(value, nn.Module):
        return f"{type(value).__name__}(...)"
    if isinstance(value, np.ndarray | jax.Array):
        return f"{value.dtype}{[*value.shape]}"
    if type(value) in (tuple, list) and 0 < len(value) <= _MOST_ITEMS:
        is_array = [isinstance(x, np.ndarray | jax.Array) for x in value]
        if all(is_array):
            return f"({', '.join(map(_short, value))})"
    if type(value).__module__.startswith("inr."):
        return repr(value)
    is_named = isinstance(value, type | types.FunctionType)
    return value.__name__ if is_named else reprlib.repr(value)
