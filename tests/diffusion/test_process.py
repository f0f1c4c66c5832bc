import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from support import refuses

from inr import diffusion

KINDS = ("eps", "x0", "v", "flow")
SCHEDULES = {
    "linear": diffusion.linear_schedule(1000),
    "exploding": diffusion.karras_schedule(20),
    "flow": diffusion.flow_schedule(20),
    "no signal at the end": diffusion.zero_terminal_snr(diffusion.cosine_schedule(20)),
}


def signals(seed=0, shape=(5, 4)):
    generator = np.random.default_rng(seed)
    return generator.normal(size=shape), generator.normal(size=shape)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("level", [0, 7, -1])
def test_every_prediction_converts_into_every_other(name, level):
    schedule = SCHEDULES[name]
    t = np.arange(len(schedule))[level]
    with jax.enable_x64(True):
        x0, noise = signals()
        x = diffusion.add_noise(x0, noise, t, schedule=schedule)
        assert x.dtype == jnp.float64
        np.testing.assert_allclose(
            x, schedule.signal[t] * x0 + schedule.noise[t] * noise, rtol=1e-14
        )
        target = functools.partial(
            diffusion.training_target, x0, noise, t, schedule=schedule
        )
        for kind in KINDS:
            if kind == "eps" and (schedule.signal == 0).any():
                continue
            for to in KINDS:
                output = diffusion.convert_prediction(
                    target(predicts=kind), x, t, schedule=schedule, predicts=kind, to=to
                )
                np.testing.assert_allclose(output, target(predicts=to), atol=1e-9)


def test_targets_match_their_definitions():
    schedule = SCHEDULES["linear"]
    x0, noise = signals()
    a, s = schedule.signal[300], schedule.noise[300]
    for kind, expected in {
        "eps": noise,
        "x0": x0,
        "v": a * noise - s * x0,
        "flow": noise - x0,
    }.items():
        target = diffusion.training_target(
            x0, noise, 300, schedule=schedule, predicts=kind
        )
        np.testing.assert_allclose(target, expected, rtol=1e-5, atol=1e-6)


def test_one_index_for_each_signal_equals_a_loop_over_signals():
    schedule = SCHEDULES["linear"]
    x0, noise = signals()
    t = np.array([0, 3, 500, 998, 999])
    x = diffusion.add_noise(x0, noise, t, schedule=schedule)
    for i in range(5):
        expected = diffusion.add_noise(x0[i], noise[i], t[i], schedule=schedule)
        np.testing.assert_allclose(x[i], expected, rtol=1e-6)


def test_min_snr_weights_match_their_formulas():
    schedule = SCHEDULES["linear"]
    snr, gamma = schedule.snr, 5.0
    clipped_snr = np.minimum(snr, gamma)
    weights = functools.partial(diffusion.min_snr_weights, schedule, gamma=gamma)
    np.testing.assert_allclose(weights(predicts="x0"), clipped_snr)
    np.testing.assert_allclose(weights(predicts="eps"), clipped_snr / snr)
    np.testing.assert_allclose(weights(predicts="v"), clipped_snr / (snr + 1))


@pytest.mark.slow
def test_the_loss_of_the_best_denoiser_is_the_posterior_variance(key):
    schedule = SCHEDULES["linear"][[100, 400, 700]]
    x0 = oracle.MU + oracle.STD * jax.random.normal(key, (200_000, 1))
    denoiser = oracle.denoiser(SCHEDULES["linear"], "x0")
    a, s = schedule.signal, schedule.noise
    variance = oracle.STD**2 * s**2 / (a**2 * oracle.STD**2 + s**2)

    def loss(weights):
        return diffusion.denoising_loss(
            key,
            lambda x, t: denoiser(x, t[:, None]),
            x0,
            schedule=schedule,
            predicts="x0",
            weights=weights,
        )

    # The standard error of 2e5 samples is 0.2 percent.
    np.testing.assert_allclose(loss(None), variance.mean(), rtol=0.01)
    weights = np.array([0.0, 3.0, 0.0])
    np.testing.assert_allclose(loss(weights), variance[1], rtol=0.02)


@pytest.mark.slow
def test_the_loss_passes_times_and_condition_to_the_denoiser(key):
    schedule = SCHEDULES["linear"][[5, 50, 500]]
    calls = []

    def denoiser(x, t, condition):
        calls.append((set(np.asarray(t).tolist()), t.dtype, condition))
        return x * condition

    x0 = np.zeros((64, 2), np.float32)
    options = {"schedule": schedule, "predicts": "x0", "condition": 0.0}
    loss = diffusion.denoising_loss(key, denoiser, x0, **options)
    assert float(loss) == 0  # The condition multiplies the prediction by 0.
    assert calls == [({5, 50, 500}, jnp.int32, 0.0)]


def test_the_loss_at_explicit_levels_with_explicit_noise():
    schedule = SCHEDULES["linear"]
    x0, noise = signals()
    t = np.array([0, 3, 500, 998, 999])
    options = {"schedule": schedule, "predicts": "v", "t": t, "noise": noise}
    loss = diffusion.denoising_loss(None, lambda x, t: 0 * x, x0, **options)
    a, s = schedule.signal[t, None], schedule.noise[t, None]
    np.testing.assert_allclose(loss, np.mean((a * noise - s * x0) ** 2), rtol=1e-5)
    with refuses("`key` must be a PRNG key, got None. Or pass both `t` and `noise`"):
        options = {"schedule": schedule, "predicts": "v", "t": t}
        diffusion.denoising_loss(None, lambda x, t: x, x0, **options)


def test_invalid_input_is_refused(key):
    schedule = SCHEDULES["linear"]
    x0, noise = signals()
    add = functools.partial(diffusion.add_noise, schedule=schedule)
    with refuses("`noise` must be of the shape of `x0`"):
        add(x0, noise[:3], 0)
    with refuses("`t` must be from 0 to 999, got 1000 to 1000"):
        add(x0, noise, 1000)
    with refuses("`t` must be an integer index"):
        add(x0, noise, 0.5)
    with refuses("`t` must be a scalar or"):
        add(x0, noise, np.zeros(4, int))
    with refuses("`predicts` must be one of 'eps', 'x0', 'v', 'flow', got 'noise'"):
        diffusion.training_target(x0, noise, 0, schedule=schedule, predicts="noise")
    zero = SCHEDULES["no signal at the end"]
    with refuses("`predicts` must be 'v', 'x0' or 'flow' for a schedule with a level"):
        options = {"schedule": zero, "predicts": "eps", "to": "x0"}
        diffusion.convert_prediction(noise, x0, 0, **options)
    with refuses("`gamma`"):
        diffusion.min_snr_weights(schedule, predicts="v", gamma=0.0)
    loss = functools.partial(
        diffusion.denoising_loss, key, schedule=schedule, predicts="v"
    )
    with refuses("`denoiser` must be a map from x"):
        loss(lambda x, t: x[:, 0], x0)
    with refuses("`weights` must be of shape \\(1000,\\)"):
        loss(lambda x, t: x, x0, weights=np.ones(3))
