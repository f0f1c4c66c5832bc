import numpy as np
from support import refuses

from inr import diffusion

LINEAR = diffusion.linear_schedule(1000)


def test_the_first_and_the_last_step_have_order_1():
    rows = diffusion.unipc(order=3, num_steps=7).table(LINEAR)
    expected = diffusion.ddim(num_steps=7).table(LINEAR)
    np.testing.assert_allclose(rows.memory[0, 0], expected.memory[0, 0], rtol=1e-12)
    assert (rows.memory[0, 1:] == 0).all()
    # The last step ends at x0, which the corrector cannot change.
    np.testing.assert_allclose(rows.memory[-1], [1, 0, 0, 0], atol=1e-12)


def test_invalid_input_is_refused():
    with refuses("`order` must be one of 1, 2, 3, got 4"):
        diffusion.unipc(order=4)
    zero = diffusion.zero_terminal_snr(LINEAR)
    with refuses("`schedule` must be a schedule with signal at every level"):
        diffusion.unipc(num_steps=10).table(zero)
