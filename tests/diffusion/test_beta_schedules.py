import numpy as np
import pytest
from support import refuses

from inr import diffusion

# alpha_bar of diffusers 0.42.1 at levels 0, 250, 500, 750, 999.
ALPHA_BAR = {
    "linear": [0.99990, 0.521423, 0.0777967, 0.00330016, 4.03583e-5],
    "scaled_linear": [0.99990, 0.820010, 0.331275, 0.0381497, 7.33412e-4],
    "cosine": [0.9999587, 0.845888, 0.492285, 0.143179, 2.42873e-9],
    "sigmoid": [0.999851, 0.902799, 0.298888, 0.00562292, 3.968e-5],
}


@pytest.mark.parametrize("name", ALPHA_BAR)
def test_alpha_bar_of_diffusers(name):
    schedule = getattr(diffusion, f"{name}_schedule")(1000)
    alpha_bar = schedule.alpha_bar[[0, 250, 500, 750, 999]]
    np.testing.assert_allclose(alpha_bar, ALPHA_BAR[name], rtol=1e-4, atol=5e-7)


def test_the_short_cosine_schedule_of_the_point_wise_restorer():
    schedule = diffusion.cosine_schedule(100, min_beta=1e-4, max_beta=0.9999)
    alpha_bar = schedule.alpha_bar[[49, 97, 98, 99]]
    np.testing.assert_allclose(alpha_bar, [0.494, 9.7e-4, 2.43e-4, 2.43e-8], rtol=5e-3)


@pytest.mark.parametrize("name", ALPHA_BAR)
def test_the_variance_is_preserved(name):
    schedule = getattr(diffusion, f"{name}_schedule")(100)
    np.testing.assert_allclose(schedule.signal**2 + schedule.noise**2, 1, atol=1e-14)
    np.testing.assert_allclose(schedule.snr * schedule.sigmas**2, 1)


def test_invalid_betas_are_refused():
    with refuses("`betas` must be in \\(0, 1\\)"):
        diffusion.schedule_from_betas([0.1, 1.2])
    with refuses("`betas` must be \\[levels\\]"):
        diffusion.schedule_from_betas([])
    with refuses("`num_levels` must be at least 1"):
        diffusion.linear_schedule(0)
