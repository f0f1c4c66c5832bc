import numpy as np
import pytest
from support import refuses

from inr import diffusion
from inr.diffusion import ddim, dpmpp

LINEAR = diffusion.linear_schedule(1000)


def test_dpmpp_of_order_1_is_ddim():
    rows = dpmpp(order=1, num_steps=7).table(LINEAR)
    expected = ddim(num_steps=7).table(LINEAR)
    for table, other in zip(rows[:4], expected[:4], strict=True):
        np.testing.assert_allclose(table, other, rtol=1e-12)


@pytest.mark.parametrize("make", [dpmpp, diffusion.dpm_solver, diffusion.lms])
def test_the_first_step_has_order_1(make):
    first = make(order=2, num_steps=7).table(LINEAR).memory[0]
    assert first[0] != 0
    assert first[1] == 0


def test_invalid_options_are_refused():
    with refuses("`order` must be one of"):
        dpmpp(order=4)
    with refuses("`rule` must be one of"):
        dpmpp(rule="euler")


@pytest.mark.parametrize(
    "make", [diffusion.dpmpp_2s, diffusion.dpm_solver, diffusion.lms]
)
def test_a_level_without_signal_is_refused(make):
    zero = diffusion.zero_terminal_snr(LINEAR)
    with refuses("`schedule` must be a schedule with signal at every level"):
        make(num_steps=10).table(zero)
