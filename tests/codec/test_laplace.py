import numpy as np
import pytest
from scipy import stats

pytest.importorskip("constriction")

from inr.codec.laplace import frequencies, reach


@pytest.mark.parametrize(("scale", "fraction"), [(0, 0), (7, 6), (16, 9), (33, 15)])
def test_frequencies_are_those_of_a_laplace_distribution(scale, fraction):
    b, mean, far = 2 ** (-4 + scale / 4), fraction / 16, reach(scale)
    i = np.arange(-far, far + 1)
    expected = stats.laplace.cdf(i + 0.5, mean, b) - stats.laplace.cdf(i - 0.5, mean, b)
    counts = frequencies(scale, fraction)
    assert counts.sum() == 2**20
    assert counts.min() >= 1
    # The largest takes the sum of the roundings.
    tolerance = len(counts) / 2**20
    np.testing.assert_allclose(counts[:-1] / 2**20, expected, atol=tolerance)
    ordinary = np.delete(np.arange(len(i)), counts.argmax())
    np.testing.assert_allclose(
        counts[ordinary] / 2**20, expected[ordinary], atol=1.01 / 2**20
    )


def test_a_mean_of_one_half_is_symmetric():
    counts = frequencies(12, 8)[:-1]
    far = reach(12)
    # Around 1/2: the symbols 0 and 1, -1 and 2, and so on.
    left, right = counts[far - 3 : far + 1], counts[far + 1 : far + 5][::-1]
    # One of the two largest takes the roundings.
    np.testing.assert_allclose(left[:-1], right[:-1], atol=1)
    assert left[-1] == pytest.approx(right[-1], abs=32)


def test_the_tables_are_the_same_forever():
    """A file that was written with other numbers could not be read."""
    assert frequencies(0, 0).tolist() == [1, 1, 176, 1048219, 176, 1, 1, 1]
    assert frequencies(8, 6).tolist() == [
        1, 1, 1, 5, 285, 15542, 714741, 312172, 5718, 105, 2, 1, 1, 1,
    ]  # fmt: skip
