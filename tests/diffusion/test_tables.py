import numpy as np
import oracle
from support import refuses

from inr import diffusion
from inr.diffusion import ddim, dpmpp, sample

LINEAR = diffusion.linear_schedule(1000)
ORACLE = oracle.denoiser(LINEAR)
x_T = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)


def test_skipping_levels_is_sampling_on_the_shorter_schedule():
    levels = diffusion.section_levels(1000, "7,5")
    part = LINEAR[levels]
    explicit = dpmpp(spacing=tuple(levels.tolist()))
    output = sample(
        None, ORACLE, x_T, schedule=LINEAR, sampler=explicit, predicts="eps"
    )
    shorter = sample(None, ORACLE, x_T, schedule=part, sampler=dpmpp(), predicts="eps")
    # The shorter schedule has the times of the levels.
    np.testing.assert_array_equal(output, shorter)


def test_samplers_are_compared_and_hashed_by_value():
    assert ddim(eta=0.5, num_steps=4) == ddim(eta=0.5, num_steps=4)
    assert hash(dpmpp(num_steps=4)) == hash(dpmpp(num_steps=4))
    assert ddim(eta=0.5) != ddim(eta=0.6)


def test_invalid_steps_are_refused():
    with refuses("`num_steps` must be at least 1"):
        ddim(num_steps=0)
    with refuses("`num_steps` must be at most the number of levels, 1000"):
        ddim(num_steps=1001).table(LINEAR)
    with refuses("`spacing` must be one of"):
        ddim(spacing="karras")
    with refuses("`spacing` must be a rule or ascending levels"):
        ddim(spacing=(3, 2, 1))
    with refuses("`spacing` must be levels below 1000"):
        ddim(spacing=(3, 1000)).table(LINEAR)
    with refuses("`num_steps` must be None or 2 with explicit levels"):
        ddim(spacing=(3, 100), num_steps=5)
    with refuses("`final` must be one of"):
        ddim(final="zero")
    # Between neighboring levels there is no middle level.
    with refuses("`num_steps` must be few enough that a level lies between"):
        diffusion.dpmpp_2s().table(LINEAR)
