"""The pure core of fitting: a state, one step on it, and many steps in one program."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from inr import _checks
from inr._field_checks import check_module, check_params
from inr._loop import Chunk, repeat
from inr._sharding import Devices, as_local_split
from inr._typing import Array, Key, Params
from inr.fitting.losses import loss_and_gradient
from inr.fitting.terms import Data, Term, as_terms, first_coords

WARMUP_STEPS = 10


class FitState(NamedTuple):
    """Input of the next step.

    Attributes:
      step: int32, number of steps so far.
      params: collections of the model; `params` is optimized, the others are constant.
      opt_state: state of the optimizer.
    """

    step: Array
    params: Params
    opt_state: Any


class FitInfo(NamedTuple):
    """Measurements of one step.

    Attributes:
      loss: loss before the step, in the data's units.
      gradient_norm: Euclidean norm of the loss's gradient.
    """

    loss: Array
    gradient_norm: Array


@functools.cache
def default_optimizer() -> optax.GradientTransformationExtraArgs:
    """Adam with a warm-up of 10 steps and cosine decay.

    The learning rate and the number of steps are arguments of every update, so that
    neither is compiled in. The optimizer is cached, because two equal optax optimizers
    do not compare equal.

    Returns:
      An optimizer whose `update` takes `step`, `num_steps` and `learning_rate`, one
      number or one for each part of the parameters.
    """
    adam = optax.scale_by_adam()

    def update(
        updates, state, params=None, *, step, num_steps, learning_rate, **unused
    ):
        del unused
        direction, state = adam.update(updates, state, params)
        rise = jnp.minimum((step + 1) / WARMUP_STEPS, 1.0)
        fall = 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(step / num_steps, 1.0)))
        rates = jax.tree.broadcast(learning_rate, direction)
        return jax.tree.map(lambda r, x: -r * rise * fall * x, rates, direction), state

    # The annotation of `update` in optax does not allow the extra arguments.
    return optax.GradientTransformationExtraArgs(
        adam.init,
        update,  # pyright: ignore[reportArgumentType]
    )


def init_fit(
    key: Key,
    model: nn.Module,
    data: Data,
    *,
    optimizer: optax.GradientTransformation | None = None,
    init: Params | None = None,
) -> FitState:
    """Return the state before the first step. Pure: it works under `jit` and `vmap`.

    Args:
      key: PRNG key of the initialization.
      model: a Linen module, coords to features.
      data: as for `fit`; only the number of coordinates is used.
      optimizer: any optax optimizer; by default Adam with warm-up and cosine decay.
      init: parameters to start from; by default `model.init`, with identity
        normalization.

    Returns:
      A `FitState`.
    """
    key = _checks.as_key("key", key)
    check_module(model)
    terms = as_terms(data)
    if init is not None:
        check_params(model, init, argument="init")
    else:
        init = model.init(key, jnp.zeros((1, first_coords(key, terms).shape[-1])))
    step = jax.device_put(np.int32(0))
    return FitState(step, init, _init_optimizer(optimizer, init["params"]))


def fit_step(
    key: Key,
    state: FitState,
    model: nn.Module,
    data: Data,
    *,
    optimizer: optax.GradientTransformation | None = None,
    num_steps: int | Array = 500,
    learning_rate: float | Array | Mapping[str, float | Array] = 1e-3,
    sharding: Devices | None = None,
) -> tuple[FitState, FitInfo]:
    """Take one step of a fit. Pure: it works under `jit`, `vmap` and `lax.scan`.

    Args:
      key: PRNG key of the fit; batches depend on it and on `state.step`.
      state: state from `init_fit` or the previous step.
      model: a Linen module, coords to features.
      data: as for `fit`.
      optimizer: the optimizer of `init_fit`. Its update gets the keywords `value`,
        `grad` and `value_fn`, which line searches such as `optax.lbfgs` need.
      num_steps: length of the default optimizer's decay; may be traced.
      learning_rate: peak rate of the default optimizer, one number or a mapping from
        layer names to numbers; may be traced.
      sharding: devices among which the rows of the batch are split, as for `fit`.

    Returns:
      The next state, and a `FitInfo`.
    """
    check_module(model)
    _checks.check_type("state", state, FitState)
    terms = as_terms(data)
    split = as_local_split("sharding", sharding)
    _checks.check_scalar("num_steps", num_steps, _checks.as_count)
    is_mapping = isinstance(learning_rate, Mapping)
    for rate in learning_rate.values() if is_mapping else (learning_rate,):
        _checks.check_scalar("learning_rate", rate, _checks.as_positive)
    is_default = optimizer is None
    optimizer = _as_transformation(optimizer)
    key = _checks.as_key("key", key)
    trained = state.params["params"]

    def value_and_grad(trained: Params) -> tuple[Array, Params]:
        params = {**state.params, "params": trained}
        return loss_and_gradient(key, state.step, model, params, terms, split)

    loss, gradient = value_and_grad(trained)
    if is_default:
        extra = {
            "step": state.step,
            "num_steps": num_steps,
            "learning_rate": learning_rate,
        }
    else:
        extra = {
            "value": loss,
            "grad": gradient,
            "value_fn": lambda trained: value_and_grad(trained)[0],
        }
    updates, opt_state = optax.with_extra_args_support(optimizer).update(
        gradient, state.opt_state, trained, **extra
    )
    params = {**state.params, "params": optax.apply_updates(trained, updates)}
    info = FitInfo(loss, optax.tree.norm(gradient))
    return FitState(state.step + 1, params, opt_state), info


def _init_optimizer(
    optimizer: optax.GradientTransformation | None, trained: Params
) -> Any:
    """State of an optimizer. For the default one, nothing is compiled."""
    if optimizer is not None or not _checks.is_concrete(trained):
        return _as_transformation(optimizer).init(trained)
    if any(getattr(x, "committed", False) for x in jax.tree.leaves(trained)):
        # The state follows parameters that a user has put on certain devices.
        return default_optimizer().init(trained)
    shapes = jax.eval_shape(default_optimizer().init, trained)
    zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)
    return jax.device_put(zeros)


def _as_transformation(
    optimizer: optax.GradientTransformation | None,
) -> optax.GradientTransformation:
    if optimizer is None:
        return default_optimizer()
    _checks.check_type("optimizer", optimizer, optax.GradientTransformation)
    return optimizer


def advance(
    key: Key,
    state: FitState,
    model: nn.Module,
    terms: tuple[Term, ...],
    limit: Array | int,
    *,
    target_loss: Array | float,
    **settings: Any,
) -> Chunk:
    """Take up to `limit` steps in one loop; see `inr._loop` for when it stops."""

    def step(state: FitState) -> tuple[FitState, Array]:
        state, info = fit_step(key, state, model, terms, **settings)
        return state, info.loss

    return repeat(step, state, limit, target_loss)
