"""Checks of models, fields and their parameters, shared by the packages above."""

import functools
import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn, traverse_util

from inr import _checks


def check_module(model: Any) -> None:
    """Check that a model is a Linen module that hashes by value.

    Such a module can be a static argument of a jitted function.

    Args:
      model: the module.

    Raises:
      TypeError: if it is not a Linen module, or not hashable.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"`model` must be a flax.linen module, got {type(model).__name__}. "
            "A plain function of coords is already a field and needs no binding."
        )
    try:
        hash(model)
    except TypeError:
        raise TypeError(
            f"`model` must be hashable, got a {type(model).__name__} with unhashable "
            "attributes. Replace lists and arrays by tuples."
        ) from None


def check_field(field: Any) -> None:
    """Check that a field is a function of coords.

    Args:
      field: the field.

    Raises:
      TypeError: if it cannot be called, or is a model without its params.
    """
    if not callable(field) or (isinstance(field, nn.Module) and field.scope is None):
        fix = field_fix(field) or "Bind a model to its params with `bind`."
        raise TypeError(
            f"`field` must be a function of coords, got {type(field).__name__}. {fix}"
        )


def field_fix(value: Any) -> str:
    """What to write for a field in place of a result or a file; else empty."""
    if isinstance(value, str | os.PathLike):
        return "Read a file by `inr.load_field(path).field`."
    for name in ("field", "fields"):
        if hasattr(value, name):
            return f"Use its attribute `{name}`."
    return ""


def check_params(
    model: nn.Module | None, params: Any, *, argument: str = "params"
) -> None:
    """Check that params are a mapping of collections, and those of a family.

    Args:
      model: the module; None if it is not known yet.
      params: collections of arrays, which may have further leading axes.
      argument: name of the params in errors.

    Raises:
      TypeError: if params are not a mapping with the collection `params`.
      ValueError: if an array of a family is missing or has another shape.
    """
    if not (isinstance(params, Mapping) and isinstance(params.get("params"), Mapping)):
        is_mapping = isinstance(params, Mapping)
        got = f"the keys {[*params]}" if is_mapping else type(params).__name__
        raise TypeError(
            f"`{argument}` must be what `model.init` returns, a mapping with the "
            f"collection 'params', got {got}."
        )
    if not hasattr(model, "network"):  # No family: `FieldModule` is a row above.
        return
    shapes = _shapes(params)
    scale_shape = shapes.get("normalization/coords_scale")
    ndim = scale_shape[-1] if scale_shape else 1
    # Linen modules hash by value, which their type does not say.
    shapes_of_family = _shapes_of_family(model, ndim)  # pyright: ignore[reportArgumentType]
    for path, shape in shapes_of_family.items():
        actual = shapes.get(path, ())
        if path not in shapes or actual[len(actual) - len(shape) :] != shape:
            got = f"shape {actual}" if path in shapes else "none"
            expected = f"those of {type(model).__name__}, with {path} of shape {shape}"
            raise _checks.fail(argument, expected, got)


def check_features(model: nn.Module, k: int) -> None:
    """Raise if a model has another number of features than the signal.

    Args:
      model: a Linen module; a model without the attribute `features` passes.
      k: number of features of the signal.

    Raises:
      ValueError: if `model.features` is not k.
    """
    features = getattr(model, "features", k)
    if features != k:
        raise _checks.fail("model", f"one with features={k}", f"features={features}")


def _shapes(params: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    flat: Any = traverse_util.flatten_dict(dict(params), sep="/")
    return {path: getattr(x, "shape", None) or np.shape(x) for path, x in flat.items()}


@functools.lru_cache(maxsize=64)
def _shapes_of_family(model: nn.Module, ndim: int) -> dict[str, tuple[int, ...]]:
    coords = jax.ShapeDtypeStruct((1, ndim), jnp.float32)
    return _shapes(jax.eval_shape(model.init, jax.random.key(0), coords))
