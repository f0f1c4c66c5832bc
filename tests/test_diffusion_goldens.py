"""Trajectories published by, or computed with, diffusers 0.42.1 and k-diffusion."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest

from inr import diffusion
from inr.diffusion import Schedule, ddim, dpmpp

LINEAR = diffusion.linear_schedule(1000)
OPEN_20 = tuple(diffusion.spaced_levels(1000, 21, spacing="linspace")[1:].tolist())
OPEN_10 = tuple(diffusion.spaced_levels(1000, 11, spacing="linspace")[1:].tolist())


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def sample(schedule, sampler, x, denoiser, *, noise=None, predicts="eps", hooks=None):
    options = {"schedule": schedule, "sampler": sampler, "predicts": predicts}
    return np.asarray(
        diffusion.sample(None, denoiser, x, noise=noise, hooks=hooks, **options)
    )


# --- the Gaussian oracle from two points, with noise cos(1 + i) (1, -1) at step i


def on_oracle(sampler, schedule=LINEAR, predicts="eps"):
    n = len(sampler.path(schedule).a)
    noise = np.cos(1.0 + np.arange(n))[:, None] * np.array([1.0, -1.0])
    denoiser = oracle.denoiser(schedule, predicts)
    x = np.array([1.234, -0.5])
    return sample(schedule, sampler, x, denoiser, noise=noise, predicts=predicts)


LEADING = {
    (10, 0.0): [0.759830, 0.111090],
    (10, 0.5): [0.578102, 0.155752],
    (10, 1.0): [0.492236, 0.110740],
    (50, 0.0): [0.881901, 0.062691],
    (50, 0.5): [0.423264, 0.276469],
    (50, 1.0): [0.251441, 0.349960],
}


@pytest.mark.parametrize(("num_steps", "eta"), LEADING)
@pytest.mark.parametrize("predicts", ["eps", "x0", "v", "flow"])
def test_ddim_on_the_oracle(num_steps, eta, predicts):
    sampler = ddim(eta=eta, num_steps=num_steps, spacing="leading")
    output = on_oracle(sampler, predicts=predicts)
    np.testing.assert_allclose(output, LEADING[num_steps, eta], atol=1e-5)


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (diffusion.ddpm(), [0.303417, 0.297746]),
        (diffusion.ddpm(variance="large"), [0.306074, 0.295089]),
        (diffusion.ddpm(num_steps=50, spacing="leading"), [0.251440, 0.349959]),
        (dpmpp(order=1, spacing=OPEN_20), [0.830870, 0.083745]),
        (dpmpp(order=2, spacing=OPEN_20), [0.887629, 0.060624]),
        (dpmpp(order=2, rule="heun", spacing=OPEN_20), [0.892829, 0.058505]),
        (dpmpp(order=3, spacing=OPEN_20), [0.889938, 0.059683]),
        (dpmpp(order=2, eta=1.0, spacing=OPEN_20), [0.372366, 0.228794]),
        (diffusion.unipc(spacing=OPEN_20), [0.889550, 0.059841]),
    ],
)
def test_samplers_of_diffusers_on_the_oracle(sampler, expected):
    np.testing.assert_allclose(on_oracle(sampler), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("shift", "expected"),
    [(1, [0.870746, 0.068742]), (3, [0.830055, 0.085229])],
)
def test_flow_matching_on_the_oracle(shift, expected):
    # diffusers shifts the two ends first, and then all levels again.
    end = shift * 0.001 / (1 + (shift - 1) * 0.001)
    s = np.linspace(end, 1, 20)
    s = shift * s / (1 + (shift - 1) * s)
    output = on_oracle(ddim(), Schedule(1 - s, s), predicts="flow")
    np.testing.assert_allclose(output, expected, atol=1e-5)


# --- k-diffusion: variance exploding, ten levels, noise 1


def exploding(sampler, schedule):
    n = len(sampler.path(schedule).a)
    denoiser = oracle.denoiser(schedule)
    return sample(
        schedule, sampler, np.array([20.0, -10.0]), denoiser, noise=np.ones((n, 2))
    )


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (ddim(), [1.114813, -0.126019]),
        (diffusion.heun(), [1.353780, -0.250961]),
        (diffusion.lms(), [1.222681, -0.182417]),
        (dpmpp(), [1.351694, -0.249870]),
        (dpmpp(order=3, rule="heun"), [1.302025, -0.223901]),
        (ddim(eta=1.0), [1.215510, 1.140697]),
        (diffusion.dpmpp_2s(eta=1.0), [1.480712, 1.358063]),
        (dpmpp(eta=1.0), [1.642803, 1.567990]),
        (dpmpp(order=3, eta=1.0, rule="heun"), [1.810735, 1.735922]),
    ],
)
def test_samplers_of_k_diffusion_on_the_oracle(sampler, expected):
    schedule = diffusion.karras_schedule(10, sigma_min=0.01, sigma_max=10.0)
    np.testing.assert_allclose(exploding(sampler, schedule), expected, atol=1e-5)


def test_midpoint_of_k_diffusion_on_the_oracle():
    coarse = diffusion.karras_schedule(10, sigma_min=0.01, sigma_max=10.0).noise
    middles = np.sqrt(coarse[1:] * coarse[:-1])
    sigmas = np.sort(np.concatenate([coarse, middles]))
    schedule = Schedule(np.ones(19), sigmas)
    sampler = diffusion.midpoint(spacing=tuple(range(0, 19, 2)))
    output = exploding(sampler, schedule)
    np.testing.assert_allclose(output, [1.323646, -0.235206], atol=1e-5)


# --- the dummy model of diffusers, x t / (t + 1), on a ramp: mean absolute values


def dummy(x, t):
    return x * (t / (t + 1))


def ramp():
    n = 4 * 3 * 8 * 8
    return (np.arange(n).reshape(3, 8, 8, 4) / n).transpose(3, 0, 1, 2)


def mean_magnitude(sampler, schedule=LINEAR, x=None, clip=False, **options):
    hooks = diffusion.Hooks(correct_x0=diffusion.clip(-1.0, 1.0)) if clip else None
    x = ramp() if x is None else x
    return np.abs(sample(schedule, sampler, x, dummy, hooks=hooks, **options)).mean()


TEN = {"num_steps": 10, "spacing": "leading"}
LATE = diffusion.linear_schedule(1000, start=0.01)


@pytest.mark.parametrize(
    ("sampler", "schedule", "predicts", "clip", "total"),
    [
        (ddim(**TEN), LINEAR, "eps", True, 172.0067),
        (ddim(**TEN), LINEAR, "eps", False, 172.0067),
        (ddim(**TEN), LINEAR, "v", True, 52.5302),
        (ddim(**TEN), LATE, "eps", True, 149.8295),
        (ddim(**TEN, final="lowest"), LATE, "eps", True, 149.0784),
        (ddim(num_steps=10), LINEAR, "eps", True, 170.034963),
    ],
)
def test_ddim_of_diffusers(sampler, schedule, predicts, clip, total):
    # The published sums come from float32 runs.
    output = mean_magnitude(sampler, schedule, predicts=predicts, clip=clip)
    np.testing.assert_allclose(output, total / 768, rtol=2e-6)


def test_ddim_of_diffusers_with_steps_that_pass_the_next_level():
    # With linspace levels diffusers visits 999, 888, ..., but each step spans 100.
    x = ramp()
    for t in range(999, -1, -111):
        spacing = (t - 100, t) if t >= 100 else (t,)
        sampler = ddim(spacing=spacing)
        steps = diffusion.plan_steps(LINEAR, sampler=sampler, predicts="eps")
        first = jax.tree.map(lambda numbers: numbers[0], steps)
        state = diffusion.init_sample(x, steps)
        x = diffusion.sample_step(None, state, dummy, first)[0].x
    np.testing.assert_allclose(np.abs(x).mean(), 191.25397 / 768, rtol=2e-6)


@pytest.mark.parametrize(
    ("sampler", "predicts", "expected"),
    [
        (dpmpp(spacing=OPEN_10, final="lowest"), "eps", 0.3301),
        (dpmpp(spacing=OPEN_10, final="lowest"), "v", 0.2251),
        (
            dpmpp(spacing=OPEN_10, final="lowest", lower_order_final=True),
            "eps",
            0.24421,
        ),
        (dpmpp(spacing=OPEN_10, final="lowest", rule="heun"), "eps", 0.380375),
        (dpmpp(spacing=OPEN_10, final="lowest", order=1), "eps", 0.224302),
        (dpmpp(spacing=OPEN_10, final="lowest", order=3), "eps", 0.230423),
        (dpmpp(spacing=OPEN_10, lower_order_final=True), "eps", 0.2409),
        (diffusion.dpm_solver(spacing=OPEN_10, final="lowest"), "eps", 0.291128),
    ],
)
def test_dpm_solvers_of_diffusers(sampler, predicts, expected):
    digits = 1e-5 if expected * 1e4 % 1 else 6e-5  # The references have four digits.
    output = mean_magnitude(sampler, predicts=predicts)
    np.testing.assert_allclose(output, expected, atol=digits)


def test_dpm_solver_of_diffusers_on_karras_levels():
    levels = diffusion.karras_levels(LINEAR, 10)
    times = np.round(levels.times).astype(int)
    schedule = Schedule(levels.signal, levels.noise, times)
    output = mean_magnitude(dpmpp(final="lowest"), schedule)
    np.testing.assert_allclose(output, 0.294498, atol=1e-5)


def test_single_step_dpm_solver_of_diffusers():
    # It pairs ten levels. The second of a pair is the middle level of a step.
    schedule = LINEAR[[0, *OPEN_10]]
    sampler = diffusion.dpmpp_2s(spacing=tuple(range(0, 11, 2)))
    steps = diffusion.plan_steps(schedule, sampler=sampler, predicts="eps")
    state = diffusion.init_sample(ramp(), steps)
    for i in range(5):
        step = jax.tree.map(lambda numbers, i=i: numbers[i], steps)
        state, _ = diffusion.sample_step(None, state, dummy, step)
    np.testing.assert_allclose(np.abs(state.x).mean(), 0.279116, atol=1e-5)


LONG = diffusion.linear_schedule(1100)


def interpolated(times):
    sigmas = np.interp(times, np.arange(len(LONG)), LONG.sigmas)
    signal = 1 / np.sqrt(1 + sigmas**2)
    return Schedule(signal, sigmas * signal, times)


@pytest.mark.parametrize(
    ("sampler", "schedule", "predicts", "total"),
    [
        (ddim(), interpolated(np.linspace(0, 1099, 10)), "eps", 168.051585),
        (ddim(), interpolated(np.linspace(0, 1099, 10)), "v", 46.914122),
        (ddim(), diffusion.karras_levels(LONG, 10), "eps", 156.684519),
        (diffusion.heun(), interpolated(np.linspace(0, 1099, 10)), "eps", 244.602481),
        (diffusion.heun(), diffusion.karras_levels(LONG, 10), "eps", 248.205648),
    ],
)
def test_euler_and_heun_of_diffusers(sampler, schedule, predicts, total):
    # diffusers starts from noise of standard deviation sigma_max.
    x = ramp() * schedule.noise[-1]
    output = mean_magnitude(sampler, schedule, x=x, predicts=predicts)
    np.testing.assert_allclose(output, total / 768, rtol=3e-6)


def test_flow_matching_of_diffusers():
    end = 0.003 / 1.002
    s = np.linspace(end, 1, 10)
    s = 3 * s / (1 + 2 * s)
    schedule = Schedule(1 - s, s, 1000 * s)
    output = mean_magnitude(ddim(), schedule, predicts="flow")
    np.testing.assert_allclose(output, 129.349457 / 768, rtol=1e-6)


@pytest.mark.parametrize(("predicts", "total"), [("eps", 258.9606), ("v", 202.0296)])
def test_ddpm_of_diffusers_with_the_noise_of_torch(predicts, total):
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(0)
    noise = np.stack(
        [torch.randn((4, 3, 8, 8), generator=generator).numpy() for _ in range(1000)]
    )
    output = mean_magnitude(diffusion.ddpm(), noise=noise, predicts=predicts, clip=True)
    # The reference is a run of a thousand float32 steps.
    np.testing.assert_allclose(output, total / 768, rtol=1e-5)


# --- exact values in float64


MOMENTS = {
    ("all", 0.0): (0.2990499450, 0.4984952830),
    ("all", 0.5): (0.2997725447, 0.4979767143),
    ("all", 1.0): (0.2999969730, 0.4961100799),
    ("leading 50", 0.0): (0.2989109919, 0.4724391130),
    ("leading 50", 0.5): (0.2996848161, 0.4666514696),
    ("leading 50", 1.0): (0.2999955720, 0.4441228580),
    ("leading 10", 0.0): (None, 0.3741284938),
    ("leading 10", 0.5): (None, 0.3670833575),
    ("leading 10", 1.0): (None, 0.3332631135),
    ("trailing 10", 0.0): (None, 0.3699548091),
    ("trailing 10", 0.5): (None, 0.3635842814),
    ("trailing 10", 1.0): (None, 0.3334750621),
}


@pytest.mark.parametrize(("levels", "eta"), MOMENTS)
def test_moments_of_ddim_are_exact(levels, eta):
    spacing, _, count = levels.partition(" ")
    options = {} if spacing == "all" else {"num_steps": int(count), "spacing": spacing}
    rows = ddim(eta=eta, **options).table(LINEAR)
    mean, deviation = oracle.moments(LINEAR, rows)
    expected_mean, expected_deviation = MOMENTS[levels, eta]
    assert abs(deviation - expected_deviation) < 1e-9
    if expected_mean is not None:
        assert abs(mean - expected_mean) < 1e-9


def exploding_grid(n):
    return diffusion.karras_schedule(n + 1, sigma_min=0.01, sigma_max=10.0)


def flow_grid(n):
    s = np.linspace(0.02, 1, n + 1)
    return Schedule(1 - s, s)


@pytest.mark.parametrize(
    ("sampler", "grid", "order"),
    [
        (ddim(), exploding_grid, 1),
        (dpmpp(), exploding_grid, 2),
        (dpmpp(order=3), exploding_grid, 2),  # Its first steps have lower orders.
        (diffusion.dpm_solver(), exploding_grid, 2),
        (diffusion.lms(order=2), exploding_grid, 2),
        (diffusion.heun(), exploding_grid, 2),
        (diffusion.unipc(), exploding_grid, 3),  # The corrector adds one.
        (ddim(), flow_grid, 1),
        (diffusion.heun(), flow_grid, 2),
    ],
)
def test_the_order_of_convergence(sampler, grid, order):
    errors = []
    for n in (80, 160):
        schedule = grid(n)
        ends = ((schedule.signal[i], schedule.noise[i]) for i in (-1, 0))
        exact = oracle.flow_map(0.7, *ends)
        path = diffusion.sample_trajectory(
            None,
            oracle.denoiser(schedule, "flow"),
            jnp.array([0.7]),
            schedule=schedule,
            sampler=sampler,
            predicts="flow",
        )
        errors.append(abs(float(path.x[-2, 0]) - exact))
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.15, errors


def test_higher_orders_are_closer_to_the_exact_flow():
    # From x_T = 1.234 to the clean end in twenty steps.
    errors = [
        abs(on_oracle(sampler)[0] - 0.916056)
        for sampler in (
            ddim(spacing=OPEN_20),
            dpmpp(spacing=OPEN_20),
            diffusion.unipc(spacing=OPEN_20),
        )
    ]
    assert errors[0] > 2 * errors[1] > 2 * errors[2]
