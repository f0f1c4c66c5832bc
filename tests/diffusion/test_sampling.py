import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from support import count_compilations, mostly_slow, refuses

from inr import diffusion
from inr.diffusion import Hooks, ddim, dpmpp, plan_steps, sample, sample_trajectory

LINEAR = diffusion.linear_schedule(1000)
ORACLE = oracle.denoiser(LINEAR)
EVERY = {
    "ddim": ddim(num_steps=6),
    "ddim eta": ddim(eta=0.7, num_steps=6),
    "ddpm": diffusion.ddpm(num_steps=6),
    "ddpm large": diffusion.ddpm(num_steps=6, variance="large"),
    "dpmpp 1": dpmpp(order=1, num_steps=6),
    "dpmpp 2": dpmpp(num_steps=6),
    "dpmpp 3": dpmpp(order=3, num_steps=6),
    "dpmpp sde": dpmpp(eta=1.0, num_steps=6),
    "dpmpp 2s": diffusion.dpmpp_2s(num_steps=6),
    "dpm_solver": diffusion.dpm_solver(num_steps=6),
    "unipc 3": diffusion.unipc(order=3, num_steps=6),
    "lms": diffusion.lms(num_steps=6),
    "heun": diffusion.heun(num_steps=6),
    "midpoint": diffusion.midpoint(num_steps=6),
}
DETERMINISTIC = [n for n, s in EVERY.items() if not s.table(LINEAR).noise.any()]

run = functools.partial(sample, schedule=LINEAR, predicts="eps")
trace = functools.partial(sample_trajectory, schedule=LINEAR, predicts="eps")
x_T = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)


@pytest.mark.parametrize("name", EVERY)
def test_a_perfect_denoiser_leads_to_the_signal_it_knows(key, name):
    def knowing(x, t):
        return jnp.full_like(x, 0.25)

    found = sample(
        key, knowing, x_T, schedule=LINEAR, sampler=EVERY[name], predicts="x0"
    )
    np.testing.assert_allclose(found, 0.25, atol=1e-6)


@pytest.mark.parametrize("name", mostly_slow(EVERY, "ddpm", "dpmpp 2", "heun"))
def test_a_run_is_a_loop_of_steps(key, name):
    sampler = EVERY[name]
    found = trace(key, ORACLE, x_T, sampler=sampler)
    steps = plan_steps(LINEAR, sampler=sampler, predicts="eps")
    state = diffusion.init_sample(x_T, steps)
    for i in range(6):
        step = jax.tree.map(lambda numbers, i=i: numbers[i], steps)
        step_key = jax.random.fold_in(key, i)
        state, info = diffusion.sample_step(step_key, state, ORACLE, step)
        np.testing.assert_allclose(found.x[i + 1], state.x, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.x0[i], info.x0, rtol=1e-4, atol=1e-5)
    assert found.x.shape == (7, 3, 2)
    np.testing.assert_array_equal(found.x[0], x_T)
    np.testing.assert_allclose(
        run(key, ORACLE, x_T, sampler=sampler), found.x[-1], rtol=1e-6
    )


