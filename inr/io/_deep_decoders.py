"""Decoders of PNG and TIFF with 16 bits or floating values.

imageio's Pillow plugin returns 8 bits of 16-bit color PNG: imagecodecs decodes them.
Its TIFF plugin ignores orientation, opacity, planes and truncation. See `_decoders`.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from typing import IO, Any, Literal

import numpy as np

from inr.io import _profiles

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_PROFILE_BYTES = 2**24

# TIFF's codes of none, LZW, Deflate (two codes), PackBits and Zstandard: they decode to
# as many bytes as the size of a tile says. An image in a tile could be larger.
_COMPRESSIONS = (1, 5, 8, 32946, 32773, 50000)


class DeepPng:
    """PNG of 16 bits."""

    bits: Literal[8, 16] = 16

    def __init__(self, file: IO[bytes]):
        self._chunks = dict(_chunks(file))
        w, h, _, color_type = struct.unpack_from(">IIBB", self._chunks[b"IHDR"])
        self._gray = color_type in (0, 4)
        opaque = color_type in (0, 2) and b"tRNS" not in self._chunks
        self.size = h, w
        self.channels = (1 if self._gray else 3) + (0 if opaque else 1)
        self.num_bytes = 2 * h * w * self.channels
        self._file = file

    def close(self) -> None:
        pass

    def decode(self) -> np.ndarray:
        import imagecodecs
        from PIL import Image

        _, _, profile = self._chunks.get(b"iCCP", b"").partition(b"\0")
        profile = zlib.decompressobj().decompress(profile[1:], _MAX_PROFILE_BYTES)
        _profiles.warn_if_ignored(profile, "L" if self._gray else "RGB")
        exif = Image.Exif()
        exif.load(self._chunks.get(b"eXIf", b""))
        self._file.seek(0)
        values = imagecodecs.png_decode(self._file.read())
        values = values[..., None] if values.ndim == 2 else values
        return upright(values, exif.get(0x0112, 1))


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Kinds and contents of a PNG file's chunks, without the pixels.

    Pillow would decode the pixels in search of the EXIF chunk, which may follow them.
    """
    file.seek(len(PNG_SIGNATURE))
    while len(start := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", start)
        if kind == b"IDAT":
            file.seek(length, 1)
        else:
            yield kind, file.read(length)
        file.seek(4, 1)  # the checksum


class DeepTiff:
    """TIFF of 16 bits or floating values, gray or RGB."""

    bits: Literal[8, 16] = 16

    def __init__(self, file: Any, tags: dict[str, Any], size: int):
        properties = file.properties(index=..., page=0)
        shape = properties.shape
        self._tags = tags
        self.profile: bytes | None = tags.get("InterColorProfile")
        self._planar = tags.get("PlanarConfiguration", 1) == 2 and len(shape) == 3
        if self._planar:
            shape = (*shape[1:], shape[0])
        self.size = shape[:2]
        self.channels = shape[2] if len(shape) == 3 else 1
        # Tiles are complete, even where they reach beyond the image.
        sides = (tags.get("TileLength", 1), tags.get("TileWidth", 1))
        padded = [-(-n // side) * side for n, side in zip(shape, sides, strict=False)]
        self._dtype = np.dtype(properties.dtype)
        self.num_bytes = math.prod(padded) * self.channels * self._dtype.itemsize
        self._file = file
        self._file_size = size

    def close(self) -> None:
        self._file.close()

    def decode(self) -> np.ndarray:
        tags = self._tags
        bits = np.ravel(tags["BitsPerSample"])
        floating = np.issubdtype(self._dtype, np.floating)
        if not floating and (self._dtype != np.uint16 or (bits != 16).any()):
            raise ValueError("its integers are neither of 8 nor of 16 bits")
        if tags.get("Compression", 1) not in _COMPRESSIONS:
            raise ValueError("its compression is not supported")
        check_complete(tags, self._file_size)
        gray = tags["PhotometricInterpretation"] != 2
        _profiles.warn_if_ignored(self.profile, "L" if gray else "RGB")
        values = self._file.read(index=..., page=0)
        values = values[..., None] if values.ndim == 2 else values
        if self._planar:
            values = np.moveaxis(values, 0, -1)
        if tags["PhotometricInterpretation"] == 0 and not floating:
            values[..., 0] = 65535 - values[..., 0]  # white is zero
        values = self._with_opacity(values, 1 if gray else 3)
        return upright(values, tags.get("Orientation", 1))

    def _with_opacity(self, values: np.ndarray, colors: int) -> np.ndarray:
        """Keep opacity, which is one kind of extra channel; drop the others."""
        extra = np.ravel(self._tags.get("ExtraSamples", ())).tolist()
        if not extra or extra[0] not in (1, 2):
            return values[..., :colors]
        values = values[..., : colors + 1]
        if extra[0] == 1 and values.dtype == np.uint16:  # colors times opacity
            alpha = np.maximum(values[..., -1:], 1)
            color = np.rint(values[..., :-1] / alpha * 65535).clip(0, 65535)
            values = np.concatenate([color.astype(np.uint16), values[..., -1:]], -1)
        return values


def open_deep_tiff(file: IO[bytes]) -> tuple[DeepTiff | None, dict[str, Any]]:
    """A decoder, or None if Pillow should decode the file; and tags by name."""
    try:
        tiff = imopen(file, "tifffile")
        tags = tiff.metadata(index=..., page=0)
        dtype = np.dtype(tiff.properties(index=..., page=0).dtype)
    except Exception:  # a TIFF that only Pillow may read
        return None, {}
    simple = tags.get("PhotometricInterpretation") in (0, 1, 2)
    if dtype in (np.uint8, np.bool_) or not simple or "BitsPerSample" not in tags:
        return None, tags
    size = file.seek(0, 2)
    file.seek(0)
    return DeepTiff(tiff, tags, size), tags


def check_complete(tags: dict[str, Any], num_bytes: int) -> None:
    """Raise if a TIFF file of that many bytes lacks a strip or tile, or part of one.

    Pillow and tifffile fill what is missing with zeros.
    """
    size = h, w = tags.get("ImageLength", 0), tags.get("ImageWidth", 0)
    for unit, sides in [
        ("Strip", (tags.get("RowsPerStrip", h), w)),
        ("Tile", (tags.get("TileLength", h), tags.get("TileWidth", w))),
    ]:
        offsets = np.ravel(tags.get(f"{unit}Offsets", ()))
        lengths = np.ravel(tags.get(f"{unit}ByteCounts", ()))
        if len(offsets) == 0:
            continue
        num_units = math.prod(
            -(-n // max(m, 1)) for n, m in zip(size, sides, strict=True)
        )
        if tags.get("PlanarConfiguration", 1) == 2:
            num_units *= tags.get("SamplesPerPixel", 1)
        ends = offsets + lengths if len(lengths) == len(offsets) else offsets
        if len(offsets) < num_units or ends.max() > num_bytes:
            raise ValueError("it is cut short")


def imopen(file: IO[bytes], plugin: str) -> Any:
    """Open a file by one of imageio's plugins."""
    import imageio.v3 as iio

    open_: Any = iio.imopen  # its stub names few plugins
    return open_(file, "r", plugin=plugin)


def upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Apply the EXIF orientation, 1 to 8; any other value means upright."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    return values[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
