import functools

import jax
import numpy as np
import oracle
import pytest
from oracle import SAMPLERS
from support import mostly_slow, refuses

from inr import diffusion
from inr.diffusion import Hooks, ddim, plan_steps, sample, sample_trajectory

LINEAR = diffusion.linear_schedule(1000)
ORACLE = oracle.denoiser(LINEAR)
run = functools.partial(sample, schedule=LINEAR, predicts="eps")
trace = functools.partial(sample_trajectory, schedule=LINEAR, predicts="eps")
x_T = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("name", mostly_slow(SAMPLERS, "ddpm", "dpmpp 2", "heun"))
def test_a_run_is_a_loop_of_steps(key, name):
    sampler = SAMPLERS[name]
    path = trace(key, ORACLE, x_T, sampler=sampler)
    steps = plan_steps(LINEAR, sampler=sampler, predicts="eps")
    state = diffusion.init_sample(x_T, steps)
    for i in range(6):
        step = jax.tree.map(lambda numbers, i=i: numbers[i], steps)
        step_key = jax.random.fold_in(key, i)
        state, info = diffusion.sample_step(step_key, state, ORACLE, step)
        np.testing.assert_allclose(path.x[i + 1], state.x, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(path.x0[i], info.x0, rtol=1e-4, atol=1e-5)
    assert path.x.shape == (7, 3, 2)
    np.testing.assert_array_equal(path.x[0], x_T)
    np.testing.assert_allclose(
        run(key, ORACLE, x_T, sampler=sampler), path.x[-1], rtol=1e-6
    )


def test_two_predictions_a_step_and_one_in_the_last(key):
    calls = []

    def denoiser(x, t):
        jax.debug.callback(lambda: calls.append(1), ordered=True)
        return x

    for name in ("heun", "midpoint", "dpmpp 2s"):
        calls.clear()
        run(None, denoiser, x_T, sampler=SAMPLERS[name]).block_until_ready()
        jax.effects_barrier()
        assert len(calls) == 11, name


def test_a_single_step_checks_its_key_and_hooks(key):
    steps = plan_steps(LINEAR, sampler=ddim(eta=1.0, num_steps=4), predicts="eps")
    first = jax.tree.map(lambda numbers: numbers[0], steps)
    state = diffusion.init_sample(x_T, steps)
    with refuses("`key` must be a PRNG key"):
        diffusion.sample_step(None, state, ORACLE, first)
    hooks = Hooks(inpaint=(x_T, np.ones(x_T.shape, bool)))
    with refuses("`hooks` must be the same as in `init_sample`"):
        diffusion.sample_step(key, state, ORACLE, first, hooks=hooks)
