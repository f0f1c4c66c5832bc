import numpy as np
import pytest
from support import refuses

from inr import diffusion
from inr.diffusion import Schedule


def test_zero_terminal_snr():
    schedule = diffusion.scaled_linear_schedule(1000)
    rescaled = diffusion.zero_terminal_snr(schedule)
    assert rescaled.signal[-1] == 0
    assert rescaled.signal[0] == pytest.approx(schedule.signal[0], abs=1e-15)
    assert rescaled.sigmas[-1] == np.inf
    # The new signal is affine in the old.
    slope = np.diff(rescaled.signal) / np.diff(schedule.signal)
    np.testing.assert_allclose(slope, slope[0])


def test_schedules_are_compared_and_hashed_by_value():
    schedule = diffusion.linear_schedule(10)
    assert schedule == diffusion.linear_schedule(10)
    assert hash(schedule) == hash(diffusion.linear_schedule(10))
    assert schedule != diffusion.linear_schedule(10, stop=0.03)
    part = schedule[[0, 3]]
    assert part.times.tolist() == [0, 3]
    assert part != Schedule(part.signal, part.noise)  # These have the times 0 and 1.
    with pytest.raises(ValueError, match="read-only"):
        schedule.signal[0] = 2


def test_invalid_schedules_are_refused():
    with refuses("`noise` must be a table whose ratio to `signal` increases"):
        Schedule([0.5, 0.9], [0.8, 0.4])
    with refuses("`signal` must be \\[levels\\], like `noise` and `times`"):
        Schedule([0.9, 0.5], [0.4])
    with refuses("`noise` must be above 0"):
        Schedule([1.0, 0.5], [0.0, 0.4])
    with refuses("`signal` must be at least 0, got -0.5"):
        Schedule([1.0, -0.5], [0.1, 0.4])
    with refuses("`noise` must be finite"):
        Schedule([1.0, 0.5], [0.1, np.nan])
    with refuses("variance preserving"):
        diffusion.zero_terminal_snr(diffusion.flow_schedule(10))
