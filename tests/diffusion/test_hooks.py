import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from support import count_compilations, refuses

from inr import diffusion
from inr.diffusion import Hooks, clip, ddim, dpmpp, sample, sample_trajectory

LINEAR = diffusion.linear_schedule(1000)
ORACLE = oracle.denoiser(LINEAR)
x_T = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
trace = functools.partial(
    sample_trajectory, schedule=LINEAR, predicts="eps", denoiser=ORACLE, x_T=x_T
)


def test_clipping_the_prediction_and_clipping_the_state(key):
    sampler = ddim(eta=1.0, num_steps=6)
    free = trace(key, sampler=sampler)
    assert np.abs(free.x).max() > 0.4
    assert np.abs(free.x0).max() > 0.4
    low = trace(key, sampler=sampler, hooks=Hooks(correct_x0=clip(-0.4, 0.4)))
    assert np.abs(low.x0).max() <= 0.4
    assert np.abs(low.x).max() > 0.4
    flat = trace(key, sampler=sampler, hooks=Hooks(correct_x=clip(-0.4, 0.4)))
    assert np.abs(flat.x).max() <= 0.4  # the start too


def test_dynamic_threshold_twin():
    generator = np.random.default_rng(0)
    x0 = (generator.normal(size=(3, 8, 8, 2)) * [[[[0.2]]], [[[2]]], [[[9]]]]).astype(
        np.float32
    )
    found = diffusion.dynamic_threshold(0.9)(jnp.asarray(x0))
    for one, expected in zip(found, x0, strict=True):
        reach = max(np.quantile(np.abs(expected), 0.9), 1)
        np.testing.assert_allclose(
            one, np.clip(expected, -reach, reach) / reach, rtol=1e-5
        )
    np.testing.assert_array_equal(found[0], x0[0])  # already inside


def test_projected_noise_keeps_the_distance_to_the_prediction(key):
    sampler = ddim(eta=1.0, num_steps=6)
    steps = diffusion.plan_steps(LINEAR, sampler=sampler, predicts="eps")
    first = jax.tree.map(lambda numbers: numbers[0], steps)
    state = diffusion.init_sample(x_T, steps)
    step = functools.partial(diffusion.sample_step, key, state, ORACLE)
    quiet = step(first._replace(noise=0.0))[0].x
    noisy = step(first)[0].x
    after, info = step(first, hooks=Hooks(project_noise=True))

    def distance(x):
        return np.linalg.norm(x - info.x0, axis=-1)

    np.testing.assert_allclose(distance(after.x), distance(quiet), rtol=1e-5)
    # In the direction in which noise has moved it.
    cosine = ((after.x - info.x0) * (noisy - info.x0)).sum(-1)
    np.testing.assert_allclose(cosine, distance(after.x) * distance(noisy), rtol=1e-5)


def test_projected_noise_without_a_direction_is_the_prediction():
    x0 = jnp.ones((2, 3))
    hooks = Hooks(project_noise=True)
    found, gradient = jax.value_and_grad(
        lambda mean: hooks.add_noise(mean, x0 - mean, x0).sum()
    )(x0 + 1)
    np.testing.assert_array_equal(found, 6.0)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("sampler", [ddim(num_steps=5), dpmpp(num_steps=5)])
@pytest.mark.parametrize("eta_one", [False, True])
def test_known_values_stay_exactly(key, sampler, eta_one):
    if eta_one:
        sampler = ddim(eta=1.0, num_steps=5)
    known = np.linspace(-1, 1, x_T.size, dtype=np.float32).reshape(x_T.shape)
    mask = np.arange(5)[None, :, None] % 2 == 0
    path = trace(key, sampler=sampler, hooks=Hooks(inpaint=(known, mask)))
    kept = ~np.broadcast_to(mask, x_T.shape)
    np.testing.assert_array_equal(np.asarray(path.x[-1])[kept], known[kept])
    assert not np.isclose(np.asarray(path.x[-1])[~kept], known[~kept]).all()
    # On the way it follows the forward process, with the noise of the start.
    level = sampler.table(LINEAR).level
    for x, t in zip(path.x, level, strict=False):
        noise = x_T / LINEAR.noise[level[0]]
        expected = LINEAR.signal[t] * known + LINEAR.noise[t] * noise
        np.testing.assert_allclose(np.asarray(x)[kept], expected[kept], atol=1e-5)


def test_nothing_known_changes_nothing(key):
    sampler = ddim(eta=0.5, num_steps=5)
    everything = np.ones(x_T.shape, bool)
    hooks = Hooks(inpaint=(np.zeros_like(x_T), everything))
    np.testing.assert_allclose(
        trace(key, sampler=sampler, hooks=hooks).x,
        trace(key, sampler=sampler).x,
        atol=1e-6,
    )


# --- guidance


def conditional(x, t, condition):
    return x * 0.1 + condition


def guided_sample(guidance_scale, interval=None, condition=1.0):
    denoiser = diffusion.guided(
        conditional, -0.5, guidance_scale=guidance_scale, interval=interval
    )
    return sample(
        None,
        denoiser,
        x_T,
        schedule=LINEAR,
        sampler=ddim(num_steps=5),
        predicts="x0",
        condition=condition,
    )


def plain_sample(condition):
    return sample(
        None,
        conditional,
        x_T,
        schedule=LINEAR,
        sampler=ddim(num_steps=5),
        predicts="x0",
        condition=condition,
    )


def test_guidance_1_is_the_conditional_and_0_the_unconditional_sample():
    np.testing.assert_allclose(guided_sample(1.0), plain_sample(1.0), atol=1e-6)
    np.testing.assert_allclose(guided_sample(0.0), plain_sample(-0.5), atol=1e-6)
    # The model is linear in the condition: -0.5 + 3 (1 + 0.5).
    np.testing.assert_allclose(guided_sample(3.0), plain_sample(4.0), atol=1e-5)


def test_guidance_within_an_interval():
    np.testing.assert_allclose(
        guided_sample(3.0, (0, 999)), guided_sample(3.0), atol=1e-6
    )
    np.testing.assert_allclose(
        guided_sample(3.0, (2000, 3000)), plain_sample(1.0), atol=1e-6
    )
    some = guided_sample(3.0, (300, 700))
    assert not np.allclose(some, guided_sample(3.0))
    assert not np.allclose(some, plain_sample(1.0))


def test_another_scale_or_interval_compiles_nothing():
    guided_sample(2.0, (0, 500))
    with count_compilations() as number:
        guided_sample(7.0, (100, 900))
    assert number() == 0


def test_bad_hooks_are_refused():
    draw = functools.partial(trace, None, sampler=ddim(num_steps=3))
    with refuses("`inpaint` must be known \\(4, 5, 3\\)"):
        draw(hooks=Hooks(inpaint=(x_T[0], np.ones(x_T.shape, bool))))
    with refuses("`inpaint` must be a bool mask.*mask > 127"):
        draw(hooks=Hooks(inpaint=(x_T, np.ones(x_T.shape))))
    with refuses("`inpaint` must be a mask"):
        draw(hooks=Hooks(inpaint=(x_T, np.ones((4, 5), bool))))
    with refuses("`inpaint` must be finite"):
        draw(hooks=Hooks(inpaint=(x_T * np.nan, np.ones(x_T.shape, bool))))
    with refuses("`high` must be above low"):
        clip(1.0, -1.0)
    with refuses("`quantile` must be a number from 0 to 1"):
        diffusion.dynamic_threshold(1.2)
    with refuses("`interval` must be"):
        diffusion.guided(conditional, 0.0, guidance_scale=2.0, interval=(5, 1))
