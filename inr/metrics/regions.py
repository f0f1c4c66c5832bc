"""Regions in which renderings of one image differ most."""

from collections.abc import Sequence

import numpy as np

from inr import _checks, _conversions
from inr._typing import Array, ImageLike, Region

_SHIFTS = 8  # positions of a window within its side, along each axis


def find_regions(
    images: Sequence[ImageLike] | Array | np.ndarray,
    *,
    side: int,
    num_regions: int = 4,
) -> list[Region]:
    """Square windows in which renderings of one image differ most, best first.

    A window's score is the mean over its pixels of the standard deviation between the
    images (in the channel where that is largest), plus the largest standard deviation
    within one image, which excludes areas that are flat in all images. Windows are
    selected one after another by their score, without overlap, from those at multiples
    of an eighth of their side.

    Args:
      images: at least two `[h, w, k]` of one shape, in [0, 1].
      side: side of the windows, in pixels.
      num_regions: maximum number of windows.

    Returns:
      Regions as fractions of the image, for `render` and `coords.grid`; fewer than
      `num_regions` if no more fit.

    Raises:
      ValueError: for fewer than two images, images of different shapes, or a side
        larger than the images.
    """
    _checks.check_sequence("images", images, "images")
    if len(images) < 2:
        raise _checks.fail("images", "at least two", len(images))
    stack = [np.asarray(_conversions.as_image("images", x), np.float64) for x in images]
    shapes = {x.shape for x in stack}
    if len(shapes) > 1:
        raise _checks.fail("images", "all of one shape", sorted(shapes))
    h, w, _ = stack[0].shape
    side = _checks.as_count("side", side)
    if side > min(h, w):
        raise _checks.fail("side", f"at most {min(h, w)}", side)
    num_regions = _checks.as_count("num_regions", num_regions)
    rows, columns = (_positions(n, side) for n in (h, w))
    score = _scores(np.stack(stack), side)[np.ix_(rows, columns)]
    regions: list[Region] = []
    while len(regions) < num_regions and score.max() > -np.inf:
        i, j = np.unravel_index(score.argmax(), score.shape)
        top, left = rows[i], columns[j]
        regions.append(((top / h, left / w), ((top + side) / h, (left + side) / w)))
        overlaps = abs(rows - top)[:, None] < side, abs(columns - left)[None] < side
        score = np.where(np.logical_and(*overlaps), -np.inf, score)
    return regions


def _positions(n: int, side: int) -> np.ndarray:
    """First pixels of the windows along an axis; the last window touches the end."""
    step = max(side // _SHIFTS, 1)
    return np.unique(np.append(np.arange(0, n - side + 1, step), n - side))


def _scores(images: np.ndarray, side: int) -> np.ndarray:
    """Score of the window that starts at each pixel, `[h - side + 1, w - side + 1]`."""
    between = _window_means(images.std(0).max(-1), side)
    mean = np.stack([_window_means(x.mean(-1), side) for x in images])
    square = np.stack([_window_means((x**2).mean(-1), side) for x in images])
    return between + np.sqrt(np.maximum(square - mean**2, 0)).max(0)


def _window_means(values: np.ndarray, side: int) -> np.ndarray:
    """Means over all windows, from a table of cumulative sums."""
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    total = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side]
    return (total + sums[:-side, :-side]) / side**2
