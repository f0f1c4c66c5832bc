import json
import struct
import zlib

import ml_dtypes
import numpy as np
import pytest

from inr.codec.field_container import FieldParts, is_coded, is_field_file, pack, unpack

F32 = np.dtype(np.float32)
SHAPES = {
    "normalization/scale": ((3,), F32),
    "params/a/bias": ((4,), np.dtype(ml_dtypes.bfloat16)),
    "params/a/kernel": ((5, 4), F32),
    "params/b": ((2, 2), np.dtype(np.complex64)),
}
PARTS = FieldParts({"kind": "Siren"}, SHAPES, b"tables", bytes(range(20)), b"abcdefgh")


def with_crc(data):
    return data + struct.pack("<I", zlib.crc32(data))


def with_header(change):
    """A file whose header differs."""
    data = pack(PARTS)
    (length,) = struct.unpack_from("<I", data, 9)
    header = json.loads(data[21 : 21 + length])
    text = json.dumps(change(header)).encode()
    start = data[:9] + struct.pack("<I", len(text)) + data[13:21]
    return with_crc(start + text + data[21 + length : -4])


def test_round_trip():
    assert unpack(pack(PARTS)) == PARTS
    assert unpack(bytearray(pack(PARTS))) == PARTS
    assert list(unpack(pack(PARTS)).shapes) == sorted(SHAPES)


def test_the_layout_is_the_documented_one():
    data = pack(PARTS)
    assert data[:9] == bytes.fromhex("89494e460d0a1a0a01")
    lengths = struct.unpack_from("<3I", data, 9)
    assert lengths[1:] == (6, 20)
    assert json.loads(data[21 : 21 + lengths[0]])["metadata"] == {"kind": "Siren"}
    assert data[21 + lengths[0] : -4] == b"tables" + bytes(range(20)) + b"abcdefgh"
    assert struct.unpack("<I", data[-4:])[0] == zlib.crc32(data[:-4])


def test_kernels_and_tables_of_params_are_coded():
    names = [path for path, (shape, dtype) in SHAPES.items()
             if is_coded(path, shape, dtype)]  # fmt: skip
    assert names == ["params/a/kernel", "params/b"]
    assert not is_coded("params/table", (3, 3), np.dtype(np.int32))
    assert not is_coded("params/table", (0, 3), F32)
    assert not is_coded("state/table", (3, 3), F32)


def test_every_cut_and_every_flipped_byte_is_an_error():
    data = pack(PARTS)
    for n in range(len(data)):
        with pytest.raises(ValueError, match="`data`"):
            unpack(data[:n])
        flipped = bytearray(data)
        flipped[n] ^= 0x40
        with pytest.raises(ValueError, match="`data`"):
            unpack(bytes(flipped))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda header: [], "the header"),
        (lambda header: {"metadata": {}}, "the header"),
        (lambda header: header | {"metadata": {"kind": 3}}, "the entries"),
        (lambda header: header | {"arrays": {"object": {}}}, "dtype 'object'"),
        (lambda header: header | {"arrays": {"float32": []}}, "dtype 'float32'"),
        (lambda header: header | {"arrays": {"float32": {"a": [True]}}}, "the shape"),
        (lambda header: header | {"arrays": {"float32": {"a": [-1]}}}, "the shape"),
        (lambda header: header | {"arrays": {"float32": {"a": [1] * 33}}}, "the shape"),
        (lambda header: header | {"arrays": {"float32": {"a": [6]}}}, "arrays of 24"),
        (lambda header: header | {"arrays": {}}, "20 bytes for arrays of 0"),
        (
            lambda header: {
                "metadata": {},
                "arrays": {"float32": {"a": [5], "params/k": [2**31, 2**31]}},
            },
            "4611686018427387904 values",
        ),
        (
            lambda header: (
                header | {"arrays": {"float32": {"a": [1]}, "int32": {"a": [4]}}}
            ),
            "the shape",
        ),
    ],
)
def test_hostile_headers(change, text):
    with pytest.raises(ValueError, match=f"`data`.*{text}"):
        unpack(with_header(change))


@pytest.mark.parametrize(
    ("position", "value", "text"),
    [(8, b"\2", "version 2"), (9, b"\xff" * 4, "sections"), (13, b"\0", "sections")],
)
def test_hostile_lengths(position, value, text):
    data = pack(PARTS)[:-4]
    data = data[:position] + value + data[position + len(value) :]
    with pytest.raises(ValueError, match=f"`data`.*{text}"):
        unpack(with_crc(data))


def test_a_header_that_is_no_json_is_refused():
    start = pack(PARTS)[:9] + struct.pack("<3I", 3, 0, 0)
    with pytest.raises(ValueError, match=r"`data`.*JSON"):
        unpack(with_crc(start + b"\xff{{"))


def test_a_long_header_is_refused():
    shapes = {f"params/{i:040d}": ((1,), F32) for i in range(10_000)}
    with pytest.raises(ValueError, match="`field`"):
        pack(PARTS._replace(shapes=shapes))


def test_the_signature_tells_the_formats():
    assert is_field_file(pack(PARTS))
    assert is_field_file(memoryview(pack(PARTS)))
    assert not is_field_file(b"\x89INR\r\n\x1a\n")
    assert not is_field_file(3)
    with pytest.raises(TypeError, match="`data`"):
        unpack("field.inr")
