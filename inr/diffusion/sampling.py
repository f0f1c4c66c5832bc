"""Sampling: one scan over the steps of a sampler.

The denoiser, see `steps`, is a plain function, static to the compiler, or a callable
pytree whose arrays are arguments, such as a bound model or
`jax.tree_util.Partial(apply, params)`. Everything goes through `jit`, `vmap` and
`grad`; other numbers in a schedule or a sampler compile nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float, PyTree

from inr import _checks, _display
from inr._sharding import Devices, Split, as_local_split, check_rows
from inr._typing import Array, ArrayLike, Denoiser, Key
from inr.diffusion.hooks import Hooks, as_hooks
from inr.diffusion.planning import Step, cached_steps, check_plan
from inr.diffusion.predictions import Predicts
from inr.diffusion.schedules import Schedule
from inr.diffusion.steps import (
    Noise,
    SampleInfo,
    SampleState,
    init_sample,
    missing_key,
    sample_step,
)
from inr.diffusion.tables import Sampler


class Trajectory(NamedTuple):
    """Every state of a sampling run.

    Attributes:
      x: `[num_steps + 1, ...]`, from the start to the sample.
      x0: `[num_steps, ...]`, the clean signal that each step predicts.
    """

    x: Array
    x0: Array

    def __repr__(self) -> str:
        return _display.attributes_text(self)


def sample(
    key: Key | None,
    denoiser: Denoiser,
    x_T: Float[ArrayLike, "*shape"],
    *,
    schedule: Schedule,
    sampler: Sampler,
    predicts: Predicts,
    condition: PyTree = None,
    noise: Noise | None = None,
    hooks: Hooks | None = None,
    sharding: Devices | None = None,
) -> Array:
    """Draw a sample by removing noise step by step.

    Args:
      key: draws the noise; None for a sampler that adds no noise.
      denoiser: maps `(x, t)`, or `(x, t, condition)`, to a prediction of the shape of
        x.
      x_T: `[...]`, where to start: s_T times standard normal noise at the first visited
        level (s_T is about 1 if the variance is preserved, `schedule.noise[-1]` if it
        explodes).
      schedule: the noise levels with which the denoiser was trained.
      sampler: such as `ddim(num_steps=50)`.
      predicts: kind of the denoiser's prediction: "eps", "x0", "v" or "flow".
      condition: a tree of arrays, passed to the denoiser.
      noise: None for independent normal noise; `key -> array` of the shape of x, such
        as `field_noise`; or the noise itself, `[num_steps, ...]`, with row i for step
        i.
      hooks: clipping, thresholding, projection of the noise, and inpainting.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each has a part of
        the leading axis of x, whose length must be a multiple of their number.

    Returns:
      The sample, of the shape of x_T.

    Raises:
      ValueError: if denoiser, schedule, sampler or noise do not fit each other, the
        kind of prediction is unknown or impossible on the schedule, or `key` is None
        while noise must be drawn.
    """
    plan = (schedule, sampler, predicts)
    split = as_local_split("sharding", sharding)
    inputs = _prepare(key, denoiser, x_T, plan, condition, noise, hooks)
    return _sample(inputs if split is None else _to_devices(inputs, split))


def sample_trajectory(
    key: Key | None,
    denoiser: Denoiser,
    x_T: Float[ArrayLike, "*shape"],
    *,
    schedule: Schedule,
    sampler: Sampler,
    predicts: Predicts,
    condition: PyTree = None,
    noise: Noise | None = None,
    hooks: Hooks | None = None,
) -> Trajectory:
    """Draw a sample as `sample` does, and return every state on the way.

    Args:
      key: as in `sample`.
      denoiser: as in `sample`.
      x_T: as in `sample`.
      schedule: as in `sample`.
      sampler: as in `sample`.
      predicts: as in `sample`.
      condition: as in `sample`.
      noise: as in `sample`.
      hooks: as in `sample`.

    Returns:
      A `Trajectory`; its last x is the result of `sample`.

    Raises:
      ValueError: as `sample`.
    """
    plan = (schedule, sampler, predicts)
    return _trajectory(_prepare(key, denoiser, x_T, plan, condition, noise, hooks))


class _Inputs(NamedTuple):
    """Checked inputs of a compiled run."""

    key: Key | None
    denoiser: Any
    x: Array
    steps: Step
    condition: PyTree
    noise: Any
    hooks: Hooks


def _prepare(
    key: Key | None,
    denoiser: Denoiser,
    x_T: ArrayLike,
    plan: tuple[Schedule, Sampler, Predicts],
    condition: PyTree,
    noise: Noise | None,
    hooks: Hooks | None,
) -> _Inputs:
    check_plan(*plan)
    x = _checks.as_floating("x_T", x_T)
    hooks = as_hooks(hooks)
    hooks.check(x)
    key = None if key is None else _checks.as_key("key", key)
    steps = cached_steps(*plan, np.dtype(x.dtype))
    noise = _check_noise(key, noise, steps, x)
    denoiser = _checks.as_pytree("denoiser", denoiser)
    return _Inputs(key, denoiser, x, steps, condition, noise, hooks)


def _to_devices(inputs: _Inputs, split: Split) -> _Inputs:
    """Split x and the rows of its condition over devices, and copy everything else."""
    x = inputs.x
    if x.ndim == 0:
        raise _checks.fail("x_T", "an array with a leading axis to split", "a number")
    check_rows("x_T", split, len(x))

    def put(leaf: Any) -> Array:
        is_rows = np.ndim(leaf) > 0 and len(leaf) == len(x)
        return jax.device_put(leaf, split.rows if is_rows else split.replicated)

    condition = jax.tree.map(put, inputs.condition)
    replicas = jax.device_put(inputs._replace(x=None, condition=None), split.replicated)
    return replicas._replace(x=jax.device_put(x, split.rows), condition=condition)


@jax.jit
def _sample(inputs: _Inputs) -> Array:
    _, last, _ = _scan(inputs, lambda state, info: None)
    return last.x


@jax.jit
def _trajectory(inputs: _Inputs) -> Trajectory:
    first, _, (x, x0) = _scan(inputs, lambda state, info: (state.x, info.x0))
    return Trajectory(jnp.concatenate([first.x[None], x]), x0)


def _scan(
    inputs: _Inputs, output: Callable[[SampleState, SampleInfo], PyTree]
) -> tuple[SampleState, SampleState, PyTree]:
    """The states before and after all steps, and the stacked outputs of the steps."""
    key, denoiser, x, steps, condition, noise, hooks = inputs
    noise_rows = noise if isinstance(noise, jax.Array) else None

    def step_once(state: SampleState, item: tuple) -> tuple[SampleState, PyTree]:
        i, step, row = item
        state, info = sample_step(
            None if key is None else jax.random.fold_in(key, i),
            state,
            denoiser,
            step,
            condition=condition,
            noise=noise if row is None else row,
            hooks=hooks,
        )
        return state, output(state, info)

    first = init_sample(x, steps, hooks=hooks)
    items = (jnp.arange(len(steps.x), dtype=jnp.int32), steps, noise_rows)
    last, outputs = lax.scan(step_once, first, items)
    return first, last, outputs


def _check_noise(key: Key | None, noise: Noise | None, steps: Step, x: Array) -> Any:
    """The noise as an argument of the compiled run: an array, a pytree or None."""
    if noise is None or callable(noise):
        if key is None and steps.noise_std.any():
            raise missing_key()
        return None if noise is None else _checks.as_pytree("noise", noise)
    noise = _checks.as_floating("noise", noise)
    expected = (len(steps.x), *x.shape)
    if noise.shape != expected:
        raise _checks.fail("noise", f"{expected}, one row a step", f"{noise.shape}")
    return noise
