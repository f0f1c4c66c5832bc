import numpy as np
from support import count_compilations, refuses

from inr import diffusion
from inr.diffusion import ddim, sample

LINEAR = diffusion.linear_schedule(1000)
x_T = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)


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


def test_guidance_of_1_and_0_gives_the_conditional_and_unconditional_sample():
    np.testing.assert_allclose(guided_sample(1.0), plain_sample(1.0), atol=1e-6)
    np.testing.assert_allclose(guided_sample(0.0), plain_sample(-0.5), atol=1e-6)
    # The model is linear in the condition: -0.5 + 3 (1 + 0.5) = 4.
    np.testing.assert_allclose(guided_sample(3.0), plain_sample(4.0), atol=1e-5)


def test_guidance_within_an_interval():
    np.testing.assert_allclose(
        guided_sample(3.0, (0, 999)), guided_sample(3.0), atol=1e-6
    )
    np.testing.assert_allclose(
        guided_sample(3.0, (2000, 3000)), plain_sample(1.0), atol=1e-6
    )
    partial = guided_sample(3.0, (300, 700))
    assert not np.allclose(partial, guided_sample(3.0))
    assert not np.allclose(partial, plain_sample(1.0))


def test_other_scales_and_intervals_compile_nothing():
    guided_sample(2.0, (0, 500))
    with count_compilations() as number:
        guided_sample(7.0, (100, 900))
    assert number() == 0


def test_an_invalid_interval_is_refused():
    with refuses("`interval` must be \\(low, high\\)"):
        diffusion.guided(conditional, 0.0, guidance_scale=2.0, interval=(5, 1))
