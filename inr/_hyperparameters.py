"""Hyperparameters of a module as JSON text, which is not trusted.

A hyperparameter that is itself a module of a registered class is an object with its
registered name under "registered" and its own hyperparameters.
"""

import dataclasses
import json
import math
import reprlib
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, Union

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._registry import registered, registered_name

_KIND = "registered"
_MAX_CHARACTERS = 2**13
_MAX_NESTING = 8
_LEAST_LIMIT = 2**20


def encode(model: nn.Module, num_elements: int) -> str:
    """Fields of a module as JSON.

    Args:
      model: the module.
      num_elements: number of elements of all its arrays.

    Raises:
      ValueError: for values that JSON cannot represent, or that `decode` or
        `check_fields` refuses.
    """
    cls = type(model)
    text = json.dumps(_to_json(model))
    options: dict[str, Any] = {"argument": "model", "source": cls.__name__}
    kinds = registered(nn.Module)
    check_fields(cls, decode(text, num_elements, kinds=kinds, **options), **options)
    return text


def decode(
    text: str,
    num_elements: int,
    *,
    kinds: Mapping[str, type[nn.Module]],
    argument: str,
    source: str,
) -> dict[str, Any]:
    """Fields of a module, with tuples for lists, so that the module hashes.

    An integer may be a number of layers or the length of a table, for which a module
    takes time or memory before its arrays are compared with those of the file. Neither
    exceeds the number of stored elements. Other integers, such as a band limit, leave
    no trace in the arrays. So the limit of integers is the number of elements, and 2^20
    if they are fewer, for which a table of that length takes 8 MiB.

    Args:
      text: a JSON object.
      num_elements: number of elements of all arrays.
      kinds: accepted classes of modules among the fields, by their registered names.
      argument: name that errors give to the source.
      source: the source, for errors.

    Raises:
      ValueError: for another or a long text, numbers that are not finite, integers
        above the limit, and deeply nested lists.
    """
    if len(text) > _MAX_CHARACTERS:
        expected = f"a model with hyperparameters of {_MAX_CHARACTERS} characters"
        raise _checks.fail(argument, expected, f"{len(text)} in {source}")
    values = parse_json(text, "hyperparameters", argument=argument, source=source)
    if not isinstance(values, dict):
        got = f"{short(values)} in {source}"
        raise _checks.fail(argument, "a model whose hyperparameters have names", got)
    limit = max(num_elements, _LEAST_LIMIT)
    for name, value in values.items():
        requirement = _violation(value, limit)
        if requirement:
            got = f"{name}={short(value)} in {source}"
            raise _checks.fail(argument, f"a model with {requirement}", got)
    return _from_json(values, kinds, argument, source)


def check_fields(
    cls: type[nn.Module], values: Mapping[str, Any], *, argument: str, source: str
) -> None:
    """Raise ValueError unless values have the names and types of a module's fields."""
    try:
        hints = typing.get_type_hints(cls)
    except Exception:  # such as a name that is imported for type checkers only
        hints = {}
    names = _names(cls)
    for name, value in values.items():
        if name not in names or not _is_of_type(value, hints.get(name, Any)):
            expected = f"a model with hyperparameters that {cls.__name__} accepts"
            raise _checks.fail(argument, expected, f"{name}={short(value)} in {source}")


def parse_json(text: str, name: str, *, argument: str, source: str) -> Any:
    """Value of a JSON text whose objects have unique names.

    Raises:
      ValueError: for any other text.
    """
    try:
        return json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        got = f"{short(text)} in {source} ({error})"
        raise _checks.fail(argument, f"a file whose {name} are JSON", got) from None


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Object of JSON; the `object_pairs_hook` of `json.loads`."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name occurs twice")
    return values


def short(value: Any) -> str:
    """Start of the repr of a value from a file, for errors."""
    return reprlib.repr(value)


def _names(cls: type[nn.Module]) -> list[str]:
    fields = [field.name for field in dataclasses.fields(cls) if field.init]
    return [name for name in fields if name not in ("parent", "name")]


def _violation(value: Any, limit: int, nesting: int = 0) -> str:
    """The requirement that a value does not meet, or an empty string."""
    if nesting > _MAX_NESTING:
        return f"at most {_MAX_NESTING} lists inside each other"
    if isinstance(value, int) and abs(value) > limit:
        return f"integers up to {limit}, its number of elements or {_LEAST_LIMIT}"
    if isinstance(value, float) and not math.isfinite(value):
        return "finite numbers"
    items: Any = value.values() if isinstance(value, dict) else value
    items = items if isinstance(value, dict | list) else ()
    return next(filter(None, (_violation(x, limit, nesting + 1) for x in items)), "")


def _to_json(model: nn.Module) -> dict[str, Any]:
    """Fields of a module as values of JSON."""
    cls, values = type(model), {}
    for name in _names(cls):
        value = getattr(model, name)
        if isinstance(value, nn.Module):
            values[name] = {_KIND: registered_name(value), **_to_json(value)}
            continue
        is_dtype = name == "dtype" and value is not None
        values[name] = np.dtype(value).name if is_dtype else value
        try:
            json.dumps(values[name])
        except (TypeError, ValueError):
            expected = f"a {cls.__name__} with hyperparameters for JSON"
            raise _checks.fail("model", expected, f"{name}={value!r}") from None
    return values


def _from_json(
    values: Mapping[str, Any],
    kinds: Mapping[str, type[nn.Module]],
    argument: str,
    source: str,
) -> dict[str, Any]:
    """Fields of a module from values of JSON: tuples, dtypes and modules."""

    def convert(value: Any) -> Any:
        if isinstance(value, list):
            return tuple(map(convert, value))
        if not isinstance(value, dict):
            return value
        fields = _from_json(value, kinds, argument, source)
        if _KIND not in fields:
            return fields
        cls = kinds.get(str(fields.pop(_KIND)))
        if cls is None:
            known = ", ".join(sorted(kinds))
            got = f"{short(value[_KIND])} in {source}"
            raise _checks.fail(argument, f"a model with parts of kind {known}", got)
        check_fields(cls, fields, argument=argument, source=source)
        try:
            return cls(**fields)
        except Exception as error:  # each class has its own errors
            expected = f"a model with hyperparameters that {cls.__name__} accepts"
            got = f"{short(value)} in {source} ({error})"
            raise _checks.fail(argument, expected, got) from error

    fields = {name: convert(value) for name, value in values.items()}
    if fields.get("dtype") is not None:
        fields["dtype"] = _dtype(fields["dtype"], argument, source)
    return fields


def _is_of_type(value: Any, hint: Any) -> bool:
    """False if a value of JSON is not of an annotated type; True for rare hints."""
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return value in options
    if origin in (Union, types.UnionType):
        return any(_is_of_type(value, option) for option in options)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if options[-1:] == (Ellipsis,):
            options = options[:1] * len(value)
        pairs = zip(value, options, strict=False)
        return len(value) == len(options) and all(_is_of_type(*pair) for pair in pairs)
    if isinstance(hint, type) and issubclass(hint, nn.Module):
        return isinstance(value, hint)
    if hint is float:
        return type(value) in (int, float)
    if hint in (bool, int, str, type(None)):
        return type(value) is hint
    return True


def _dtype(name: Any, argument: str, source: str) -> np.dtype:
    try:
        dtype = np.dtype(name) if isinstance(name, str) else None
    except (TypeError, ValueError, SyntaxError):
        dtype = None
    if dtype is None or not jnp.issubdtype(dtype, np.number):
        got = f"{short(name)} in {source}"
        raise _checks.fail(argument, "a model with the name of a numeric dtype", got)
    return dtype
