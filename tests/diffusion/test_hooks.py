import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from support import refuses

from inr import diffusion
from inr.diffusion import Hooks, clip, ddim, dpmpp, sample_trajectory

LINEAR = diffusion.linear_schedule(1000)
ORACLE = oracle.denoiser(LINEAR)
x_T = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
trace = functools.partial(
    sample_trajectory, schedule=LINEAR, predicts="eps", denoiser=ORACLE, x_T=x_T
)


def test_clipping_the_prediction_and_clipping_the_state(key):
    sampler = ddim(eta=1.0, num_steps=6)
    plain = trace(key, sampler=sampler)
    assert np.abs(plain.x).max() > 0.4
    assert np.abs(plain.x0).max() > 0.4
    clipped = trace(key, sampler=sampler, hooks=Hooks(correct_x0=clip(-0.4, 0.4)))
    assert np.abs(clipped.x0).max() <= 0.4
    assert np.abs(clipped.x).max() > 0.4
    clipped = trace(key, sampler=sampler, hooks=Hooks(correct_x=clip(-0.4, 0.4)))
    assert np.abs(clipped.x).max() <= 0.4  # This includes the start.


def test_dynamic_threshold_matches_numpy():
    generator = np.random.default_rng(0)
    x0 = (generator.normal(size=(3, 8, 8, 2)) * [[[[0.2]]], [[[2]]], [[[9]]]]).astype(
        np.float32
    )
    output = diffusion.dynamic_threshold(0.9)(jnp.asarray(x0))
    for signal, clipped in zip(x0, output, strict=True):
        bound = max(np.quantile(np.abs(signal), 0.9), 1)
        expected = np.clip(signal, -bound, bound) / bound
        np.testing.assert_allclose(clipped, expected, rtol=1e-5)
    np.testing.assert_array_equal(output[0], x0[0])  # Its quantile is below the limit.


def test_projected_noise_keeps_the_distance_to_the_prediction(key):
    sampler = ddim(eta=1.0, num_steps=6)
    steps = diffusion.plan_steps(LINEAR, sampler=sampler, predicts="eps")
    first = jax.tree.map(lambda numbers: numbers[0], steps)
    state = diffusion.init_sample(x_T, steps)
    step = functools.partial(diffusion.sample_step, key, state, ORACLE)
    without_noise = step(first._replace(noise_std=0.0))[0].x
    noisy = step(first)[0].x
    state, info = step(first, hooks=Hooks(project_noise=True))

    def distance(x):
        return np.linalg.norm(x - info.x0, axis=-1)

    np.testing.assert_allclose(distance(state.x), distance(without_noise), rtol=1e-5)
    # The direction is that of the sample with noise.
    cosine = ((state.x - info.x0) * (noisy - info.x0)).sum(-1)
    np.testing.assert_allclose(cosine, distance(state.x) * distance(noisy), rtol=1e-5)


@pytest.mark.slow
def test_projected_noise_without_a_direction_gives_the_prediction():
    x0 = jnp.ones((2, 3))
    hooks = Hooks(project_noise=True)
    total, gradient = jax.value_and_grad(
        lambda mean: hooks.add_noise(mean, x0 - mean, x0).sum()
    )(x0 + 1)
    np.testing.assert_array_equal(total, 6.0)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("sampler", [ddim(num_steps=5), dpmpp(num_steps=5)])
@pytest.mark.parametrize("eta_one", [False, True])
def test_known_values_are_exact_in_the_sample(key, sampler, eta_one):
    if eta_one:
        sampler = ddim(eta=1.0, num_steps=5)
    known = np.linspace(-1, 1, x_T.size, dtype=np.float32).reshape(x_T.shape)
    mask = np.arange(5)[None, :, None] % 2 == 0
    path = trace(key, sampler=sampler, hooks=Hooks(inpaint=(known, mask)))
    is_known = ~np.broadcast_to(mask, x_T.shape)
    np.testing.assert_array_equal(np.asarray(path.x[-1])[is_known], known[is_known])
    assert not np.isclose(np.asarray(path.x[-1])[~is_known], known[~is_known]).all()
    # On the way they follow the forward process with the noise of the start.
    level = sampler.table(LINEAR).level
    for x, t in zip(path.x, level, strict=False):
        noise = x_T / LINEAR.noise[level[0]]
        expected = LINEAR.signal[t] * known + LINEAR.noise[t] * noise
        np.testing.assert_allclose(
            np.asarray(x)[is_known], expected[is_known], atol=1e-5
        )


def test_a_mask_without_known_values_changes_nothing(key):
    sampler = ddim(eta=0.5, num_steps=5)
    mask = np.ones(x_T.shape, bool)
    hooks = Hooks(inpaint=(np.zeros_like(x_T), mask))
    np.testing.assert_allclose(
        trace(key, sampler=sampler, hooks=hooks).x,
        trace(key, sampler=sampler).x,
        atol=1e-6,
    )


def test_invalid_hooks_are_refused():
    draw = functools.partial(trace, None, sampler=ddim(num_steps=3))
    with refuses("`inpaint` must be .* known of shape \\(4, 5, 3\\)"):
        draw(hooks=Hooks(inpaint=(x_T[0], np.ones(x_T.shape, bool))))
    with refuses("`inpaint` must be .* bool mask.*mask > 127"):
        draw(hooks=Hooks(inpaint=(x_T, np.ones(x_T.shape))))
    with refuses("`inpaint` must be .* a mask \\(4, 5, 3\\)"):
        draw(hooks=Hooks(inpaint=(x_T, np.ones((4, 5), bool))))
    with refuses("`inpaint` must be finite"):
        draw(hooks=Hooks(inpaint=(x_T * np.nan, np.ones(x_T.shape, bool))))
    with refuses("`high` must be above `low`"):
        clip(1.0, -1.0)
    with refuses("`quantile` must be a number from 0 to 1"):
        diffusion.dynamic_threshold(1.2)
