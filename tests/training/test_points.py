import jax
import numpy as np
import pytest
from scipy import stats
from support import refuses

from inr import training
from inr.training.points import SAMPLERS


def draws(sampler, number=400, num_points=16):
    keys = jax.random.split(jax.random.key(3), number)
    draw = jax.vmap(lambda k: training.draw_points(k, num_points, sampler=sampler))
    return np.asarray(draw(keys))


@pytest.mark.parametrize("ndim", [1, 2, 6])
def test_halton_is_that_of_scipy(ndim):
    expected = stats.qmc.Halton(ndim, scramble=False).random(500)
    np.testing.assert_allclose(
        training.halton(500, ndim=ndim), expected, rtol=0, atol=1e-15
    )


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_point_of_every_sampler_is_uniform(sampler):
    points = draws(sampler)
    assert points.shape == (400, 16, 2)
    assert np.abs(points).max() <= 1
    if sampler in ("uniform", "halton"):
        chosen = [points[:, 0], points[:, 11]]  # each alone, over the draws
    else:
        which = np.random.default_rng(0).integers(16, size=400)
        chosen = [points[np.arange(400), which]]
    for axis in (0, 1):
        for sample in chosen:
            test = stats.kstest(sample[:, axis], "uniform", args=(-1, 2))
            assert test.pvalue > 1e-3


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_draws_differ_and_follow_the_key(sampler):
    points = draws(sampler, number=3)
    np.testing.assert_array_equal(points, draws(sampler, number=3))
    assert len(np.unique(points[:, 0, 0])) == 3
    key = jax.random.split(jax.random.key(3), 3)[1]
    alone = training.draw_points(key, 16, sampler=sampler)
    np.testing.assert_array_equal(alone, points[1])


@pytest.mark.parametrize("sampler", ["shifted", "jittered"])
def test_grids_have_one_point_in_each_cell(sampler):
    cells = np.floor((draws(sampler) + 1) / 2 * 4).clip(0, 3) @ [4, 1]
    assert (np.sort(cells) == np.arange(16)).all()


def test_a_shifted_grid_is_regular_and_a_jittered_one_is_not():
    for sampler, regular in (("shifted", True), ("jittered", False)):
        points = draws(sampler).reshape(400, 4, 4, 2)
        steps = np.diff(points[..., 0], axis=1)
        assert np.allclose(steps, 0.5, atol=1e-6) == regular


def test_halton_moves_as_a_whole_around_the_torus():
    points = (draws("halton", number=5) + 1) / 2
    relative = (points - points[:, :1]) % 1
    expected = (training.halton(16) - training.halton(1)) % 1
    error = np.abs(relative - expected)
    assert np.minimum(error, 1 - error).max() < 1e-6


def test_options_are_checked(key):
    with refuses("`num_points` must be a square number, got 15. Take 9 or 16"):
        training.draw_points(key, 15, sampler="jittered")
    with refuses("`sampler`"):
        training.draw_points(key, 16, sampler="sobol")
    with refuses("`ndim`"):
        training.halton(4, ndim=7)
