import jax
import numpy as np
import pytest
from support import refuses

from inr import poisson
from inr.poisson import boxes


@pytest.mark.parametrize("seed", range(20))
def test_a_box_contains_the_mask_and_its_neighbors(seed):
    rng = np.random.default_rng(seed)
    h, w = rng.integers(3, 200, 2)
    mask = np.zeros((h, w), bool)
    points = rng.integers(0, [h, w], (rng.integers(1, 4), 2))
    mask[tuple(points.T)] = True
    (top, left), (bh, bw) = poisson.mask_box(mask)
    assert min(top, left) >= 0
    assert top + bh <= h
    assert left + bw <= w
    neighborhood = np.zeros((h, w), bool)
    for y, x in points:
        neighborhood[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = True
    neighborhood[top : top + bh, left : left + bw] = False
    assert not neighborhood.any()


@pytest.mark.parametrize("seed", range(20))
def test_the_box_of_a_cropped_mask_is_the_whole_crop(seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros(rng.integers(3, 200, 2), bool)
    mask[tuple(rng.integers(0, mask.shape, (2, 2)).T)] = True
    (top, left), (h, w) = poisson.mask_box(mask)
    crop = mask[top : top + h, left : left + w]
    assert poisson.mask_box(crop) == poisson.Box((0, 0), (h, w))


def test_boxes_have_few_sizes():
    sizes = {boxes._rounded_up(n) for n in range(1, 1025)}
    assert len(sizes) < 70
    assert all(n <= boxes._rounded_up(n) <= 1.13 * n + 1 for n in range(1, 3000))


def test_the_box_of_a_traced_mask_is_the_image():
    sizes = []
    jax.jit(lambda mask: sizes.append(poisson.mask_box(mask)))(np.eye(30, 40) > 0)
    assert sizes == [poisson.Box((0, 0), (30, 40))]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((8, 9), bool), "`mask` must be True somewhere"),
        (np.ones((8, 9)), "`mask` must be a bool array"),
        (np.ones(8, bool), r"`mask` must be \[h, w\]"),
    ],
)
def test_invalid_input_raises(mask, message):
    with refuses(message):
        poisson.mask_box(mask)
