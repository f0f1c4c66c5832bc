"""Metadata of a model file: text entries of its header, which are not trusted.

`kind` is the registered name of a module's class. The hyperparameters of the module and
the size of a field's signal are JSON. New files have format 2. Files of format 1,
written by inr 0.1, are readable: `_NAMES_OF_FORMAT_1` and `_VALUES_OF_FORMAT_1` map
their names to those of format 2.
"""

import importlib.metadata
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from flax import linen as nn

from inr import _checks, _hyperparameters
from inr._hyperparameters import parse_json, short
from inr._registry import registered

_FORMAT = "2"
_NAMES_OF_FORMAT_1 = {
    "normalisation": "normalization",
    "colour": "color",
    "known": "point_condition",
    "whole_first": "context_0",
    "whole_second": "context_1",
    **{f"kept_{s}": f"stage_{s}" for s in range(4)},
    **{f"whole_{i}": f"embedding_{i}" for i in range(3)},
    "whole": "embedding_3",
}
# Hyperparameters that a later version removed, with the only value that it can read.
# None stands for any value.
_VALUES_OF_FORMAT_1 = {"Upscaler": {"head": "waves", "units": None}}

_MAX_SAMPLES = 2**31  # along an axis


class Metadata(NamedTuple):
    """Contents of a header.

    Attributes:
      number: format of the file, "1" or "2".
      kind: registered name of the module's class.
      hyperparameters: fields of the module.
      size: samples along each axis of the signal, or None.
    """

    number: str
    kind: str
    hyperparameters: dict[str, Any]
    size: tuple[int, ...] | None


def encode(
    model: nn.Module, kind: str, size: tuple[int, ...] | None, num_elements: int
) -> dict[str, str]:
    """Entries that `decode` reads.

    Args:
      model: module of a registered class.
      kind: name of that class.
      size: samples along each axis of the signal, or None.
      num_elements: number of elements of all arrays.

    Raises:
      ValueError: for hyperparameters that `decode` would refuse.
    """
    return {
        "inr_format": _FORMAT,
        "inr_version": importlib.metadata.version("inr"),
        "kind": kind,
        "hyperparameters": _hyperparameters.encode(model, num_elements),
        "size": json.dumps(size),
    }


def decode(
    header: Mapping[str, str],
    num_elements: int,
    *,
    source: str,
    kinds: Mapping[str, type[nn.Module]],
    writer: str,
    argument: str = "path",
) -> Metadata:
    """Read and check the entries of a header.

    Args:
      header: the entries.
      num_elements: number of elements of all arrays.
      source: the file, for errors.
      kinds: accepted classes by their registered names.
      writer: function that errors name as the source of such files.
      argument: name that errors give to the source.

    Returns:
      The contents, of which `kind` is one of `kinds`.

    Raises:
      ValueError: if an entry is missing, invalid or of another format.
    """
    number, version = header.get("inr_format"), header.get("inr_version")
    if number is None:
        got = f"{source}, whose metadata has no format"
        raise _checks.fail(argument, f"a file written by `{writer}`", got)
    if number not in ("1", _FORMAT):
        got = f"format {short(number)} in {source}, written by inr {short(version)}"
        expected = f"a file of format 1 to {_FORMAT}"
        raise _checks.fail(argument, expected, got, "Update inr.")
    kind = header.get("kind")
    if kind is None or kind not in kinds:
        raise _checks.fail(
            argument,
            f"a file with a model of kind {', '.join(sorted(kinds))}",
            f"{short(kind)} in {source}, written by inr {short(version)}",
            "Import the module that registers this kind first.",
        )
    if "hyperparameters" not in header:
        raise _checks.fail(argument, "a file with hyperparameters", f"none in {source}")
    values = _hyperparameters.decode(
        header["hyperparameters"],
        num_elements,
        kinds=registered(nn.Module),
        argument=argument,
        source=source,
    )
    if number == "1":
        values = _current_values(source, kind, values, argument)
    _hyperparameters.check_fields(kinds[kind], values, argument=argument, source=source)
    return Metadata(
        number, kind, values, _size(header.get("size", "null"), source, argument)
    )


def current_path(path: str) -> str:
    """Path in the params of format 2 of an array of format 1."""
    return "/".join(_NAMES_OF_FORMAT_1.get(part, part) for part in path.split("/"))


def _size(text: str, source: str, argument: str) -> tuple[int, ...] | None:
    size = parse_json(text, "size", argument=argument, source=source)
    if size is None:
        return None
    is_list = isinstance(size, list) and len(size) > 0
    if is_list and all(type(n) is int and 1 <= n <= _MAX_SAMPLES for n in size):
        return tuple(size)
    expected = "a file whose size is null or numbers of samples"
    raise _checks.fail(argument, expected, f"{short(size)} in {source}")


def _current_values(
    source: str, kind: str, values: dict[str, Any], argument: str
) -> dict[str, Any]:
    removed = _VALUES_OF_FORMAT_1.get(kind, {})
    for name, readable in removed.items():
        value = values.pop(name, readable)
        if readable is not None and value != readable:
            expected = f"a file with a {kind} with {name}={readable!r}"
            got = f"{short(value)} in {source}"
            raise _checks.fail(argument, expected, got, "Only inr 0.1 reads this file.")
    return values
