"""Tiles: large pictures are coded in parts of equal size that need no other part."""

import itertools
from collections.abc import Iterator

from inr._typing import Region, Size

LARGEST_SIDE = 1024


def num_tiles(size: Size) -> tuple[int, int]:
    """Rows and columns of tiles."""
    return -(-size[0] // LARGEST_SIDE), -(-size[1] // LARGEST_SIDE)


def tile_size(size: Size) -> Size:
    """Height and width of each tile."""
    rows, columns = num_tiles(size)
    return -(-size[0] // rows), -(-size[1] // columns)


def tile_corners(size: Size) -> list[Size]:
    """Top left pixels of the tiles, row by row.

    The last tiles overlap those before by a few pixels, because all have one size.
    """
    side = tile_size(size)
    starts = [
        [min(i * m, n - m) for i in range(count)]
        for count, n, m in zip(num_tiles(size), size, side, strict=True)
    ]
    return list(itertools.product(*starts))


def overlapping(size: Size, region: Region) -> Iterator[tuple[int, Size]]:
    """Indices and corners of the tiles that share pixels with a region."""
    side = tile_size(size)
    for i, corner in enumerate(tile_corners(size)):
        if all(
            a < stop * n and a + m > start * n
            for a, m, n, start, stop in zip(corner, side, size, *region, strict=True)
        ):
            yield i, corner
