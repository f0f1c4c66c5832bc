"""One step of sampling: a pure function from state to state.

`denoiser(x, t)`, or `denoiser(x, t, condition)`, maps x of any shape to a prediction of
that shape; t is a scalar, `schedule.times` at the level. A step goes through `jit`,
`vmap`, `grad` and `lax.scan`.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float, PyTree

from inr import _checks
from inr._typing import Array, ArrayLike, Denoiser, Key
from inr.diffusion.hooks import Hooks, as_hooks
from inr.diffusion.planning import DenoiserCall, Numbers, SecondCall, Step
from inr.diffusion.predictions import call_denoiser, cast_table

Noise: TypeAlias = Callable[[Key], Array] | Float[ArrayLike, "..."]
"""A function `key -> array`, or the noise itself."""


class SampleState(NamedTuple):
    """The values that one step passes to the next.

    Attributes:
      x: the sample at the current level.
      memory: u of the last steps, the latest first; see `tables`.
      known_noise: the noise of the start, if `Hooks.inpaint` is set.
    """

    x: Array
    memory: tuple[Array, ...]
    known_noise: Array | None


class SampleInfo(NamedTuple):
    """Values of a step for the caller; the next step does not need them.

    Attributes:
      x0: the predicted clean signal, after `Hooks.correct_x0`.
    """

    x0: Array


def init_sample(
    x_T: Float[ArrayLike, "*shape"], steps: Step, *, hooks: Hooks | None = None
) -> SampleState:
    """The state before the first step.

    Args:
      x_T: `[...]`, where to start.
      steps: all steps, from `plan_steps`.
      hooks: as in `sample`.

    Returns:
      A `SampleState`.

    Raises:
      ValueError: if x_T is not floating, or `hooks.inpaint` does not fit it.
    """
    _checks.check_type("steps", steps, Step)
    hooks = as_hooks(hooks)
    x = hooks.apply_correct_x(_checks.as_floating("x_T", x_T))
    hooks.check(x)
    memory = (jnp.zeros_like(x),) * (np.shape(steps.memory)[-1] - 1)
    if hooks.inpaint is None:
        return SampleState(x, memory, None)
    a, s = (cast_table(numbers, x.dtype)[0] for numbers in steps.level)
    noise = x / s
    return SampleState(hooks.replace_known(x, a, s, noise), memory, noise)


def sample_step(
    key: Key | None,
    state: SampleState,
    denoiser: Denoiser,
    step: Step,
    *,
    condition: PyTree = None,
    noise: Noise | None = None,
    hooks: Hooks | None = None,
) -> tuple[SampleState, SampleInfo]:
    """One step of sampling. Pure: it goes through `jit`, `vmap` and `lax.scan`.

    Args:
      key: draws the noise of this step; None if the step draws no noise.
      state: from `init_sample` or the step before.
      denoiser: as in `sample`.
      step: the numbers of this step, one of the steps of `plan_steps`.
      condition: a tree of arrays, passed to the denoiser.
      noise: None, `key -> array`, or the noise of this step, of the shape of x.
      hooks: as in `sample`, and the same as in `init_sample`.

    Returns:
      The next state, and the information of this step.

    Raises:
      ValueError: if the prediction differs from x in shape, `key` is None while noise
        must be drawn, or the hooks differ from those of `init_sample`.
    """
    key = None if key is None else _checks.as_key("key", key)
    _checks.check_type("state", state, SampleState)
    _checks.check_type("step", step, Step)
    hooks = as_hooks(hooks)
    if (hooks.inpaint is None) != (state.known_noise is None):
        raise _checks.fail("hooks", "the same as in `init_sample`", "another `inpaint`")
    x = state.x
    step = jax.tree.map(lambda numbers: cast_table(numbers, x.dtype), step)
    x0 = _predict_x0(denoiser, x, step.call, condition, hooks)
    memory = (x * step.entry_x + x0 * step.entry_x0, *state.memory)
    mean = x * step.x + sum(u * step.memory[j] for j, u in enumerate(memory))
    if step.second is not None:
        mean = mean + _second_term(denoiser, x, x0, step.second, condition, hooks)
    z = _unit_noise(key, step.noise_std, noise, x) * step.noise_std
    x = hooks.apply_correct_x(hooks.add_noise(mean, z, x0))
    x = hooks.replace_known(x, *step.next_level, state.known_noise)
    return SampleState(x, memory[:-1], state.known_noise), SampleInfo(x0)


def missing_key() -> ValueError:
    """The error of a run that draws noise without a key."""
    return _checks.fail(
        "key",
        "a PRNG key for a sampler that adds noise",
        None,
        "Or pass `noise` as an array.",
    )


def _predict_x0(
    denoiser: Denoiser, x: Array, call: DenoiserCall, condition: PyTree, hooks: Hooks
) -> Array:
    prediction = call_denoiser(denoiser, x, jnp.asarray(call.time), condition)
    return hooks.apply_correct_x0(x * call.x + prediction * call.prediction)


def _second_term(
    denoiser: Denoiser,
    x: Array,
    x0: Array,
    second: SecondCall,
    condition: PyTree,
    hooks: Hooks,
) -> Array:
    """The second prediction times its weight; zeros where the weight is 0."""

    def predict() -> Array:
        x_mid = x * second.x + x0 * second.x0
        x0_mid = _predict_x0(denoiser, x_mid, second.call, condition, hooks)
        return x0_mid * second.weight

    return lax.cond(second.weight != 0, predict, lambda: jnp.zeros_like(x))


def _unit_noise(
    key: Key | None, noise_std: Numbers, noise: Noise | None, x: Array
) -> Array:
    """N(0, 1) noise of the shape of x; zeros where the step adds no noise."""
    if noise is not None and not callable(noise):
        noise = _checks.as_floating("noise", noise).astype(x.dtype)
        _checks.check_shape("noise", noise, x.shape)
        return noise
    if key is None:
        if _checks.is_concrete(noise_std) and noise_std > 0:
            raise missing_key()
        return jnp.zeros_like(x)

    def draw() -> Array:
        if noise is None:
            return jax.random.normal(key, x.shape, x.dtype)
        z = noise(key)
        shape = getattr(z, "shape", None)
        if shape != x.shape:
            raise _checks.fail("noise", f"a map to {x.shape}", f"{shape}")
        return jnp.asarray(z, x.dtype)

    return lax.cond(noise_std > 0, draw, lambda: jnp.zeros_like(x))
