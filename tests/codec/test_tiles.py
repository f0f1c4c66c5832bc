import numpy as np
import pytest

from inr.codec.tiles import (
    LARGEST_SIDE,
    num_tiles,
    overlapping,
    tile_corners,
    tile_size,
)


@pytest.mark.parametrize("size", [(1, 1), (1024, 1025), (2500, 900), (3000, 4001)])
def test_tiles_of_one_size_cover_the_picture(size):
    h, w = tile_size(size)
    assert max(h, w) <= LARGEST_SIDE
    count = np.zeros(size, int)
    for top, left in tile_corners(size):
        assert top + h <= size[0]
        assert left + w <= size[1]
        count[top : top + h, left : left + w] += 1
    assert count.min() == 1
    assert len(tile_corners(size)) == np.prod(num_tiles(size))


def test_a_region_needs_the_tiles_that_it_touches():
    size = (2048, 2048)
    indices = [i for i, _ in overlapping(size, ((0.1, 0.6), (0.4, 0.9)))]
    assert indices == [1]
    everything = [i for i, _ in overlapping(size, ((0.0, 0.0), (1.0, 1.0)))]
    assert everything == [0, 1, 2, 3]
    border = [i for i, _ in overlapping(size, ((0.4, 0.1), (0.6, 0.2)))]
    assert border == [0, 2]
