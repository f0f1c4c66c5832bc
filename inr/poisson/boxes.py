"""The part of an image that a mask needs: few sizes, so that few are compiled."""

from typing import NamedTuple

import numpy as np

from inr import _checks
from inr._typing import ArrayLike

_SIZES_AN_OCTAVE = 8

# Unknown pixels with so many known neighbors are as quickly found by plain
# conjugate gradients: the unknown regions are a few pixels wide.
_KNOWN_NEIGHBORS_OF_HOLES = 0.5


class Box(NamedTuple):
    """A rectangle of pixels.

    Attributes:
      corner: row and column of its first pixel.
      size: `(h, w)`.
    """

    corner: tuple[int, int]
    size: tuple[int, int]


def plan(mask: ArrayLike, method: str) -> tuple[Box, str]:
    """Where to solve and how: the mask's box, or the whole image if it is traced."""
    if not _checks.is_concrete(mask):
        return Box((0, 0), mask.shape), "multigrid" if method == "auto" else method
    mask = np.asarray(mask)
    return box_of(mask), method_of(mask) if method == "auto" else method


def box_of(mask: np.ndarray) -> Box:
    """A box around the True pixels and, inside the image, the pixels beside them.

    Sides are rounded up to m 2^k - 1 with 8 <= m < 16: few sizes, each halving well and
    one less than a length with small factors.

    Args:
      mask: bool `[h, w]`, with a True pixel.

    Returns:
      A box inside the image.
    """
    axes = [_interval(mask.any(axis=1 - a), n) for a, n in enumerate(mask.shape)]
    (top, height), (left, width) = axes
    return Box((top, left), (height, width))


def method_of(mask: np.ndarray) -> str:
    """The preconditioner for a concrete mask, by its perimeter over its area."""
    perimeter = sum(np.count_nonzero(np.diff(mask, axis=axis)) for axis in (0, 1))
    holes = perimeter > _KNOWN_NEIGHBORS_OF_HOLES * np.count_nonzero(mask)
    return "cg" if holes else "multigrid"


def _interval(used: np.ndarray, n: int) -> tuple[int, int]:
    """Start and length along one axis of n pixels."""
    (index,) = np.nonzero(used)
    start, stop = max(int(index[0]) - 1, 0), min(int(index[-1]) + 2, n)
    length = _rounded_up(stop - start)
    if length >= n:
        return 0, n
    return min(start, n - length), length


def _rounded_up(n: int) -> int:
    step = 1
    while n + 1 > 2 * _SIZES_AN_OCTAVE * step:
        step *= 2
    return -(-(n + 1) // step) * step - 1
