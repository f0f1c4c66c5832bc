import numpy as np
import pytest
from support import refuses

from inr.metrics import find_regions


def renderings(count=3, h=30, w=44):
    return np.random.default_rng(0).random((count, h, w, 3), np.float32)


def naive(images, side):
    """Score of each window by its definition, by (top, left)."""
    _, h, w, _ = images.shape
    scores = {}
    for top in range(h - side + 1):
        for left in range(w - side + 1):
            part = images[:, top : top + side, left : left + side].astype(float)
            between = part.std(0).max(-1).mean()
            scores[top, left] = between + max(x.std() for x in part)
    return scores


def test_the_best_windows_are_those_of_the_definition():
    images, side = renderings(), 6  # a step of one pixel
    scores = naive(images, side)
    for (top, left), (bottom, right) in find_regions(images, side=side):
        best = max(scores, key=scores.get)
        np.testing.assert_allclose([top * 30, left * 44], best, atol=1e-9)
        np.testing.assert_allclose([bottom * 30, right * 44], np.add(best, side))
        scores = {
            corner: score
            for corner, score in scores.items()
            if max(np.abs(np.subtract(corner, best))) >= side
        }


def test_the_region_of_a_difference_is_returned():
    image = np.zeros((30, 44, 3), np.float32)
    changed = image.copy()
    changed[16:24, 8:16] = renderings(1)[0, :8, :8] > 0.5
    (first, *_) = find_regions([image, changed], side=8, num_regions=1)
    np.testing.assert_allclose(first, [(16 / 30, 8 / 44), (24 / 30, 16 / 44)])


def test_no_more_regions_are_returned_than_fit():
    images = renderings(2, 16, 16)
    regions = find_regions(images, side=16)
    assert regions == [((0.0, 0.0), (1.0, 1.0))]
    assert 1 <= len(find_regions(images, side=9)) < 4


@pytest.mark.parametrize(
    ("images", "side", "message"),
    [
        (renderings(1), 4, "`images` must be at least two"),
        ([np.ones((4, 4, 3)), np.ones((4, 5, 3))], 4, "all of one shape"),
        (renderings(), 31, "`side` must be at most 30"),
        (renderings() * np.nan, 4, "`images`"),
    ],
)
def test_bad_input_is_refused(images, side, message):
    with refuses(message):
        find_regions(images, side=side)
