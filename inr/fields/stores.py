"""Stores: thousands of fields of one model in one file, each read by itself."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args, overload

import jax
import numpy as np
from flax import linen as nn, traverse_util

from inr import _checks, _display, _metadata
from inr._files import check_folder
from inr._model_arrays import check_arrays
from inr._model_files import as_model_path
from inr._registry import registered_name
from inr._typing import Size
from inr.fields.bound import BoundField
from inr.fields.files import check_registered, example_inputs
from inr.fields.store_arrays import decode, encode, stored_error
from inr.fields.store_files import (
    Contents,
    as_names,
    check_finite,
    open_store,
    write_store,
)

Precision = Literal["float16", "uint8"]
"""Precision of the stored parameters."""


class StoreInfo(NamedTuple):
    """What `save_fields` wrote.

    Attributes:
      num_fields: fields in the file.
      file_bytes: size of the file.
      error: `[n]` float32, root mean square difference between each of the n new fields
        and its stored version at 256 random points, in the units of the features; 0
        for exact parameters. Its PSNR, for a peak of 1, is `-20 * log10(error)`.
    """

    num_fields: int
    file_bytes: int
    error: np.ndarray


class FieldStore(Sequence):
    """Fields of a file, each read when it is indexed. `load_fields` creates it.

    `store[3]` and `store["name"]` are fields, `store[10:20]` is a store of ten fields,
    and `store.stack()` reads all of them as one `BoundField` with a leading axis.

    Attributes:
      model: the model of all fields.
      size: samples along each axis of the signals, or None.
    """

    def __init__(self, contents: Contents, rows: range) -> None:
        self._contents, self._rows = contents, rows
        self.model: nn.Module = contents.model
        self.size: Size | None = contents.size

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the fields, or None."""
        names = self._contents.names()
        return None if names is None else tuple(names[i] for i in self._rows)

    def stack(self) -> BoundField:
        """All fields as one, for `jax.vmap`: every leaf has a leading axis."""
        if len(self) == 0:
            raise _checks.fail("self", "a store with fields", "an empty slice")
        return self._contents.read(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int | str) -> BoundField: ...

    @overload
    def __getitem__(self, index: slice) -> "FieldStore": ...

    def __getitem__(self, index: int | str | slice) -> "BoundField | FieldStore":
        """A field by its number or name, or a store of a slice of the fields."""
        if isinstance(index, slice):
            return FieldStore(self._contents, self._rows[index])
        if isinstance(index, str):
            row = self._contents.row_of(index)
            if row not in self._rows:
                raise KeyError(f"`index` must be one of `names`, got {index!r}.")
        else:
            row = self._rows[index]
        fields = self._contents.read(range(row, row + 1))
        return jax.tree.map(lambda x: x[0], fields)

    def __iter__(self) -> Iterator[BoundField]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"FieldStore({len(self)} fields of {_display.module_text(self.model)})"


def save_fields(
    path: str | os.PathLike,
    fields: BoundField | Sequence[BoundField],
    *,
    names: Sequence[str] | None = None,
    size: Size | None = None,
    precision: Precision | None = None,
    append: bool = False,
) -> StoreInfo:
    """Write many fields of one model to one safetensors file.

    If writing fails, a file of that name stays as it was. Normalizations and the
    configuration of the model are stored exactly, at every precision.

    Args:
      path: file name ending in `.safetensors`.
      fields: fields of equal models; or one whose leaves have a leading axis, such as
        the `fields` of `fit_many`.
      names: a unique name for each field, by which it can be indexed.
      size: samples along each axis of the signals.
      precision: None stores parameters as they are. `"float16"` halves the file;
        `"uint8"` divides it by up to four. The result has the loss.
      append: add the fields to those of an existing file, which must be of the same
        model, size and precision. The file is written again: append many at once.

    Returns:
      A `StoreInfo`: the size of the file, and the loss of the precision.

    Raises:
      FileNotFoundError: if the folder, or the file to append to, does not exist.
      OSError: if the disk is full.
      TypeError: if `fields` are not of a registered family.
      ValueError: for no fields, different models, names that are not unique, or NaN or
        infinity, with the number of the field.
    """
    path = as_model_path(path)
    check_folder(path)
    _checks.check_flag("append", append)
    if precision is not None:
        _checks.check_choice("precision", precision, get_args(Precision))
    size = None if size is None else _checks.as_size("size", size)
    model, arrays = _stacked(fields)
    n = len(next(iter(arrays.values())))
    names = None if names is None else as_names(names, n)
    groups = encode(arrays, precision)
    error = np.zeros(n, np.float32)
    if precision is not None:
        error = stored_error(model, arrays, decode(groups))
    if append:
        contents = open_store(path)
        groups, names = _extended(contents, model, groups, names, size)
    kind = registered_name(model)
    assert kind is not None  # `_stacked` checks it
    count = sum(math.prod(x.shape[1:]) for x in arrays.values())
    header = _metadata.encode(model, kind, size, count)
    total = write_store(path, header, groups, names)
    return StoreInfo(total, path.stat().st_size, error)


