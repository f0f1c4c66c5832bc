"""Image files for the tests of `inr.io`, encoded without the code under test."""

import struct
import zlib

import numpy as np
from PIL import Image

from inr import color

RNG = np.random.default_rng(0)


def levels(*shape, bits=8):
    """Random levels of 8 or 16 bits."""
    return RNG.integers(0, 2**bits, shape).astype(np.uint8 if bits == 8 else np.uint16)


def png_chunk(kind, data):
    crc = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + crc


def png_prediction(kind, left, above, corner):
    """Prediction of a byte by a PNG filter."""
    estimate = left + above - corner
    paeth = min((left, above, corner), key=lambda x: abs(x - estimate))
    return [0, left, above, (left + above) // 2, paeth][kind]


def png16(values, *chunks):
    """Reference encoder in plain loops: row i has filter i mod 5."""
    h, w, c = values.shape
    color_type, step = {1: 0, 2: 4, 3: 2, 4: 6}[c], 2 * c
    rows = values.astype(">u2").tobytes()
    rows = [b"", *(rows[i * w * step : (i + 1) * w * step] for i in range(h))]
    data = bytearray()
    for i in range(1, h + 1):
        kind = i % 5
        data.append(kind)
        for j, byte in enumerate(rows[i]):
            left = rows[i][j - step] if j >= step else 0
            above = rows[i - 1][j] if i > 1 else 0
            corner = rows[i - 1][j - step] if i > 1 and j >= step else 0
            data.append((byte - png_prediction(kind, left, above, corner)) % 256)
    header = struct.pack(">IIBBBBB", w, h, 16, color_type, 0, 0, 0)
    parts = [
        png_chunk(b"IHDR", header),
        *chunks,
        png_chunk(b"IDAT", zlib.compress(data)),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, png_chunk(b"IEND", b"")])


def decode_png16(data):
    """Reference decoder in plain loops: header fields, and values `[h, w, c]`."""
    chunks, position = {}, 8
    while position < len(data):
        (size,) = struct.unpack_from(">I", data, position)
        kind, body = data[position + 4 : position + 8], data[position + 8 :][:size]
        assert data[position:][: size + 12] == png_chunk(kind, body)
        chunks[kind] = chunks.get(kind, b"") + body
        position += size + 12
    w, h, bits, color_type, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (bits, rest) == (16, [0, 0, 0])
    c = {0: 1, 4: 2, 2: 3, 6: 4}[color_type]
    lines = zlib.decompress(chunks[b"IDAT"])
    step, length = 2 * c, 2 * c * w
    rows = [bytes(length)]
    for i in range(h):
        kind, *line = lines[i * (length + 1) : (i + 1) * (length + 1)]
        row = []
        for j, byte in enumerate(line):
            left = row[j - step] if j >= step else 0
            corner = rows[-1][j - step] if j >= step else 0
            row.append((byte + png_prediction(kind, left, rows[-1][j], corner)) % 256)
        rows.append(bytes(row))
    return np.frombuffer(b"".join(rows[1:]), ">u2").reshape(h, w, c)


def icc(space, *, swapped=False):
    """ICC profile of gamma 1.8: gray, or the primaries of sRGB adapted to D50."""

    def xyz(*values):
        fixed = [round(65536 * v) for v in values]
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *fixed)

    curve = b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(256 * 1.8))
    tags = {b"wtpt": xyz(0.9642, 1, 0.8249)}
    if space == b"RGB ":
        primaries = [(0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708)]
        primaries = [*primaries, (0.14307, 0.06061, 0.71410)]
        for name, primary in zip(b"bgr" if swapped else b"rgb", primaries, strict=True):
            tags[bytes([name]) + b"XYZ"] = xyz(*primary)
            tags[bytes([name]) + b"TRC"] = curve
    else:
        tags[b"kTRC"] = curve
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    size = start + len(body)
    head = struct.pack(
        ">I4xI4s4s4s12x4s", size, 0x02100000, b"mntr", space, b"XYZ ", b"acsp"
    )
    head = (head.ljust(68, b"\0") + xyz(0.9642, 1, 0.8249)[8:]).ljust(128, b"\0")
    return head + struct.pack(">I", len(tags)) + table + body


def decoded_by_icc(values):
    """sRGB values of 8-bit levels under the profile `icc`."""
    return np.asarray(color.linear_to_srgb((values / np.float32(255)) ** 1.8))


def save(path, values, mode=None, **options):
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    (image.convert(mode) if mode else image).save(path, **options)
    return path
