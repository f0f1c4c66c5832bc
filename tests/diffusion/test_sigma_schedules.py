import numpy as np
import pytest
from support import refuses

from inr import diffusion


def test_karras_schedule_matches_its_formula():
    schedule = diffusion.karras_schedule(7, sigma_min=0.1, sigma_max=9.0, rho=3.0)
    i = np.arange(7)[::-1]
    expected = (9 ** (1 / 3) + i / 6 * (0.1 ** (1 / 3) - 9 ** (1 / 3))) ** 3
    np.testing.assert_allclose(schedule.noise, expected, rtol=1e-12)
    assert (schedule.signal == 1).all()


def test_karras_levels_have_the_ends_and_times_of_the_schedule():
    schedule = diffusion.linear_schedule(100)
    levels = diffusion.karras_levels(schedule, 100, rho=7.0)
    np.testing.assert_allclose(levels.sigmas[[0, -1]], schedule.sigmas[[0, -1]])
    np.testing.assert_allclose(levels.times[[0, -1]], [0, 99], atol=1e-9)
    between = np.interp(levels.times, np.arange(100), np.log(schedule.sigmas))
    np.testing.assert_allclose(np.log(levels.sigmas), between, atol=1e-9)


@pytest.mark.parametrize("shift", [0.5, 1.0, 3.0])
def test_flow_levels_are_straight_paths(shift):
    schedule = diffusion.flow_schedule(10, shift=shift)
    assert schedule.is_flow
    assert schedule.noise[-1] == 1
    odds = schedule.noise[:-1] / schedule.signal[:-1]
    i = np.arange(1, 10)
    np.testing.assert_allclose(odds, shift * i / (10 - i))


def test_invalid_levels_are_refused():
    with refuses("`sigma_min`"):
        diffusion.karras_schedule(10, sigma_min=2.0, sigma_max=1.0)
    with refuses("`shift` must be a finite number above 0"):
        diffusion.flow_schedule(10, shift=0.0)
    with refuses("signal at every level"):
        zero = diffusion.zero_terminal_snr(diffusion.linear_schedule(10))
        diffusion.karras_levels(zero, 5)
