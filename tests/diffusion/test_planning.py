import numpy as np
from support import refuses

from inr import diffusion
from inr.diffusion import ddim, plan_steps

LINEAR = diffusion.linear_schedule(1000)


def test_steps_connect_the_levels_of_the_sampler():
    steps = plan_steps(LINEAR, sampler=ddim(num_steps=4), predicts="x0")
    level = [999, 749, 499, 249]
    np.testing.assert_array_equal(steps.call.time, level)
    np.testing.assert_array_equal(steps.level.noise, LINEAR.noise[level])
    np.testing.assert_array_equal(steps.next_level.noise[:-1], steps.level.noise[1:])
    assert (steps.next_level.signal[-1], steps.next_level.noise[-1]) == (1, 0)
    # The prediction of x0 needs no conversion.
    np.testing.assert_array_equal(steps.call.x, 0)
    np.testing.assert_array_equal(steps.call.prediction, 1)


def test_an_invalid_plan_is_refused():
    with refuses("`sampler` must be a `Sampler`", TypeError):
        plan_steps(LINEAR, sampler="ddim", predicts="eps")
    with refuses("`predicts` must be one of"):
        plan_steps(LINEAR, sampler=ddim(), predicts="score")
