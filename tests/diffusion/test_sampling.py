import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from oracle import SAMPLERS
from support import count_compilations, refuses

from inr import diffusion
from inr.diffusion import Hooks, ddim, dpmpp, sample, sample_trajectory

LINEAR = diffusion.linear_schedule(1000)
ORACLE = oracle.denoiser(LINEAR)
DETERMINISTIC = [
    name
    for name, sampler in SAMPLERS.items()
    if not sampler.table(LINEAR).noise_std.any()
]

run = functools.partial(sample, schedule=LINEAR, predicts="eps")
trace = functools.partial(sample_trajectory, schedule=LINEAR, predicts="eps")
x_T = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_denoiser_that_predicts_one_signal_gives_that_signal(key, name):
    def constant(x, t):
        return jnp.full_like(x, 0.25)

    output = sample(
        key, constant, x_T, schedule=LINEAR, sampler=SAMPLERS[name], predicts="x0"
    )
    np.testing.assert_allclose(output, 0.25, atol=1e-6)


@pytest.mark.parametrize("name", ["ddim eta", "dpmpp 2", "heun"])
def test_sampling_is_the_same_under_jit_and_vmap(key, name):
    sample_one = functools.partial(run, sampler=SAMPLERS[name])
    keys = jax.random.split(key, 4)
    loop = np.stack([sample_one(k, ORACLE, x_T) for k in keys])
    np.testing.assert_allclose(
        jax.jit(lambda k: sample_one(k, ORACLE, x_T))(keys[0]), loop[0], rtol=1e-5
    )
    mapped = jax.vmap(lambda k: sample_one(k, ORACLE, x_T))(keys)
    np.testing.assert_allclose(mapped, loop, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic_samplers_need_no_key_and_ignore_it(key, name):
    without_key = run(None, ORACLE, x_T, sampler=SAMPLERS[name])
    outputs = [
        run(key, ORACLE, x_T, sampler=SAMPLERS[name]) for key in jax.random.split(key)
    ]
    np.testing.assert_array_equal(*outputs)
    # Without a key it is another program, which may round differently.
    np.testing.assert_allclose(outputs[0], without_key, rtol=1e-6)


@pytest.mark.slow
def test_v_and_x0_can_start_at_a_level_without_signal(key):
    schedule = diffusion.zero_terminal_snr(LINEAR)
    for kind in ("v", "x0", "flow"):
        denoiser = oracle.denoiser(schedule, kind)
        for sampler in (ddim(num_steps=50), ddim(eta=1.0), dpmpp(order=3, num_steps=9)):
            output = sample(
                key, denoiser, x_T, schedule=schedule, sampler=sampler, predicts=kind
            )
            assert np.isfinite(output).all()
    # Without signal the best first prediction is the mean.
    path = sample_trajectory(
        key, denoiser, x_T, schedule=schedule, sampler=ddim(), predicts="flow"
    )
    np.testing.assert_allclose(path.x0[0], oracle.MU, atol=1e-5)


def test_the_gradient_through_a_sampler_matches_finite_differences():
    sampler = ddim(num_steps=10)

    def total(x, mean):
        def denoiser(x, t):
            a, s = jnp.asarray(LINEAR.signal)[t], jnp.asarray(LINEAR.noise)[t]
            return (x - a * jnp.tanh(x + mean)) / s

        return jnp.sin(run(None, denoiser, x, sampler=sampler)).sum()

    with jax.enable_x64(True):
        x = jnp.asarray(x_T, jnp.float64)
        gradients = jax.grad(total, argnums=(0, 1))(x, 0.1)
        assert all(np.isfinite(g).all() for g in gradients)
        h = 1e-5
        np.testing.assert_allclose(
            gradients[1], (total(x, 0.1 + h) - total(x, 0.1 - h)) / (2 * h), rtol=1e-6
        )
        bump = jnp.zeros_like(x).at[1, 1].set(h)
        np.testing.assert_allclose(
            gradients[0][1, 1],
            (total(x + bump, 0.1) - total(x - bump, 0.1)) / (2 * h),
            rtol=1e-6,
        )


def test_other_numbers_compile_nothing(key):
    def draw(schedule, sampler, predicts="eps", **options):
        return sample(
            key, ORACLE, x_T, schedule=schedule, sampler=sampler, predicts=predicts,
            **options,
        )  # fmt: skip

    draw(LINEAR, ddim(eta=0.0, num_steps=5))
    with count_compilations() as number:
        draw(LINEAR, ddim(eta=0.3, num_steps=5))
        draw(LINEAR, ddim(eta=1.0, num_steps=5, spacing="leading"))
        draw(diffusion.cosine_schedule(1000), diffusion.ddpm(num_steps=5))
        draw(LINEAR, dpmpp(order=1, num_steps=5), predicts="v")
    assert number() == 0


def test_other_parameters_compile_nothing(key):
    def model(weight, x, t):
        return x * weight

    draw = functools.partial(run, sampler=ddim(num_steps=5))
    first = draw(key, jax.tree_util.Partial(model, jnp.float32(0.5)), x_T)
    with count_compilations() as number:
        second = draw(key, jax.tree_util.Partial(model, jnp.float32(0.6)), x_T)
    assert number() == 0
    assert not np.allclose(first, second)


def test_the_condition_reaches_the_denoiser(key):
    def denoiser(x, t, condition):
        return jnp.broadcast_to(condition["color"], x.shape)

    output = sample(
        key,
        denoiser,
        x_T,
        schedule=LINEAR,
        sampler=ddim(num_steps=3),
        predicts="x0",
        condition={"color": jnp.array([[0.1, 0.9]])},
    )
    np.testing.assert_allclose(output, np.broadcast_to([0.1, 0.9], (3, 2)), atol=1e-6)


def test_the_denoiser_receives_the_times_of_the_schedule(key):
    times = []

    def denoiser(x, t):
        jax.debug.callback(lambda t: times.append(t.item()), t, ordered=True)
        return x

    sampler = ddim(num_steps=4, spacing="leading")
    run(key, denoiser, x_T, sampler=sampler).block_until_ready()
    jax.effects_barrier()
    assert times == [750, 500, 250, 0]
    assert all(isinstance(t, int) for t in times)
    times.clear()
    levels = diffusion.karras_levels(LINEAR, 3)
    sample(key, denoiser, x_T, schedule=levels, sampler=ddim(), predicts="eps")
    jax.effects_barrier()
    np.testing.assert_allclose(times, levels.times[::-1], rtol=1e-6)


def test_samples_of_any_shape():
    for shape in ((), (5,), (2, 4, 4, 3)):
        x = np.full(shape, 0.5, np.float32)
        output = run(None, ORACLE, x, sampler=dpmpp(num_steps=4))
        assert output.shape == shape
        np.testing.assert_allclose(output, np.ravel(output)[0], rtol=1e-6)


def test_each_step_uses_its_row_of_the_noise(key):
    sampler = ddim(eta=1.0, num_steps=4)
    noise = np.random.default_rng(1).normal(size=(4, 3, 2)).astype(np.float32)
    path = trace(None, ORACLE, x_T, sampler=sampler, noise=noise)
    without_noise = trace(None, ORACLE, x_T, sampler=sampler, noise=0 * noise)
    std = sampler.table(LINEAR).noise_std[0]
    np.testing.assert_allclose(
        path.x[1] - without_noise.x[1], std * noise[0], rtol=1e-3, atol=1e-5
    )


def test_invalid_input_is_refused(key):
    sampler = ddim(num_steps=4)
    with refuses("`predicts` must be one of"):
        sample(key, ORACLE, x_T, schedule=LINEAR, sampler=sampler, predicts="score")
    with refuses("`denoiser` must be a map from x \\(3, 2\\)"):
        run(key, lambda x, t: x[0], x_T, sampler=sampler)
    with refuses("`denoiser` must be callable", TypeError):
        run(key, {"params": x_T}, x_T, sampler=sampler)
    with refuses("`sampler` must be a `Sampler`", TypeError):
        run(key, ORACLE, x_T, sampler="ddim")
    with refuses("`schedule` must be a `Schedule`", TypeError):
        sample(key, ORACLE, x_T, schedule=[1.0], sampler=sampler, predicts="eps")
    with refuses("`x_T` must be a floating array"):
        run(key, ORACLE, np.zeros((3, 2), int), sampler=sampler)
    with refuses("`key` must be a PRNG key for a sampler that adds noise, got None"):
        run(None, ORACLE, x_T, sampler=ddim(eta=0.1, num_steps=4))
    with refuses("`noise` must be \\(4, 3, 2\\), one row a step, got \\(3, 2\\)"):
        run(None, ORACLE, x_T, sampler=ddim(eta=0.1, num_steps=4), noise=x_T)
    with refuses("`noise` must be a map to"):
        noise = diffusion.independent_noise((2, 2))
        run(key, ORACLE, x_T, sampler=ddim(eta=0.1, num_steps=4), noise=noise)
    with refuses("`predicts` must be 'v', 'x0' or 'flow'"):
        zero = diffusion.zero_terminal_snr(LINEAR)
        sample(key, ORACLE, x_T, schedule=zero, sampler=sampler, predicts="eps")


def test_default_hooks_change_nothing(key):
    sampler = SAMPLERS["ddim eta"]
    np.testing.assert_array_equal(
        run(key, ORACLE, x_T, sampler=sampler),
        run(key, ORACLE, x_T, sampler=sampler, hooks=Hooks()),
    )
