"""Files of stores: their header, arrays and names; see `inr.fields.stores`.

A store is a safetensors file. Every array of the params is stacked along a leading axis
of n fields, under `fields/PATH`, so that one field is one slice of each array. Arrays
of 8 bits have two companions `[n, k]`, `scale/PATH` and `minimum/PATH`. The array
`names` is JSON. The header is that of a field file, with the number of fields. A store
is not trusted either: see `inr._model_files`.
"""

import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn, traverse_util

from inr import _checks, _metadata
from inr._files import check_file, replacing
from inr._hyperparameters import short
from inr._model_arrays import build
from inr._model_files import (
    MAX_HEADER,
    STORE_ENTRY,
    check_header,
    incomplete,
    stored_shape,
)
from inr._registry import registered
from inr._typing import Size
from inr.fields.base import FieldModule
from inr.fields.bound import BoundField
from inr.fields.files import example_inputs
from inr.fields.store_arrays import decode

_MAX_DIGITS = 10  # of the number of fields


class Contents:
    """An open file, whose header has been checked."""

    def __init__(self, path: pathlib.Path, file: Any, model: nn.Module, **facts: Any):
        self.path, self.file, self.model = path, file, model
        self.size: Size | None = facts["size"]
        self.num_fields: int = facts["num_fields"]
        self.arrays: list[str] = facts["arrays"]
        self._rows: dict[str, int] | None = None
        self._names: list[str] | None = None

    def names(self) -> list[str] | None:
        """All names, read at the first use."""
        if "names" not in self.arrays:
            return None
        if self._names is None:
            try:
                names = json.loads(self.file.get_tensor("names").tobytes())
                self._names = as_names(names, self.num_fields)
            except (ValueError, RecursionError) as error:
                got = f"others in {self.path} ({error})"
                raise _checks.fail("path", "a store with unique names", got) from None
            self._rows = {name: i for i, name in enumerate(self._names)}
        return self._names

    def row_of(self, name: str) -> int:
        """Number of the field of a name; -1 for no field."""
        self.names()
        return -1 if self._rows is None else self._rows.get(name, -1)

    def groups(self, rows: range) -> dict[str, np.ndarray]:
        """Stored arrays of some fields."""
        step, low, high = rows.step, min(rows), max(rows) + 1
        names = [name for name in self.arrays if name != "names"]
        slices = {name: self.file.get_slice(name)[low:high] for name in names}
        offset = rows.start - low
        index = [offset + step * i for i in range(len(rows))]
        return slices if step == 1 else {k: x[index] for k, x in slices.items()}

    def read(self, rows: range) -> BoundField:
        """Stacked fields, with finite parameters."""
        arrays = decode(self.groups(rows))
        check_finite(arrays, "path", f" of {self.path}", rows)
        params = traverse_util.unflatten_dict(arrays, sep="/")
        return BoundField(self.model, jax.tree.map(jnp.asarray, params))


def open_store(path: pathlib.Path) -> Contents:
    """Check all that can be checked without reading arrays."""
    import safetensors

    check_file(path, "a safetensors file")
    check_header(path)
    try:
        file = safetensors.safe_open(path, framework="numpy").__enter__()
    except safetensors.SafetensorError as error:
        raise incomplete(path, error) from None
    header, source = file.metadata() or {}, str(path)
    if "kind" in header and STORE_ENTRY not in header:
        fix = "Read it with `load_field`."
        raise _checks.fail("path", "a store of fields", f"{path}, one field", fix)
    if STORE_ENTRY not in header:
        got = f"{path}, without the entry {STORE_ENTRY!r}"
        raise _checks.fail("path", "a file written by `save_fields`", got)
    shapes = {name: stored_shape(path, file, name) for name in file.keys()}  # noqa: SIM118
    num_elements = sum(math.prod(x.shape[1:]) for x in shapes.values())
    kinds = registered(FieldModule)
    metadata = _metadata.decode(
        header, num_elements, source=source, kinds=kinds, writer="save_fields"
    )
    count, one = _shapes_of_one(path, header[STORE_ENTRY], shapes)
    cls, values = kinds[metadata.kind], metadata.hyperparameters
    model = build(cls, values, one, example_inputs, source=source)
    facts = {"size": metadata.size, "num_fields": count, "arrays": [*shapes]}
    return Contents(path, file, model, **facts)


def _shapes_of_one(
    path: pathlib.Path, count: str, shapes: Mapping[str, jax.ShapeDtypeStruct]
) -> tuple[int, dict[str, jax.ShapeDtypeStruct]]:
    """Number of fields, and the shapes of the arrays of one, by path."""
    n = int(count) if count.isdecimal() and len(count) < _MAX_DIGITS else 0
    one = {}
    for name, x in shapes.items():
        group, _, array = name.partition("/")
        codes = shapes.get(f"fields/{array}")
        is_coded = {f"scale/{array}", f"minimum/{array}"} <= shapes.keys()
        if name == "names":
            is_valid = x.dtype == np.uint8 and len(x.shape) == 1
        elif group == "fields":
            is_valid = n > 0 and x.shape[:1] == (n,)
            is_valid = is_valid and (not is_coded or x.dtype == np.uint8)
            dtype = np.dtype(np.float32) if is_coded else x.dtype
            one[array] = jax.ShapeDtypeStruct(x.shape[1:], dtype)
        elif group in ("scale", "minimum") and is_coded and codes is not None:
            is_valid = x.shape == (n, *codes.shape[-1:]) and x.dtype == np.float32
        else:
            is_valid = False
        if not is_valid:
            got = f"{name!r}, {x.dtype} of shape {x.shape}, in {path}"
            raise _checks.fail("path", f"a store of {short(count)} fields", got)
    return n, one


def check_finite(
    arrays: Mapping[str, np.ndarray], argument: str, source: str, rows: range
) -> None:
    """Raise with the number of the first field that holds NaN or infinity."""
    for name, array in arrays.items():
        finite = np.isfinite(array).reshape(len(array), -1).all(1)
        if not finite.all():
            row = rows[int(np.argmin(finite))]
            got = f"NaN or infinity in {name!r} of field {row}{source}"
            fix = "Did its fit diverge?"
            raise _checks.fail(argument, "fields of finite numbers", got, fix)


def as_names(names: Any, n: int) -> list[str]:
    """Names as a list; `n` unique strings."""
    _checks.check_sequence("names", names, "strings")
    if len(names) != n:
        raise _checks.fail("names", f"{n} strings", f"{len(names)}")
    for i, name in enumerate(names):
        if not isinstance(name, str):
            raise _checks.fail("names", "strings", f"{name!r} at {i}")
    if len(set(names)) < n:
        twice = next(x for i, x in enumerate(names) if x in names[:i])
        raise _checks.fail("names", "unique", f"{twice!r} more than once")
    return list(names)


def write_store(
    path: pathlib.Path,
    header: dict[str, str],
    groups: dict[str, np.ndarray],
    names: list[str] | None,
) -> int:
    """Write a store, and return its number of fields."""
    import safetensors.numpy

    n = len(next(iter(groups.values())))
    if names is not None:
        text = json.dumps(names).encode()
        groups = {**groups, "names": np.frombuffer(text, np.uint8)}
    header = {**header, STORE_ENTRY: str(n)}
    data = safetensors.numpy.save(groups, header)
    if int.from_bytes(data[:8], "little") > MAX_HEADER:
        got = f"{len(groups)} arrays"
        expected = f"of a model whose header has at most {MAX_HEADER} bytes"
        raise _checks.fail("fields", expected, got)
    with replacing(path) as partial:
        partial.write_bytes(data)
    return n