def load_fields(path: str | os.PathLike) -> FieldStore:
    """Open a file that `save_fields` wrote. A field is read when it is indexed.

    Args:
      path: file name ending in `.safetensors`.

    Returns:
      A `FieldStore`, a sequence of fields.

    Raises:
      FileNotFoundError: if the file does not exist.
      ValueError: if the file is damaged, of a newer format or of an unregistered
        family, or its arrays do not fit its hyperparameters. Values are checked when a
        field is read.
    """
    path = as_model_path(path)
    contents = open_store(path)
    return FieldStore(contents, range(contents.num_fields))


def _stacked(fields: Any) -> tuple[nn.Module, dict[str, np.ndarray]]:
    """The model and the stacked arrays `[n, ...]` by path, after all checks."""
    if isinstance(fields, BoundField):
        check_registered("fields", fields)
        model, trees = fields.model, [fields.params]
    else:
        _checks.check_sequence("fields", fields, "fields")
        if len(fields) == 0:
            raise _checks.fail("fields", "at least one field", "none")
        for field in fields:
            check_registered("fields", field)
        model, trees = fields[0].model, [field.params for field in fields]
        for i, field in enumerate(fields):
            if field.model != model:
                got = f"{_display.module_text(field.model)} at {i}"
                expected = f"of one model, {_display.module_text(model)}"
                raise _checks.fail("fields", expected, got, "Write one file a model.")
    _checks.check_concrete("fields", trees)
    flat: Any = [traverse_util.flatten_dict(dict(x), sep="/") for x in trees]
    if isinstance(fields, BoundField):
        arrays = {k: np.asarray(x, order="C") for k, x in flat[0].items()}
    else:
        for i, tree in enumerate(flat):
            _check_one(model, tree, f"field {i}")
        arrays = {k: np.stack([np.asarray(x[k]) for x in flat]) for k in flat[0]}
    counts = {x.shape[:1] for x in arrays.values()}
    if len(counts) != 1 or counts & {(), (0,)}:
        expected = "a sequence of fields, or one with a common leading axis"
        got = f"leading axes {sorted(counts)}"
        raise _checks.fail("fields", expected, got, "Write one field as `[field]`.")
    _check_one(model, {k: x[0] for k, x in arrays.items()}, "stacked fields")
    check_finite(arrays, "fields", "", range(len(next(iter(arrays.values())))))
    return model, arrays


def _check_one(model: nn.Module, arrays: Mapping[str, Any], source: str) -> None:
    examples = example_inputs(model, arrays)
    check_arrays(model, arrays, examples, argument="fields", source=source)


def _extended(
    contents: Contents,
    model: nn.Module,
    groups: dict[str, np.ndarray],
    names: list[str] | None,
    size: Size | None,
) -> tuple[dict[str, np.ndarray], list[str] | None]:
    """The arrays and names of a store, followed by new ones."""
    if contents.model != model:
        expected = f"of the store's model, {_display.module_text(contents.model)}"
        raise _checks.fail("fields", expected, _display.module_text(model))
    if contents.size != size:
        raise _checks.fail("size", f"{contents.size}, that of the store", size)
    old_names = contents.names()
    if (old_names is None) != (names is None):
        expected = "None" if old_names is None else "given"
        raise _checks.fail("names", f"{expected}, as in the store", names)
    old = contents.groups(range(contents.num_fields))
    kinds = [{k: x.dtype for k, x in arrays.items()} for arrays in (old, groups)]
    if kinds[0] != kinds[1]:
        dtype = next(iter(kinds[0].values()))
        raise _checks.fail("precision", f"that of the store, {dtype}", "another")
    n = contents.num_fields + len(next(iter(groups.values())))
    if names is not None and old_names is not None:
        names = as_names(old_names + names, n)
    return {k: np.concatenate([x, groups[k]]) for k, x in old.items()}, names