@pytest.mark.parametrize("name", ["ddim eta", "dpmpp 2", "heun"])
def test_under_jit_and_vmap_it_is_the_same(key, name):
    sample_one = functools.partial(run, sampler=EVERY[name])
    keys = jax.random.split(key, 4)
    loop = np.stack([sample_one(k, ORACLE, x_T) for k in keys])
    np.testing.assert_allclose(
        jax.jit(lambda k: sample_one(k, ORACLE, x_T))(keys[0]), loop[0], rtol=1e-5
    )
    mapped = jax.vmap(lambda k: sample_one(k, ORACLE, x_T))(keys)
    np.testing.assert_allclose(mapped, loop, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_without_noise_no_key_is_needed_and_none_matters(key, name):
    keyless = run(None, ORACLE, x_T, sampler=EVERY[name])
    one, other = (
        run(key, ORACLE, x_T, sampler=EVERY[name]) for key in jax.random.split(key)
    )
    np.testing.assert_array_equal(one, other)
    # Another program, which may round otherwise.
    np.testing.assert_allclose(one, keyless, rtol=1e-6)


def test_ddpm_is_ddim_with_eta_1_at_every_level():
    small, full = diffusion.ddpm().table(LINEAR), ddim(eta=1.0).table(LINEAR)
    for one, other in zip(small[:4], full[:4], strict=True):
        np.testing.assert_array_equal(one, other)
    # And both are Ho et al., eq. 7: written out with beta and alpha.
    beta = 1 - LINEAR.alpha_bar / np.append(1, LINEAR.alpha_bar[:-1])
    before = np.append(1, LINEAR.alpha_bar[:-1])
    share = (1 - before) / (1 - LINEAR.alpha_bar)
    np.testing.assert_allclose(small.noise[::-1], np.sqrt(beta * share), atol=1e-14)
    of_x = np.sqrt(1 - beta) * share
    np.testing.assert_allclose(small.x[::-1], of_x, rtol=1e-9, atol=1e-14)
    of_x0 = np.sqrt(before) * beta / (1 - LINEAR.alpha_bar)
    np.testing.assert_allclose(small.kept[::-1, 0], of_x0, rtol=1e-9)


def test_skipping_levels_is_sampling_on_the_shorter_schedule():
    levels = diffusion.section_levels(1000, "7,5")
    part = LINEAR[levels]
    explicit = dpmpp(spacing=tuple(levels.tolist()))
    found = run(None, ORACLE, x_T, sampler=explicit)
    shorter = sample(None, ORACLE, x_T, schedule=part, sampler=dpmpp(), predicts="eps")
    np.testing.assert_array_equal(found, shorter)  # times are kept


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_moments_of_many_samples(key, eta):
    number = 100_000
    key_start, key_noise = jax.random.split(key)
    start = jax.random.normal(key_start, (number,))
    sampler = ddim(eta=eta, num_steps=50, spacing="leading")
    found = np.asarray(run(key_noise, ORACLE, start, sampler=sampler), np.float64)
    mean, deviation = oracle.moments(LINEAR, sampler.table(LINEAR))
    assert abs(found.mean() - mean) < 5 * deviation / np.sqrt(number)
    assert abs(found.std() - deviation) < 5 * deviation / np.sqrt(2 * number)


def test_without_signal_at_the_end_v_and_x0_still_start(key):
    schedule = diffusion.zero_terminal_snr(LINEAR)
    for kind in ("v", "x0", "flow"):
        denoiser = oracle.denoiser(schedule, kind)
        for sampler in (ddim(num_steps=50), ddim(eta=1.0), dpmpp(order=3, num_steps=9)):
            found = sample(
                key, denoiser, x_T, schedule=schedule, sampler=sampler, predicts=kind
            )
            assert np.isfinite(found).all()
    # From noise alone the first prediction can only be the mean.
    path = sample_trajectory(
        key, denoiser, x_T, schedule=schedule, sampler=ddim(), predicts="flow"
    )
    np.testing.assert_allclose(path.x0[0], oracle.MU, atol=1e-5)


def test_the_gradient_through_a_sampler_is_that_of_differences():
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
        draw(LINEAR, dpmpp(order=1, num_steps=5), predicts="v", noise_scale="squared")
    assert number() == 0


def test_a_model_with_other_parameters_compiles_nothing(key):
    def model(weight, x, t):
        return x * weight

    draw = functools.partial(run, sampler=ddim(num_steps=5))
    one = draw(key, jax.tree_util.Partial(model, jnp.float32(0.5)), x_T)
    with count_compilations() as number:
        two = draw(key, jax.tree_util.Partial(model, jnp.float32(0.6)), x_T)
    assert number() == 0
    assert not np.allclose(one, two)


def test_the_condition_arrives(key):
    def denoiser(x, t, condition):
        return jnp.broadcast_to(condition["color"], x.shape)

    found = sample(
        key,
        denoiser,
        x_T,
        schedule=LINEAR,
        sampler=ddim(num_steps=3),
        predicts="x0",
        condition={"color": jnp.array([[0.1, 0.9]])},
    )
    np.testing.assert_allclose(found, np.broadcast_to([0.1, 0.9], (3, 2)), atol=1e-6)


def test_times_reach_the_denoiser_as_the_schedule_tells_them(key):
    seen = []

    def denoiser(x, t):
        jax.debug.callback(lambda t: seen.append(t.item()), t, ordered=True)
        return x

    sampler = ddim(num_steps=4, spacing="leading")
    run(key, denoiser, x_T, sampler=sampler).block_until_ready()
    jax.effects_barrier()
    assert seen == [750, 500, 250, 0]
    assert all(isinstance(t, int) for t in seen)
    seen.clear()
    levels = diffusion.karras_levels(LINEAR, 3)
    sample(key, denoiser, x_T, schedule=levels, sampler=ddim(), predicts="eps")
    jax.effects_barrier()
    np.testing.assert_allclose(seen, levels.times[::-1], rtol=1e-6)


def test_two_predictions_a_step_but_for_the_last(key):
    calls = []

    def denoiser(x, t):
        jax.debug.callback(lambda: calls.append(1), ordered=True)
        return x

    for name in ("heun", "midpoint", "dpmpp 2s"):
        calls.clear()
        run(None, denoiser, x_T, sampler=EVERY[name]).block_until_ready()
        jax.effects_barrier()
        assert len(calls) == 11, name


def test_a_shape_other_than_batches_of_points():
    for shape in ((), (5,), (2, 4, 4, 3)):
        x = np.full(shape, 0.5, np.float32)
        found = run(None, ORACLE, x, sampler=dpmpp(num_steps=4))
        assert found.shape == shape
        np.testing.assert_allclose(found, np.ravel(found)[0], rtol=1e-6)


def test_noise_given_row_by_row_is_used_at_the_executed_step(key):
    sampler = ddim(eta=1.0, num_steps=4)
    noise = np.random.default_rng(1).normal(size=(4, 3, 2)).astype(np.float32)
    path = trace(None, ORACLE, x_T, sampler=sampler, noise=noise)
    quiet = trace(None, ORACLE, x_T, sampler=sampler, noise=0 * noise)
    deviation = sampler.table(LINEAR).noise[0]
    np.testing.assert_allclose(
        path.x[1] - quiet.x[1], deviation * noise[0], rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize(
    ("noise_scale", "factor"),
    [
        ("normal", lambda s: s),
        ("squared", lambda s: s**2),
        ("zero", lambda s: 0 * s),
        (0.25, lambda s: 0.25 * s),
    ],
)
def test_noise_scales(noise_scale, factor):
    sampler = ddim(eta=1.0, num_steps=4)
    steps = plan_steps(LINEAR, sampler=sampler, predicts="v", noise_scale=noise_scale)
    np.testing.assert_array_equal(steps.noise, factor(sampler.table(LINEAR).noise))
    # eta still changes the deterministic part.
    np.testing.assert_array_equal(steps.x, sampler.table(LINEAR).x)


def test_bad_input_is_refused(key):
    sampler = ddim(num_steps=4)
    with refuses("`predicts` must be one of"):
        sample(key, ORACLE, x_T, schedule=LINEAR, sampler=sampler, predicts="score")
    with refuses("`denoiser` must be a map from x \\(3, 2\\)"):
        run(key, lambda x, t: x[0], x_T, sampler=sampler)
    with refuses("`denoiser` must be callable", TypeError):
        run(key, {"params": x_T}, x_T, sampler=sampler)
    with refuses("`sampler` must be a Sampler"):
        run(key, ORACLE, x_T, sampler="ddim")
    with refuses("`schedule` must be a Schedule"):
        sample(key, ORACLE, x_T, schedule=[1.0], sampler=sampler, predicts="eps")
    with refuses("`x_T` must be a floating array"):
        run(key, ORACLE, np.zeros((3, 2), int), sampler=sampler)
    with refuses("`key` must be given"):
        run(None, ORACLE, x_T, sampler=ddim(eta=0.1, num_steps=4))
    with refuses("`noise` must be \\(4, 3, 2\\), a row a step, got \\(3, 2\\)"):
        run(None, ORACLE, x_T, sampler=ddim(eta=0.1, num_steps=4), noise=x_T)
    with refuses("`noise` must be a map to"):
        noise = diffusion.independent_noise((2, 2))
        run(key, ORACLE, x_T, sampler=ddim(eta=0.1, num_steps=4), noise=noise)
    with refuses("`noise_scale` must be one of"):
        run(key, ORACLE, x_T, sampler=sampler, noise_scale="double")
    for scale in (-1.0, np.ones(2)):
        with refuses("`noise_scale` must be a finite python number"):
            run(key, ORACLE, x_T, sampler=sampler, noise_scale=scale)
    with refuses("`predicts` must be 'v', 'x0' or 'flow'"):
        zero = diffusion.zero_terminal_snr(LINEAR)
        sample(key, ORACLE, x_T, schedule=zero, sampler=sampler, predicts="eps")


def test_a_step_alone_needs_what_its_run_needs(key):
    steps = plan_steps(LINEAR, sampler=ddim(eta=1.0, num_steps=4), predicts="eps")
    first = jax.tree.map(lambda numbers: numbers[0], steps)
    state = diffusion.init_sample(x_T, steps)
    with refuses("`key` must be given"):
        diffusion.sample_step(None, state, ORACLE, first)
    hooks = Hooks(inpaint=(x_T, np.ones(x_T.shape, bool)))
    with refuses("`hooks` must be as given to `init_sample`"):
        diffusion.sample_step(key, state, ORACLE, first, hooks=hooks)


def test_bad_samplers_are_refused():
    with refuses("`eta` must be a number from 0 to 1, got 1.5"):
        ddim(eta=1.5)
    with refuses("`num_steps` must be at least 1"):
        ddim(num_steps=0)
    with refuses("`num_steps` must be at most the 1000"):
        ddim(num_steps=1001).table(LINEAR)
    with refuses("`spacing` must be one of"):
        ddim(spacing="karras")
    with refuses("`spacing` must be a rule or ascending levels"):
        ddim(spacing=(3, 2, 1))
    with refuses("`spacing` must be levels below 1000"):
        ddim(spacing=(3, 1000)).table(LINEAR)
    with refuses("`num_steps` must be None or 2 with explicit levels"):
        ddim(spacing=(3, 100), num_steps=5)
    with refuses("`order` must be one of"):
        dpmpp(order=4)
    with refuses("`rule` must be one of"):
        dpmpp(rule="euler")
    with refuses("`variance` must be one of"):
        diffusion.ddpm(variance="learned")
    with refuses("`final` must be one of"):
        ddim(final="zero")
    with refuses("`num_steps` must be few enough that a level lies between"):
        diffusion.dpmpp_2s().table(LINEAR)
    zero = diffusion.zero_terminal_snr(LINEAR)
    for make in (diffusion.heun, diffusion.unipc, diffusion.lms, diffusion.dpmpp_2s):
        with refuses("`schedule` must be one with signal at every level"):
            make(num_steps=10).table(zero)


def test_hooks_do_nothing_by_default(key):
    sampler = EVERY["ddim eta"]
    np.testing.assert_array_equal(
        run(key, ORACLE, x_T, sampler=sampler),
        run(key, ORACLE, x_T, sampler=sampler, hooks=Hooks()),
    )
