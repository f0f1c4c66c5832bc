"""The format of files of `encode_field`.

All numbers are little-endian; the lengths are unsigned.

| bytes | content |
|---|---|
| 8 | signature `89 49 4e 46 0d 0a 1a 0a` |
| 1 | version, 1 |
| 4 | length of the header |
| 4 | length of the tables |
| 4 | length of the exact arrays |
| | header: JSON with the entries of a field file and the shapes of the arrays |
| | tables of the coded tensors, in the order of their paths |
| | other arrays as they are, in the order of their paths |
| | codes of the tensors, one stream of a range coder |
| 4 | CRC-32 of all bytes before |
"""

import json
import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from inr import _checks
from inr._hyperparameters import parse_json, short
from inr._model_files import DTYPES, MAX_HEADER
from inr.codec.histograms import VALUES_PER_BYTE, damaged

SOURCE = "the data"
"""What errors call the file."""

_SIGNATURE = b"\x89INF\r\n\x1a\n"
_VERSION = 1
_START = struct.Struct("<8sBIII")
_MAX_AXES = 32
_MAX_AXIS = 2**31

Shape = tuple[tuple[int, ...], np.dtype]


class FieldParts(NamedTuple):
    """Contents of a file.

    Attributes:
      metadata: entries of `inr._metadata`.
      shapes: shape and dtype of each array by path, sorted.
      tables: tables of the coded tensors, one after another.
      exact: the other arrays, one after another.
      stream: codes of the tensors, a multiple of 4 bytes.
    """

    metadata: Mapping[str, str]
    shapes: Mapping[str, Shape]
    tables: bytes
    exact: bytes
    stream: bytes


def is_field_file(data: object) -> bool:
    """True for data that start with the signature."""
    is_bytes = isinstance(data, bytes | bytearray | memoryview)
    return is_bytes and bytes(data[: len(_SIGNATURE)]) == _SIGNATURE


def is_coded(path: str, shape: tuple[int, ...], dtype: np.dtype) -> bool:
    """True for kernels and tables of `params`, whose values become codes."""
    is_number = jnp.issubdtype(dtype, jnp.inexact)
    return (
        path.startswith("params/") and is_number and len(shape) > 1 and 0 not in shape
    )


def num_codes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Codes of a tensor; a complex number has two."""
    return math.prod(shape) * (2 if dtype.kind == "c" else 1)


def pack(parts: FieldParts) -> bytes:
    """The bytes of a file.

    Raises:
      ValueError: if the header is longer than `unpack` accepts.
    """
    arrays: dict[str, dict[str, Any]] = {}
    for path, (shape, dtype) in sorted(parts.shapes.items()):
        arrays.setdefault(dtype.name, {})[path] = shape
    content = {"metadata": dict(parts.metadata), "arrays": arrays}
    header = json.dumps(content, separators=(",", ":")).encode()
    if len(header) > MAX_HEADER:
        expected = f"a field whose header has at most {MAX_HEADER} bytes"
        raise _checks.fail("field", expected, f"{len(header)} bytes")
    sections = (header, parts.tables, parts.exact)
    start = _START.pack(_SIGNATURE, _VERSION, *map(len, sections))
    data = b"".join([start, *sections, parts.stream])
    return data + struct.pack("<I", zlib.crc32(data))


def unpack(data: Any) -> FieldParts:
    """Contents of a file, of which nothing is larger than the file allows.

    Raises:
      TypeError: if `data` is not bytes.
      ValueError: if the file is not of this format, of a later version, or damaged.
    """
    _checks.check_type("data", data, bytes, bytearray, memoryview)
    data = bytes(data)
    if not is_field_file(data):
        expected = "a file of `inr.codec.encode_field`"
        raise _checks.fail("data", expected, repr(data[:8]))
    if len(data) < _START.size + 4:
        raise damaged(f"only {len(data)} bytes")
    _, version, *lengths = _START.unpack_from(data)
    if version != _VERSION:
        got, fix = f"version {version}", "Update inr."
        raise _checks.fail("data", f"of version {_VERSION}", got, fix)
    if zlib.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
        raise damaged("another checksum")
    rest = len(data) - 4 - _START.size - sum(lengths)
    if rest < 0 or rest % 4 or lengths[0] > MAX_HEADER:
        raise damaged(f"sections of {lengths} bytes in {len(data)}")
    sections, position = [], _START.size
    for length in (*lengths, rest):
        sections.append(data[position : position + length])
        position += length
    header, tables, exact, stream = sections
    metadata, shapes = _read_header(header)
    _check_sizes(shapes, len(exact), len(data))
    return FieldParts(metadata, shapes, tables, exact, stream)


def _read_header(data: bytes) -> tuple[dict[str, str], dict[str, Shape]]:
    text = data.decode("ascii", "replace")
    content = parse_json(text, "header", argument="data", source=SOURCE)
    match content:
        case {"metadata": dict(metadata), "arrays": dict(arrays)}:
            pass
        case _:
            raise damaged(f"the header {short(content)}")
    if not all(isinstance(value, str) for value in metadata.values()):
        raise damaged(f"the entries {short(metadata)}")
    shapes = {}
    for dtype, shapes_of_dtype in arrays.items():
        if dtype not in DTYPES.values() or not isinstance(shapes_of_dtype, dict):
            raise damaged(f"arrays of dtype {short(dtype)}")
        for path, shape in shapes_of_dtype.items():
            if path in shapes or not _is_shape(shape):
                raise damaged(f"the shape {short(shape)} of {short(path)}")
            shapes[path] = (tuple(shape), np.dtype(dtype))
    return metadata, dict(sorted(shapes.items()))


def _is_shape(shape: Any) -> bool:
    if not isinstance(shape, list) or len(shape) > _MAX_AXES:
        return False
    return all(type(n) is int and 0 <= n <= _MAX_AXIS for n in shape)


def _check_sizes(shapes: Mapping[str, Shape], exact: int, total: int) -> None:
    num_bytes = num_values = 0
    for path, (shape, dtype) in shapes.items():
        if is_coded(path, shape, dtype):
            num_values += num_codes(shape, dtype)
        else:
            num_bytes += math.prod(shape) * dtype.itemsize
    if num_bytes != exact:
        raise damaged(f"{exact} bytes for arrays of {num_bytes}")
    if num_values > VALUES_PER_BYTE * total:
        raise damaged(f"{num_values} values in {total} bytes")
