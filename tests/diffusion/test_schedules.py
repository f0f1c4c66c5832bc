import numpy as np
import pytest
from support import refuses

from inr import diffusion
from inr.diffusion import Schedule

# abar at levels 0, 250, 500, 750, 999 of diffusers 0.42.1.
ALPHA_BAR = {
    "linear": [0.99990, 0.521423, 0.0777967, 0.00330016, 4.03583e-5],
    "scaled_linear": [0.99990, 0.820010, 0.331275, 0.0381497, 7.33412e-4],
    "cosine": [0.9999587, 0.845888, 0.492285, 0.143179, 2.42873e-9],
    "sigmoid": [0.999851, 0.902799, 0.298888, 0.00562292, 3.968e-5],
}


@pytest.mark.parametrize("name", ALPHA_BAR)
def test_alpha_bar_of_diffusers(name):
    schedule = getattr(diffusion, f"{name}_schedule")(1000)
    found = schedule.alpha_bar[[0, 250, 500, 750, 999]]
    np.testing.assert_allclose(found, ALPHA_BAR[name], rtol=1e-4, atol=5e-7)


def test_the_short_cosine_schedule_of_the_point_wise_restorer():
    schedule = diffusion.cosine_schedule(100, min_beta=1e-4, max_beta=0.9999)
    found = schedule.alpha_bar[[49, 97, 98, 99]]
    np.testing.assert_allclose(found, [0.494, 9.7e-4, 2.43e-4, 2.43e-8], rtol=5e-3)


@pytest.mark.parametrize("name", ALPHA_BAR)
def test_the_variance_is_preserved(name):
    schedule = getattr(diffusion, f"{name}_schedule")(100)
    np.testing.assert_allclose(schedule.signal**2 + schedule.noise**2, 1, atol=1e-14)
    np.testing.assert_allclose(schedule.snr * schedule.sigmas**2, 1)


def test_karras_levels_by_their_formula():
    schedule = diffusion.karras_schedule(7, sigma_min=0.1, sigma_max=9.0, rho=3.0)
    i = np.arange(7)[::-1]
    expected = (9 ** (1 / 3) + i / 6 * (0.1 ** (1 / 3) - 9 ** (1 / 3))) ** 3
    np.testing.assert_allclose(schedule.noise, expected, rtol=1e-12)
    assert (schedule.signal == 1).all()


def test_karras_levels_of_another_schedule_keep_its_ends_and_times():
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


def test_zero_terminal_snr():
    before = diffusion.scaled_linear_schedule(1000)
    after = diffusion.zero_terminal_snr(before)
    assert after.signal[-1] == 0
    assert after.signal[0] == pytest.approx(before.signal[0], abs=1e-15)
    assert after.sigmas[-1] == np.inf
    # Affine in the signal.
    slope = np.diff(after.signal) / np.diff(before.signal)
    np.testing.assert_allclose(slope, slope[0])


def test_schedules_are_compared_and_hashed_by_value():
    one, two = diffusion.linear_schedule(10), diffusion.linear_schedule(10)
    assert one == two
    assert hash(one) == hash(two)
    assert one != diffusion.linear_schedule(10, stop=0.03)
    assert one[[0, 3]] != Schedule(one.signal[[0, 3]], one.noise[[0, 3]])  # other times
    assert one[[0, 3]].times.tolist() == [0, 3]
    with pytest.raises(ValueError, match="read-only"):
        one.signal[0] = 2


def test_bad_schedules_are_refused():
    with refuses("`noise` must be a table whose noise / signal grows"):
        Schedule([0.5, 0.9], [0.8, 0.4])
    with refuses("`signal` must be \\[levels\\], as noise and times"):
        Schedule([0.9, 0.5], [0.4])
    with refuses("`noise` must be above 0"):
        Schedule([1.0, 0.5], [0.0, 0.4])
    with refuses("`noise` must be finite"):
        Schedule([1.0, 0.5], [0.1, np.nan])
    with refuses("`betas` must be in \\(0, 1\\)"):
        diffusion.schedule_from_betas([0.1, 1.2])
    with refuses("`betas` must be \\[levels\\]"):
        diffusion.schedule_from_betas([])
    with refuses("`num_levels` must be at least 1"):
        diffusion.linear_schedule(0)
    with refuses("`sigma_min`"):
        diffusion.karras_schedule(10, sigma_min=2.0, sigma_max=1.0)
    with refuses("`shift` must be a finite number above 0"):
        diffusion.flow_schedule(10, shift=0.0)
    with refuses("variance preserving"):
        diffusion.zero_terminal_snr(diffusion.flow_schedule(10))
    with refuses("signal at every level"):
        zero = diffusion.zero_terminal_snr(diffusion.linear_schedule(10))
        diffusion.karras_levels(zero, 5)
