"""Windows around the holes of a large image, which are filled one after the other."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import ndimage

WHOLE = 640 * 640
"""Images of at most so many pixels are one window."""

_GRID = 64  # holes in neighboring cells of this size are filled together
_LARGEST = 512  # pixels along a side that are filled together
_CONTEXT = 128  # pixels around them, and the step in which sides grow

Slices = tuple[slice, slice]


class Window(NamedTuple):
    """A part of an image.

    Attributes:
      box: its rows and columns.
      hole: bool `[a, b]`, missing pixels of the window.
      target: bool `[a, b]`, those of them that the window fills.
    """

    box: Slices
    hole: np.ndarray
    target: np.ndarray


def windows(missing: np.ndarray) -> Iterator[Window]:
    """Windows that fill all missing pixels, bool `[h, w]`.

    At least half of the pixels of a window are known, or were filled by windows before
    it, unless the window is the complete image.
    """
    if missing.size <= WHOLE:
        everything = slice(0, missing.shape[0]), slice(0, missing.shape[1])
        yield Window(everything, missing, missing)
        return
    missing = missing.copy()
    for part in _parts(missing):
        margin = _CONTEXT
        box = _grown(part, margin, missing.shape)
        while missing[box].mean() > 0.5 and missing[box].size < missing.size:
            margin += _CONTEXT
            box = _grown(part, margin, missing.shape)
        hole = missing[box].copy()
        missing[part] = False
        yield Window(box, hole, hole & ~missing[box])


def _parts(missing: np.ndarray) -> Iterator[Slices]:
    """Boxes around missing pixels, of at most `_LARGEST` pixels along a side.

    The caller fills each box before it asks for the next one.
    """
    h, w = missing.shape
    padded = np.pad(missing, [(0, -h % _GRID), (0, -w % _GRID)])
    rows, columns = (n // _GRID for n in padded.shape)
    cells = padded.reshape(rows, _GRID, columns, _GRID).any((1, 3))
    labels = np.zeros(cells.shape, np.int32)
    ndimage.label(cells, np.ones((3, 3)), output=labels)
    for box in ndimage.find_objects(labels):
        outline = tuple(slice(s.start * _GRID, s.stop * _GRID) for s in box)
        for rows, columns in _tight(missing, outline):
            for piece in itertools.product(_divided(rows), _divided(columns)):
                yield from _tight(missing, piece)


def _tight(missing: np.ndarray, box: tuple[slice, ...]) -> list[Slices]:
    """The smallest box around the missing pixels of a box, if there are any."""
    tight = []
    for inside in ndimage.find_objects(missing[box].astype(np.uint8)):
        rows, columns = (
            slice(a.start + b.start, a.start + b.stop)
            for a, b in zip(box, inside, strict=True)
        )
        tight.append((rows, columns))
    return tight


def _divided(interval: slice) -> list[slice]:
    """Equal parts of at most `_LARGEST` pixels."""
    count = -(-(interval.stop - interval.start) // _LARGEST)
    edges = np.linspace(interval.start, interval.stop, count + 1).astype(int).tolist()
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def _grown(part: Slices, margin: int, shape: tuple[int, ...]) -> Slices:
    """A box with a margin, moved into the image; few sizes, and so few compilations."""
    rows, columns = (_interval(s, margin, n) for s, n in zip(part, shape, strict=True))
    return rows, columns


def _interval(part: slice, margin: int, n: int) -> slice:
    length = part.stop - part.start + 2 * margin
    length = -(-length // _CONTEXT) * _CONTEXT
    if length >= n:
        return slice(0, n)
    start = min(max((part.start + part.stop - length) // 2, 0), n - length)
    return slice(start, start + length)
