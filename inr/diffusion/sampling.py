"""Sampling: one pure step, and one scan over the steps of a sampler.

Contract: `denoiser(x, t)`, or `denoiser(x, t, condition)`, maps x of any shape to a
prediction of that shape; t is a scalar, `schedule.times` at the level. It is a plain
function, static to the compiler, or a callable pytree whose arrays are arguments, such
as a bound model or `jax.tree_util.Partial(apply, params)`. Everything goes through
`jit`, `vmap` and `grad`; another number in a schedule or a sampler compiles nothing.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike, Denoiser, Key
from inr.diffusion.hooks import Hooks
from inr.diffusion.planning import (
    Prediction,
    SecondStep,
    Step,
    check_plan,
    planned,
)
from inr.diffusion.process import as_numbers, call
from inr.diffusion.schedules import Schedule
from inr.diffusion.tables import Sampler

_NO_KEY = "`key` must be given, or `noise` as an array: this sampler adds noise."


class SampleState(NamedTuple):
    """What the next step needs.

    Attributes:
      x: the sample so far.
      memory: what was kept of the last steps, the latest first.
      known_noise: the noise that the start holds, where something is inpainted.
    """

    x: Array
    memory: tuple[Array, ...]
    known_noise: Array | None


class SampleInfo(NamedTuple):
    """What a human wants to know of a step.

    Attributes:
      x0: the predicted clean signal, after `Hooks.correct_x0`.
    """

    x0: Array


class Trajectory(NamedTuple):
    """Every state of a sampling run.

    Attributes:
      x: `[num_steps + 1, ...]`, from the start to the sample.
      x0: `[num_steps, ...]`, the clean signal predicted at each step.
    """

    x: Array
    x0: Array


def sample(
    key: Key | None,
    denoiser: Denoiser,
    x_T: Float[ArrayLike, "*shape"],
    *,
    schedule: Schedule,
    sampler: Sampler,
    predicts: str,
    condition: Any = None,
    noise: Any = None,
    noise_scale: str | float = 1.0,
    hooks: Hooks | None = None,
) -> Array:
    """Draws a sample by removing noise step by step.

    Args:
      key: for the noise; None where no noise is drawn.
      denoiser: `(x, t)`, or `(x, t, condition)`, to a prediction of the shape of x.
      x_T: `[...]`, where to start: s_T times normal noise at the first level visited
        (s_T is about 1 where the variance is preserved, `schedule.noise[-1]` where it
        explodes).
      schedule: the noise levels that the denoiser knows.
      sampler: such as `ddim(num_steps=50)`.
      predicts: what the denoiser predicts: "eps", "x0", "v" or "flow".
      condition: passed to the denoiser; any tree of arrays.
      noise: None for independent normal noise; `key -> array` of the shape of x, such
        as `field_noise`; or the noise itself, `[num_steps, ...]`, row i at step i.
      noise_scale: factor of the noise that is added, a number or "normal" (1), "zero"
        (0) or "squared" (by its own standard deviation).
      hooks: clipping, thresholding, noise projection and inpainting.

    Returns:
      The sample, of the shape of x_T.

    Raises:
      ValueError: for a denoiser, a schedule, a sampler or noise that do not fit each
        other, a kind of prediction that is unknown or impossible on the schedule, and
        no key where noise is drawn.
    """
    plan = (schedule, sampler, predicts, noise_scale)
    return _sample(key, denoiser, x_T, plan, condition, noise, hooks, False)


def sample_trajectory(
    key: Key | None,
    denoiser: Denoiser,
    x_T: Float[ArrayLike, "*shape"],
    *,
    schedule: Schedule,
    sampler: Sampler,
    predicts: str,
    condition: Any = None,
    noise: Any = None,
    noise_scale: str | float = 1.0,
    hooks: Hooks | None = None,
) -> Trajectory:
    """As `sample`, keeping every state on the way.

    Args:
      key: as in `sample`.
      denoiser: as in `sample`.
      x_T: as in `sample`.
      schedule: as in `sample`.
      sampler: as in `sample`.
      predicts: as in `sample`.
      condition: as in `sample`.
      noise: as in `sample`.
      noise_scale: as in `sample`.
      hooks: as in `sample`.

    Returns:
      A `Trajectory`; its last x is what `sample` returns.

    Raises:
      ValueError: as `sample`.
    """
    plan = (schedule, sampler, predicts, noise_scale)
    return _sample(key, denoiser, x_T, plan, condition, noise, hooks, True)


def init_sample(
    x_T: Float[ArrayLike, "*shape"], steps: Step, *, hooks: Hooks | None = None
) -> SampleState:
    """The state before the first step.

    Args:
      x_T: `[...]`, where to start.
      steps: of `plan_steps`, all of them.
      hooks: as in `sample`.

    Returns:
      A `SampleState`.

    Raises:
      ValueError: for an x_T of integers, and an `inpaint` that does not fit it.
    """
    hooks = Hooks() if hooks is None else hooks
    x = hooks.corrected_x(_checks.as_floating("x_T", x_T))
    hooks.check(x)
    memory = (jnp.zeros_like(x),) * (np.shape(steps.kept)[-1] - 1)
    if hooks.inpaint is None:
        return SampleState(x, memory, None)
    first = jax.tree.map(lambda numbers: as_numbers(numbers, x.dtype)[0], steps.level)
    noise = x / first.noise
    return SampleState(hooks.inpainted(x, *first, noise), memory, noise)


def sample_step(
    key: Key | None,
    state: SampleState,
    denoiser: Denoiser,
    step: Step,
    *,
    condition: Any = None,
    noise: Any = None,
    hooks: Hooks | None = None,
) -> tuple[SampleState, SampleInfo]:
    """One step of sampling. Pure: it goes under `jit`, `vmap` and `lax.scan`.

    Args:
      key: of this step; None where no noise is drawn.
      state: of `init_sample` or of the step before.
      denoiser: as in `sample`.
      step: the numbers of this step, one of those of `plan_steps`.
      condition: passed to the denoiser.
      noise: None, `key -> array`, or the noise of this step, of the shape of x.
      hooks: as in `sample`, and as given to `init_sample`.

    Returns:
      The next state, and what is known of this step.

    Raises:
      ValueError: for a denoiser whose prediction has another shape, for no key where
        noise is drawn, and for hooks that differ from those of `init_sample`.
    """
    hooks = Hooks() if hooks is None else hooks
    if (hooks.inpaint is None) != (state.known_noise is None):
        raise _checks.fail("hooks", "as given to `init_sample`", "another `inpaint`")
    x = state.x
    step = _in_dtype_of(x, step)
    x0 = _predict_x0(denoiser, x, step.ask, condition, hooks)
    kept = (step.keep_x * x + step.keep_x0 * x0, *state.memory)
    mean = step.x * x + sum(step.kept[j] * kept[j] for j in range(len(kept)))
    if step.second is not None:
        mean = mean + _second(denoiser, x, x0, step.second, condition, hooks)
    z = step.noise * _draw(key, step.noise, noise, x)
    moved = hooks.corrected_x(hooks.add_noise(mean, z, x0))
    moved = hooks.inpainted(moved, *step.next_level, state.known_noise)
    return SampleState(moved, kept[:-1], state.known_noise), SampleInfo(x0)


def _sample(
    key: Key | None,
    denoiser: Denoiser,
    x_T: ArrayLike,
    plan: tuple[Schedule, Sampler, str, str | float],
    condition: Any,
    noise: Any,
    hooks: Hooks | None,
    keep: bool,
) -> Any:
    check_plan(*plan)
    x = _checks.as_floating("x_T", x_T)
    hooks = Hooks() if hooks is None else hooks
    hooks.check(x)
    steps = planned(*plan, np.dtype(x.dtype))
    noise = _checked_noise(key, noise, steps, x)
    denoiser = _checks.as_pytree("denoiser", denoiser)
    return _scan(key, denoiser, x, steps, condition, noise, hooks, keep=keep)


@functools.partial(jax.jit, static_argnames="keep")
def _scan(
    key: Key | None,
    denoiser: Any,
    x: Array,
    steps: Step,
    condition: Any,
    noise: Any,
    hooks: Hooks,
    *,
    keep: bool,
) -> Array | Trajectory:
    given = noise if isinstance(noise, jax.Array) else None

    def one(state: SampleState, inputs: tuple) -> tuple[SampleState, Any]:
        i, step, row = inputs
        after, info = sample_step(
            None if key is None else jax.random.fold_in(key, i),
            state,
            denoiser,
            step,
            condition=condition,
            noise=noise if row is None else row,
            hooks=hooks,
        )
        return after, (after.x, info.x0) if keep else None

    start = init_sample(x, steps, hooks=hooks)
    inputs = (jnp.arange(len(steps.x), dtype=jnp.int32), steps, given)
    last, kept = lax.scan(one, start, inputs)
    if not keep:
        return last.x
    return Trajectory(jnp.concatenate([start.x[None], kept[0]]), kept[1])


def _predict_x0(
    denoiser: Denoiser, x: Array, ask: Prediction, condition: Any, hooks: Hooks
) -> Array:
    prediction = call(denoiser, x, ask.time, condition)
    return hooks.corrected_x0(ask.of_x * x + ask.factor * prediction)


def _second(
    denoiser: Denoiser,
    x: Array,
    x0: Array,
    second: SecondStep,
    condition: Any,
    hooks: Hooks,
) -> Array:
    def predicted() -> Array:
        middle = second.x * x + second.x0 * x0
        again = _predict_x0(denoiser, middle, second.ask, condition, hooks)
        return second.factor * again

    return lax.cond(second.factor != 0, predicted, lambda: jnp.zeros_like(x))


def _draw(key: Key | None, deviation: Array, noise: Any, x: Array) -> Array:
    """N(0, 1) noise of the shape of x, where any is added."""
    if noise is not None and not callable(noise):
        return jnp.asarray(noise, x.dtype)
    if key is None:
        if _checks.is_concrete(deviation) and deviation > 0:
            raise ValueError(_NO_KEY)
        return jnp.zeros_like(x)

    def drawn() -> Array:
        if noise is None:
            return jax.random.normal(key, x.shape, x.dtype)
        z = noise(key)
        if jnp.shape(z) != x.shape:
            raise _checks.fail("noise", f"a map to {x.shape}", f"{jnp.shape(z)}")
        return jnp.asarray(z, x.dtype)

    return lax.cond(deviation > 0, drawn, lambda: jnp.zeros_like(x))


def _checked_noise(key: Key | None, noise: Any, steps: Step, x: Array) -> Any:
    if noise is None or callable(noise):
        if key is None and steps.noise.any():
            raise ValueError(_NO_KEY)
        return None if noise is None else _checks.as_pytree("noise", noise)
    noise = _checks.as_floating("noise", noise)
    expected = (len(steps.x), *x.shape)
    if noise.shape != expected:
        raise _checks.fail("noise", f"{expected}, a row a step", f"{noise.shape}")
    return noise


def _in_dtype_of(x: Array, step: Step) -> Step:
    return jax.tree.map(lambda numbers: as_numbers(numbers, x.dtype), step)
