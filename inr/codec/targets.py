"""What is asked of a file: a quality, bits a pixel, or bytes."""

import math
from typing import NamedTuple

import numpy as np

from inr import _checks
from inr._typing import Size
from inr.codec.container import Header, pack
from inr.codec.last_layer import CHANGE_BYTES
from inr.codec.tiles import num_tiles, tile_size

_QUALITIES = (2e-2, 5e-5)
"""Weights of the qualities 0 and 100."""
_BPP_OF_WEIGHT_1E_3 = 0.6


class Target(NamedTuple):
    """What is asked of a tile.

    Attributes:
      weight: of a bit a pixel, at the start.
      bpp: bits a pixel, or None.
      num_bytes: the same in bytes, or None.
      is_limit: whether the bytes must not be exceeded.
      is_picture: whether the tile is the whole picture, so that the last layer may suit
        the tile.
    """

    weight: float
    bpp: float | None = None
    num_bytes: int | None = None
    is_limit: bool = False
    is_picture: bool = True


def as_target(
    quality: int | float | None,
    bpp: int | float | None,
    file_bytes: int | None,
    size: Size,
) -> Target:
    """The target of one of three arguments of `encode`, for a picture of a size."""
    targets = {"quality": quality, "bpp": bpp, "file_bytes": file_bytes}
    names = [name for name, value in targets.items() if value is not None]
    if len(names) > 1:
        raise _checks.fail(names[1], f"None, because `{names[0]}` is given", "a number")
    if bpp is not None:
        bpp = _checks.as_positive("bpp", bpp)
        part = max(_bytes_of_tile(bpp * math.prod(size) / 8, size), 4)
        aim = 8 * part / math.prod(tile_size(size))
        return Target(_weight_of(aim), aim, part)
    if file_bytes is not None:
        limit = _checks.as_count("file_bytes", file_bytes)
        part = _bytes_of_tile(limit, size)
        if part < 4:
            least = limit + 64 - part * math.prod(num_tiles(size))
            raise _checks.fail("file_bytes", f"at least {least}", limit)
        # The stream ends in a whole word, and the bits of a search differ a little.
        aim = max(0.985 * 8 * part / math.prod(tile_size(size)), 1e-4)
        return Target(_weight_of(aim), aim, part, is_limit=True)
    number = 50.0 if quality is None else _checks.as_number("quality", quality)
    if not 0 <= number <= 100:
        raise _checks.fail("quality", "a number from 0 to 100", quality)
    low, high = np.log(_QUALITIES)
    return Target(float(np.exp(low + (high - low) * number / 100)))


def _bytes_of_tile(total: int | float, size: Size) -> int:
    """Whole words of each tile in a file of `total` bytes; may be negative."""
    tiles = math.prod(num_tiles(size))
    header = pack(Header(3, 0, 0, size, bytes(CHANGE_BYTES)), [b""] * tiles)
    return int((total - len(header)) // tiles // 4 * 4)


def _weight_of(bpp: float) -> float:
    """The weight at which an average photograph has so many bits a pixel."""
    return float(np.clip(1e-3 * (_BPP_OF_WEIGHT_1E_3 / bpp) ** 1.7, 1e-6, 1.0))
