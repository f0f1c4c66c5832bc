"""The pure core of training: a state, and one step on it for any loss.

Mixed precision is an option of the model: its `dtype=jnp.bfloat16` casts at each
matmul, and its gradients are float32 again. Parameters, their moving average and the
optimizer's moments are therefore float32 always; parameters of fewer bits are refused.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from inr import _checks
from inr._typing import Array, ArrayLike, Key

Loss = Callable[[PyTree, Key, PyTree], tuple[Array, Mapping[str, Array]]]
"""Maps `(params, key, batch)` to a scalar and to scalar metrics by name."""


class TrainState(NamedTuple):
    """Input and output of a training step.

    Attributes:
      step: int32, number of steps so far.
      params: parameters.
      ema: exponential moving average of the parameters.
      opt_state: state of the optimizer.
      finite: bool, False once a loss or gradient was not finite. The other attributes
        then keep their values from before that step.
    """

    step: Array
    params: PyTree
    ema: PyTree
    opt_state: optax.OptState
    finite: Array


class TrainInfo(NamedTuple):
    """Measurements of one training step.

    Attributes:
      loss: loss before the step.
      gradient_norm: Euclidean norm of the loss's gradient, before any clipping.
      metrics: metrics that the loss returned.
    """

    loss: Array
    gradient_norm: Array
    metrics: Mapping[str, Array]


def warmup_adam(
    num_steps: int,
    *,
    learning_rate: float = 1e-3,
    warmup_steps: int | None = None,
    max_norm: float = 1.0,
) -> optax.GradientTransformation:
    """Adam with gradient clipping, linear warm-up and cosine decay to zero.

    Equal arguments return the same object, so that nothing is compiled again.

    Args:
      num_steps: number of steps after which the learning rate is zero.
      learning_rate: peak learning rate.
      warmup_steps: steps of linear warm-up; by default `num_steps / 20`, at most 1000.
      max_norm: gradients with a larger Euclidean norm are scaled down to this norm.

    Returns:
      An optax optimizer.

    Raises:
      ValueError: if `learning_rate` or `max_norm` is not above 0, or `warmup_steps`
        exceeds `num_steps`.
    """
    num_steps = _checks.as_count("num_steps", num_steps)
    peak = _checks.as_positive("learning_rate", learning_rate)
    max_norm = _checks.as_positive("max_norm", max_norm)
    if warmup_steps is None:
        warmup_steps = min(math.ceil(num_steps / 20), 1000)
    warmup_steps = _checks.as_count("warmup_steps", warmup_steps, least=0)
    if warmup_steps > num_steps:
        raise _checks.fail("warmup_steps", f"at most {num_steps}", warmup_steps)
    return _warmup_adam(num_steps, peak, warmup_steps, max_norm)


@functools.cache
def _warmup_adam(
    num_steps: int, peak: float, warmup_steps: int, max_norm: float
) -> optax.GradientTransformation:
    def lr_schedule(count: ArrayLike) -> Array:
        # The first step already moves: its rate is one part of the peak, not zero.
        warmup = (count + 1) / max(warmup_steps, 1)
        progress = (count - warmup_steps) / max(num_steps - warmup_steps, 1)
        decay = 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(progress, 0.0, 1.0)))
        return peak * jnp.minimum(warmup, decay)

    return optax.chain(optax.clip_by_global_norm(max_norm), optax.adam(lr_schedule))


def init_training(
    params: PyTree, *, optimizer: optax.GradientTransformation
) -> TrainState:
    """The state before the first step. Pure: it works under `jit`.

    Args:
      params: output of `model.init`, whose collection `params` is trained while the
        others stay constant; or any other tree of arrays, all of which are trained.
      optimizer: any optax optimizer.

    Returns:
      A `TrainState`, its average equal to `params`.

    Raises:
      ValueError: if trained parameters are not at least float32.
    """
    _checks.check_type("optimizer", optimizer, optax.GradientTransformation)
    trained, _ = _split(params)
    leaves = jax.tree.leaves(trained)
    if not leaves:
        raise _checks.fail("params", "a tree of arrays", repr(params))
    for leaf in leaves:
        dtype = _checks.as_array("params", leaf, "a tree of arrays").dtype
        if not jnp.issubdtype(dtype, jnp.floating) or jnp.finfo(dtype).bits < 32:
            fix = "For bfloat16 arithmetic, set the model's `dtype=jnp.bfloat16`."
            raise _checks.fail("params", "at least float32", f"{dtype}", fix)
    params = jax.tree.map(jnp.asarray, params)
    opt_state = optimizer.init(_split(params)[0])
    return TrainState(jnp.int32(0), params, params, opt_state, jnp.bool_(True))


def train_step(
    key: Key,
    state: TrainState,
    batch: PyTree,
    loss: Loss,
    *,
    optimizer: optax.GradientTransformation,
    ema_decay: float | Array = 0.999,
) -> tuple[TrainState, TrainInfo]:
    """One training step. Pure: it works under `jit` and `lax.scan`.

    The decay of the average is min(ema_decay, (1 + step) / (10 + step)), so that the
    average forgets the initialization early.

    Args:
      key: PRNG key of the training; `state.step` is folded in.
      state: output of `init_training` or of the previous step.
      batch: any tree of arrays.
      loss: `(params, key, batch) -> (scalar, metrics)`; the metrics are scalars by
        name.
      optimizer: the optimizer passed to `init_training`.
      ema_decay: decay of the average per step; may be traced.

    Returns:
      The next state, and the `TrainInfo` of the step. Once the loss or its gradient is
      not finite, neither this step nor a later one changes the parameters: see
      `TrainState.finite`.
    """
    _checks.check_type("state", state, TrainState)
    _checks.check_callable("loss", loss)
    _checks.check_type("optimizer", optimizer, optax.GradientTransformation)
    _checks.check_scalar("ema_decay", ema_decay, _checks.as_fraction)
    key = jax.random.fold_in(_checks.as_key("key", key), state.step)
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
    stepped = TrainState(state.step + 1, join(trained), join(ema), opt_state, finite)
    state = jax.tree.map(lambda old, new: jnp.where(finite, new, old), state, stepped)
    info = TrainInfo(value, norm, dict(metrics))
    return state._replace(finite=finite), info


def _split(params: PyTree) -> tuple[PyTree, Callable[[PyTree], PyTree]]:
    """The trained part, and a function that joins it with the constant rest."""
    if isinstance(params, Mapping) and "params" in params:
        return params["params"], lambda trained: {**params, "params": trained}
    return params, lambda trained: trained
