"""The file format.

All numbers are unsigned and little-endian.

| bytes | content |
|---|---|
| 8 | signature `89 49 4e 52 0d 0a 1a 0a` |
| 1 | version, 1 |
| 1 | channels, 1 or 3 |
| 1 | operating point, from 0 for the best quality to 255 |
| 4 | checksum of the model's parameters |
| 4, 4 | height and width in pixels |
| 1 | length of the change of the last layer, 0 or 48 |
| | the change, int8 in multiples of 1/32; see `inr.codec.last_layer` |
| 4 for each tile | length of its data |
| | data of the tiles, row by row, each a stream of a range coder |
| 4 | CRC-32 of all bytes before |
"""

import struct
import zlib
from typing import NamedTuple

from inr import _checks
from inr._typing import Size
from inr.codec.last_layer import CHANGE_BYTES
from inr.codec.tiles import num_tiles

_SIGNATURE = b"\x89INR\r\n\x1a\n"
_VERSION = 1
_HEADER = struct.Struct("<8sBBBIIIB")
MAX_SIDE = 2**16
MAX_PIXELS = 2**28


class Header(NamedTuple):
    """What a file says about its picture.

    Attributes:
      channels: 1 or 3.
      point: number of the operating point; see `networks.Codec.point`.
      model: checksum of the model's parameters; see `networks.identity`.
      size: height and width.
      change: of the last layer; see `inr.codec.last_layer`.
    """

    channels: int
    point: int
    model: int
    size: Size
    change: bytes = b""


def pack(header: Header, tiles: list[bytes]) -> bytes:
    """The bytes of a file."""
    channels, point, model, (h, w), change = header
    data = _HEADER.pack(_SIGNATURE, _VERSION, channels, point, model, h, w, len(change))
    lengths = struct.pack(f"<{len(tiles)}I", *map(len, tiles))
    data = b"".join([data, change, lengths, *tiles])
    return data + struct.pack("<I", zlib.crc32(data))


def unpack(data: bytes) -> tuple[Header, list[bytes]]:
    """Header and tiles of a file.

    Raises:
      TypeError: if `data` is not bytes.
      ValueError: if the file is not of this format, of a later version, or damaged.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        fix = "Read the file with `pathlib.Path(name).read_bytes()`."
        raise TypeError(f"`data` must be bytes, got {type(data).__name__}. {fix}")
    data = bytes(data)
    if data[: len(_SIGNATURE)] != _SIGNATURE:
        expected = "a file of `inr.codec.encode`"
        fix = "Files of `encode_field` are for `decode_field` and `field_info`."
        raise _checks.fail("data", expected, repr(data[:8]), fix)
    if len(data) < _HEADER.size + 4:
        raise _damaged(f"only {len(data)} bytes")
    _, version, channels, point, model, h, w, length = _HEADER.unpack_from(data)
    if version != _VERSION:
        fix = "Update inr."
        raise _checks.fail("data", f"of version {_VERSION}", f"version {version}", fix)
    if zlib.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
        raise _damaged("another checksum")
    if channels not in (1, 3) or not (0 < h <= MAX_SIDE and 0 < w <= MAX_SIDE):
        raise _damaged(f"{channels} channels of {h}x{w} pixels")
    if h * w > MAX_PIXELS:
        raise _damaged(f"{h}x{w} pixels, more than {MAX_PIXELS}")
    if length not in (0, CHANGE_BYTES):
        raise _damaged(f"a change of {length} bytes")
    start = _HEADER.size + length
    change = data[_HEADER.size : start]
    return Header(channels, point, model, (h, w), change), _tiles(data, start, (h, w))


def _tiles(data: bytes, table: int, size: Size) -> list[bytes]:
    """The tiles, whose lengths begin at the byte `table`."""
    rows, columns = num_tiles(size)
    start = table + 4 * rows * columns
    if start + 4 > len(data):
        raise _damaged(f"{rows * columns} tiles in {len(data)} bytes")
    lengths = struct.unpack_from(f"<{rows * columns}I", data, table)
    if start + sum(lengths) + 4 != len(data) or any(n % 4 for n in lengths):
        raise _damaged("tiles of another total length")
    tiles = []
    for length in lengths:
        tiles.append(data[start : start + length])
        start += length
    return tiles


def _damaged(got: str) -> ValueError:
    return _checks.fail("data", "an undamaged file", got)
