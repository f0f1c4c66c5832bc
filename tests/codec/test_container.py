import struct
import zlib

import pytest

from inr.codec.container import Header, pack, unpack

HEADER = Header(3, 1, 0xDEADBEEF, (700, 1500), bytes(range(48)))  # two tiles
PARTS = [b"abcd" * 5, b"efgh"]


def with_crc(data):
    return data + struct.pack("<I", zlib.crc32(data))


def test_round_trip():
    for header in (HEADER, HEADER._replace(change=b"")):
        assert unpack(pack(header, PARTS)) == (header, PARTS)


def test_the_layout_is_the_documented_one():
    data = pack(HEADER, PARTS)
    assert data[:8] == bytes.fromhex("89494e520d0a1a0a")
    assert list(data[8:11]) == [1, 3, 1]
    assert struct.unpack_from("<3I", data, 11) == (0xDEADBEEF, 700, 1500)
    assert data[23] == 48
    assert data[24:72] == HEADER.change
    assert struct.unpack_from("<2I", data, 72) == (20, 4)
    assert data[80:-4] == b"".join(PARTS)
    assert struct.unpack("<I", data[-4:])[0] == zlib.crc32(data[:-4])


def test_every_cut_and_every_flipped_byte_is_an_error():
    data = pack(HEADER, PARTS)
    for n in range(len(data)):
        with pytest.raises(ValueError, match="`data`"):
            unpack(data[:n])
        flipped = bytearray(data)
        flipped[n] ^= 0x40
        with pytest.raises(ValueError, match="`data`"):
            unpack(bytes(flipped))


@pytest.mark.parametrize(
    ("position", "format_", "value", "text"),
    [
        (8, "<B", 2, "version 2"),
        (9, "<B", 4, "4 channels"),
        (15, "<I", 0, "0x1500 pixels"),
        (19, "<I", 2**16 + 1, "pixels"),
        (19, "<I", 2**16, "tiles in"),
        (23, "<B", 47, "a change of 47 bytes"),
        (72, "<I", 2**31, "another total length"),
    ],
)
def test_hostile_headers(position, format_, value, text):
    data = bytearray(pack(HEADER, PARTS)[:-4])
    struct.pack_into(format_, data, position, value)
    with pytest.raises(ValueError, match=text):
        unpack(with_crc(bytes(data)))


def test_data_must_be_bytes():
    with pytest.raises(TypeError, match="data"):
        unpack("photo.inr")
