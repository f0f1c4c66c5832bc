"""The pure core of training: a state, and one step on it for any loss.

Parameters, their moving average and the optimizer's moments are float32 whatever the
model computes in: a model's own `dtype=jnp.bfloat16` casts at each matmul, and its
gradients come back in float32. So mixed precision is an option of the model, and
parameters of fewer bits are refused here.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from inr import _checks
from inr._typing import Array, Key

Loss = Callable[[Any, Key, Any], tuple[Array, Mapping[str, Array]]]
"""Maps `(params, key, batch)` to a scalar and to metrics by name."""


class TrainState(NamedTuple):
    """What the next step needs.

    Attributes:
      step: int32, steps taken.
      params: what is trained.
      ema: exponential moving average of params.
      opt_state: of the optimizer.
      finite: bool, False once a loss or gradient was not finite. Then the other
        attributes stay those before that step.
    """

    step: Array
    params: Any
    ema: Any
    opt_state: Any
    finite: Array


class TrainInfo(NamedTuple):
    """What a human wants to know of a step.

    Attributes:
      loss: before the step.
      gradient_norm: Euclidean norm of the loss's gradient, before any clipping.
      metrics: as the loss returned them.
    """

    loss: Array
    gradient_norm: Array
    metrics: Mapping[str, Array]


@functools.cache
def warmup_adam(
    num_steps: int,
    *,
    learning_rate: float = 1e-3,
    warmup_steps: int | None = None,
    max_norm: float = 1.0,
) -> optax.GradientTransformation:
    """Adam with clipped gradients, warmed up and then lowered along a half cosine.

    Cached, because two equal optax optimizers are not equal.

    Args:
      num_steps: after which the rate is zero.
      learning_rate: at its peak.
      warmup_steps: of linear rise; by default a twentieth of all, at most 1000.
      max_norm: gradients of a larger Euclidean norm are scaled down to it.

    Returns:
      An optax optimizer.

    Raises:
      ValueError: for a rate or norm not above 0, or a rise longer than the whole.
    """
    num_steps = _checks.as_count("num_steps", num_steps)
    rate = _checks.as_positive("learning_rate", learning_rate)
    max_norm = _checks.as_positive("max_norm", max_norm)
    if warmup_steps is None:
        warmup_steps = min(math.ceil(num_steps / 20), 1000)
    rise = _checks.as_count("warmup_steps", warmup_steps, least=0)
    if rise > num_steps:
        raise _checks.fail("warmup_steps", f"at most {num_steps}", rise)

    def schedule(count: Array) -> Array:
        # The first step is not lost: it has one part of the peak rate.
        up = (count + 1) / max(rise, 1)
        along = (count - rise) / max(num_steps - rise, 1)
        down = 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(along, 0.0, 1.0)))
        return rate * jnp.minimum(up, down)

    return optax.chain(optax.clip_by_global_norm(max_norm), optax.adam(schedule))


def init_training(
    params: Any, *, optimizer: optax.GradientTransformation
) -> TrainState:
    """The state before the first step. Pure: it goes under `jit`.

    Args:
      params: what `model.init` returns, whose collection `params` is trained while the
        others are kept; or any other tree of arrays, all of which is trained.
      optimizer: any optax optimizer.

    Returns:
      A `TrainState`, its average equal to `params`.

    Raises:
      ValueError: for trained parameters that are not at least float32.
    """
    trained, _ = _split(params)
    for leaf in jax.tree.leaves(trained):
        dtype = jnp.result_type(leaf)
        if not jnp.issubdtype(dtype, jnp.floating) or jnp.finfo(dtype).bits < 32:
            fix = "To compute in bfloat16 give the model `dtype=jnp.bfloat16` instead."
            raise _checks.fail("params", "at least float32", f"{dtype}", fix)
    params = jax.tree.map(jnp.asarray, params)
    opt_state = optimizer.init(_split(params)[0])
    return TrainState(jnp.int32(0), params, params, opt_state, jnp.bool_(True))


def train_step(
    key: Key,
    state: TrainState,
    batch: Any,
    loss: Loss,
    *,
    optimizer: optax.GradientTransformation,
    ema_decay: float | Array = 0.999,
) -> tuple[TrainState, TrainInfo]:
    """One step of training. Pure: it goes under `jit` and `lax.scan`.

    The average follows faster in the beginning: its decay is min(ema_decay,
    (1 + step) / (10 + step)), so that it soon forgets the initialization.

    Args:
      key: the training's PRNG key; the step's own is folded in from `state.step`.
      state: from `init_training` or the step before.
      batch: any tree of arrays.
      loss: `(params, key, batch) -> (scalar, metrics)`, the metrics scalars by name.
      optimizer: the one given to `init_training`.
      ema_decay: of the average, for each step; may be traced.

    Returns:
      The next state, and a `TrainInfo` on the step. Where the loss or its gradient is
      not finite no step is taken, nor later: see `TrainState.finite`.
    """
    key = jax.random.fold_in(key, state.step)
    trained, join = _split(state.params)
    (value, metrics), gradient = jax.value_and_grad(
        lambda trained: loss(join(trained), key, batch), has_aux=True
    )(trained)
    norm = optax.tree.norm(gradient)
    updates, opt_state = optimizer.update(gradient, state.opt_state, trained)
    trained = optax.apply_updates(trained, updates)
    decay = jnp.minimum(ema_decay, (1 + state.step) / (10 + state.step))
    share = (1 - decay).astype(jnp.float32)
    ema = optax.incremental_update(trained, _split(state.ema)[0], share)
    finite = state.finite & jnp.isfinite(value) & jnp.isfinite(norm)
    new = TrainState(state.step + 1, join(trained), join(ema), opt_state, finite)
    kept = jax.tree.map(lambda old, new: jnp.where(finite, new, old), state, new)
    info = TrainInfo(value, norm, dict(metrics))
    return kept._replace(finite=finite), info


def _split(params: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The part that is trained, and how to put it back among the rest."""
    if isinstance(params, Mapping) and "params" in params:
        return params["params"], lambda trained: {**params, "params": trained}
    return params, lambda trained: trained
