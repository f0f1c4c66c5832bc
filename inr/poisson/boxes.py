"""The rectangle on which a masked problem is solved: few sizes, few compilations."""

from typing import NamedTuple

import numpy as np

from inr import _checks
from inr._masks import check_mask
from inr._typing import ArrayLike

_SIZES_PER_OCTAVE = 8


class Box(NamedTuple):
    """A rectangle of pixels.

    Attributes:
      corner: row and column of its first pixel.
      size: `(h, w)`.
    """

    corner: tuple[int, int]
    size: tuple[int, int]


def mask_box(mask: ArrayLike) -> Box:
    """Rectangle that holds the True pixels of a mask and their neighbors.

    A masked problem depends only on the pixels in this rectangle, so that guidance need
    not be computed elsewhere. Sides are rounded up to m 2^k - 1 with 8 <= m < 16: few
    sizes, and so few compilations. Such sizes can be halved often, and are one less
    than lengths with small factors.

    Args:
      mask: bool `[h, w]`.

    Returns:
      A `Box` inside the image; the whole image if the mask is traced.

    Raises:
      ValueError: for an array that is not a bool `[h, w]`, or has no True pixel.
    """
    _checks.check_rank("mask", mask, "[h, w]")
    height, width = np.shape(mask)
    check_mask("mask", mask, (height, width))
    if not _checks.is_concrete(mask):
        return Box((0, 0), (height, width))
    mask = np.asarray(mask)
    top, box_height = _interval(np.flatnonzero(mask.any(axis=1)), height)
    left, box_width = _interval(np.flatnonzero(mask.any(axis=0)), width)
    return Box((top, left), (box_height, box_width))


def _interval(index: np.ndarray, n: int) -> tuple[int, int]:
    """Start and length of the box along an axis of n pixels, around sorted indices."""
    start, stop = max(int(index[0]) - 1, 0), min(int(index[-1]) + 2, n)
    length = _rounded_up(stop - start)
    if length >= n:
        return 0, n
    return min(start, n - length), length


def _rounded_up(n: int) -> int:
    step = 1
    while n + 1 > 2 * _SIZES_PER_OCTAVE * step:
        step *= 2
    return -(-(n + 1) // step) * step - 1
