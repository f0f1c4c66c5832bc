"""Windows around holes, and the images that `inpaint` fills by them."""

import numpy as np
import pytest
from small_transformer import photo, transformer

import inr
from inr.references.windows import WHOLE, windows


def scratches(h, w):
    """A long line, a block, dust, and a stroke that reaches the border."""
    mask = np.zeros((h, w), bool)
    mask[h // 3 : h // 3 + 4, 20 : w - 40] = True
    mask[h // 2 : h // 2 + 90, w // 2 : w // 2 + 130] = True
    mask[np.random.default_rng(0).random((h, w)) < 1e-4] = True
    mask[: h // 5, w - 3 :] = True
    return mask


@pytest.mark.parametrize("size", [(1403, 900), (700, 1800)])
def test_windows_fill_each_missing_pixel_once(size):
    missing = scratches(*size)
    filled = np.zeros(size, int)
    for window in windows(missing):
        # What earlier windows filled is known to later ones.
        still = missing & (filled == 0)
        np.testing.assert_array_equal(window.hole, still[window.box])
        filled[window.box] += window.target
        assert (window.target <= window.hole).all()
        assert window.hole.mean() <= 0.5
        assert window.hole.size < missing.size
    np.testing.assert_array_equal(filled, missing)


def test_a_window_holds_the_surroundings_of_its_hole():
    missing = np.zeros((1000, 1000), bool)
    missing[300:310, 400:450] = True
    missing[990:, 990:] = True
    first, second = windows(missing)
    (rows, columns), _, _ = first
    assert rows.start <= 300 - 128 < 310 + 128 <= rows.stop
    assert columns.start <= 400 - 128 < 450 + 128 <= columns.stop
    assert second.box[0].stop == second.box[1].stop == 1000
    assert first.hole.sum() == first.target.sum() == 500


def test_a_hole_of_half_an_image_grows_its_windows():
    missing = np.ones((900, 900), bool)
    missing[:40] = False
    first = next(windows(missing))
    assert first.hole.size == missing.size
    missing[:460] = False
    assert all(w.hole.mean() <= 0.5 for w in windows(missing))


def test_a_small_image_is_one_window():
    side = int(WHOLE**0.5)
    missing = scratches(side, side)
    (window,) = windows(missing)
    assert window.hole.shape == (side, side)
    np.testing.assert_array_equal(window.target, missing)
    assert len(list(windows(np.pad(missing, 1)))) > 1


@pytest.mark.long
@pytest.mark.slow
def test_holes_of_a_large_image_are_filled_as_in_their_windows():
    """The first window does not know that the second one exists."""
    image = photo(0, 700, 700)
    mask = np.zeros((700, 700), bool)
    mask[200:210, 200:220] = mask[600:606, 90:99] = True
    model = transformer(1)
    result = np.asarray(inr.inpaint(image, mask, model=model, progress=False))
    np.testing.assert_array_equal(result[~mask], image[~mask])
    for box, hole, target in windows(mask):
        alone = inr.inpaint(image[box], hole, model=model, progress=False)
        np.testing.assert_allclose(
            result[box][target], np.asarray(alone)[target], atol=1e-5
        )
