import jax
import numpy as np
import oracle
import pytest
from support import refuses

from inr import diffusion
from inr.diffusion import ddim, sample

LINEAR = diffusion.linear_schedule(1000)
ORACLE = oracle.denoiser(LINEAR)


def test_ddpm_is_ddim_with_eta_1_at_every_level():
    small, full = diffusion.ddpm().table(LINEAR), ddim(eta=1.0).table(LINEAR)
    for table, expected in zip(small[:4], full[:4], strict=True):
        np.testing.assert_array_equal(table, expected)
    # Both equal eq. 7 of Ho et al., written with beta and alpha.
    previous = np.append(1, LINEAR.alpha_bar[:-1])
    beta = 1 - LINEAR.alpha_bar / previous
    ratio = (1 - previous) / (1 - LINEAR.alpha_bar)
    np.testing.assert_allclose(small.noise_std[::-1], np.sqrt(beta * ratio), atol=1e-14)
    x_factor = np.sqrt(1 - beta) * ratio
    np.testing.assert_allclose(small.x[::-1], x_factor, rtol=1e-9, atol=1e-14)
    x0_factor = np.sqrt(previous) * beta / (1 - LINEAR.alpha_bar)
    np.testing.assert_allclose(small.memory[::-1, 0], x0_factor, rtol=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_moments_of_many_samples(key, eta):
    number = 100_000
    key_start, key_noise = jax.random.split(key)
    start = jax.random.normal(key_start, (number,))
    sampler = ddim(eta=eta, num_steps=50, spacing="leading")
    samples = sample(
        key_noise, ORACLE, start, schedule=LINEAR, sampler=sampler, predicts="eps"
    )
    samples = np.asarray(samples, np.float64)
    mean, std = oracle.moments(LINEAR, sampler.table(LINEAR))
    assert abs(samples.mean() - mean) < 5 * std / np.sqrt(number)
    assert abs(samples.std() - std) < 5 * std / np.sqrt(2 * number)


def test_invalid_options_are_refused():
    with refuses("`eta` must be a number from 0 to 1, got 1.5"):
        ddim(eta=1.5)
    with refuses("`variance` must be one of"):
        diffusion.ddpm(variance="learned")


@pytest.mark.parametrize("make", [diffusion.heun, diffusion.midpoint])
def test_a_level_without_signal_is_refused(make):
    zero = diffusion.zero_terminal_snr(LINEAR)
    with refuses("`schedule` must be a schedule with signal at every level"):
        make(num_steps=10).table(zero)
