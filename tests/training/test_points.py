from typing import get_args

import jax
import numpy as np
import pytest
from scipy import stats
from support import refuses

from inr import training

PLACEMENTS = get_args(training.Points)


def draws(points, number=400, num_points=16):
    keys = jax.random.split(jax.random.key(3), number)
    draw = jax.vmap(lambda k: training.draw_points(k, num_points, points=points))
    return np.asarray(draw(keys))


@pytest.mark.parametrize("ndim", [1, 2, 6])
def test_halton_agrees_with_scipy(ndim):
    expected = stats.qmc.Halton(ndim, scramble=False).random(500)
    np.testing.assert_allclose(
        training.halton(500, ndim=ndim), expected, rtol=0, atol=1e-15
    )


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_each_point_alone_is_uniform(placement):
    points = draws(placement)
    assert points.shape == (400, 16, 2)
    assert np.abs(points).max() <= 1
    if placement in ("uniform", "halton"):
        samples = [points[:, 0], points[:, 11]]  # two points, over the draws
    else:
        index = np.random.default_rng(0).integers(16, size=400)
        samples = [points[np.arange(400), index]]
    for axis in (0, 1):
        for sample in samples:
            test = stats.kstest(sample[:, axis], "uniform", args=(-1, 2))
            assert test.pvalue > 1e-3


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_draws_differ_and_depend_on_the_key_alone(placement):
    points = draws(placement, number=3)
    np.testing.assert_array_equal(points, draws(placement, number=3))
    assert len(np.unique(points[:, 0, 0])) == 3
    key = jax.random.split(jax.random.key(3), 3)[1]
    single = training.draw_points(key, 16, points=placement)
    np.testing.assert_array_equal(single, points[1])


@pytest.mark.parametrize("placement", ["shifted", "jittered"])
def test_grids_have_one_point_in_each_cell(placement):
    cells = np.floor((draws(placement) + 1) / 2 * 4).clip(0, 3) @ [4, 1]
    assert (np.sort(cells) == np.arange(16)).all()


def test_a_shifted_grid_is_regular_and_a_jittered_one_is_not():
    for placement, regular in (("shifted", True), ("jittered", False)):
        points = draws(placement).reshape(400, 4, 4, 2)
        steps = np.diff(points[..., 0], axis=1)
        assert np.allclose(steps, 0.5, atol=1e-6) == regular


def test_halton_points_move_together_around_the_torus():
    points = (draws("halton", number=5) + 1) / 2
    relative = (points - points[:, :1]) % 1
    expected = (training.halton(16) - training.halton(1)) % 1
    error = np.abs(relative - expected)
    assert np.minimum(error, 1 - error).max() < 1e-6


def test_invalid_options_are_refused(key):
    with refuses("`num_points` must be a square number, got 15. Use 9 or 16"):
        training.draw_points(key, 15, points="jittered")
    with refuses("`points`"):
        training.draw_points(key, 16, points="sobol")
    with refuses("`ndim`"):
        training.halton(4, ndim=7)
