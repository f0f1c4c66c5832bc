"""The pure core of fitting: a state, one step on it, and many steps in one program."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax import lax

from inr._loop import MOST_STEPS, Chunk
from inr._typing import Array, Key, Params
from inr.fitting.terms import Term, as_terms, first_coords, loss_and_gradient

WARMUP_STEPS = 10


class FitState(NamedTuple):
    """What the next step needs.

    Attributes:
      step: int32, steps taken.
      params: the collections of the model; `params` is optimized, the others are kept.
      opt_state: of the optimizer.
    """

    step: Array
    params: Params
    opt_state: Any


class FitInfo(NamedTuple):
    """What a human wants to know of a step.

    Attributes:
      loss: before the step, in the data's units.
      gradient_norm: Euclidean norm of the loss's gradient.
    """

    loss: Array
    gradient_norm: Array


@functools.cache
def default_optimizer() -> optax.GradientTransformationExtraArgs:
    """Adam, warmed up over 10 steps and then lowered along a half cosine.

    The learning rate and the number of steps arrive with every update, so that neither
    is compiled in. Cached, because two equal optax optimizers are not equal.

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

    return optax.GradientTransformationExtraArgs(adam.init, update)


def init_fit(
    key: Key,
    model: nn.Module,
    data: Any,
    *,
    optimizer: optax.GradientTransformation | None = None,
    params: Params | None = None,
) -> FitState:
    """The state before the first step. Pure: it goes under `jit` and `vmap`.

    Args:
      key: PRNG key of the initialization.
      model: a Linen module, coords to features.
      data: as `fit` takes it; only the width of its coords is used.
      optimizer: any optax optimizer; by default Adam, warmed up, with cosine decay.
      params: where to start; by default `model.init`, with identity normalization.

    Returns:
      A `FitState`.
    """
    terms = as_terms(data)
    if params is None:
        params = model.init(key, jnp.zeros((1, first_coords(key, terms).shape[-1])))
    optimizer = default_optimizer() if optimizer is None else optimizer
    return FitState(jnp.int32(0), params, optimizer.init(params["params"]))


def fit_step(
    key: Key,
    state: FitState,
    model: nn.Module,
    data: Any,
    *,
    optimizer: optax.GradientTransformation | None = None,
    num_steps: int | Array = 500,
    learning_rate: Any = 1e-3,
) -> tuple[FitState, FitInfo]:
    """One step of fitting. Pure: it goes under `jit`, `vmap` and `lax.scan`.

    Args:
      key: the fit's PRNG key; the step's own is folded in from `state.step`.
      state: from `init_fit` or the step before.
      model: a Linen module, coords to features.
      data: as `fit` takes it.
      optimizer: the one given to `init_fit`. It is offered `value`, `grad` and
        `value_fn`, which line searches such as `optax.lbfgs` ask for.
      num_steps: length of the default optimizer's decay; may be traced.
      learning_rate: peak rate of the default optimizer, one number or a mapping with
        one for each layer; may be traced.

    Returns:
      The next state, and a `FitInfo` on the step.
    """
    terms = as_terms(data)
    key = jax.random.fold_in(key, state.step)
    trained = state.params["params"]

    def value_and_grad(trained: Params) -> tuple[Array, Params]:
        params = {**state.params, "params": trained}
        return loss_and_gradient(key, state.step, model, params, terms)

    loss, gradient = value_and_grad(trained)
    if optimizer is None:
        optimizer = default_optimizer()
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


def advance(
    key: Key,
    state: FitState,
    model: nn.Module,
    terms: tuple[Term, ...],
    limit: Array,
    *,
    target_loss: Array,
    **settings: Any,
) -> Chunk:
    """Up to `limit` steps in one loop; see `inr._loop` for when it stops earlier."""

    def step(state: FitState) -> tuple[FitState, Array]:
        state, info = fit_step(key, state, model, terms, **settings)
        return state, info.loss

    return repeat(step, state, limit, target_loss)


def repeat(
    step: Callable[[Any], tuple[Any, Array]],
    state: Any,
    limit: Array,
    target_loss: Array,
) -> Chunk:
    """A step `state -> (state, loss before it)` up to `limit` times, as a `Chunk`."""

    def go_on(chunk: Chunk) -> Array:
        return (chunk.count < limit) & ~chunk.stopped

    def body(chunk: Chunk) -> Chunk:
        state, loss = step(chunk.state)
        stopped = ~(jnp.isfinite(loss) & (loss > target_loss))
        state = jax.tree.map(
            lambda old, new: jnp.where(stopped, old, new), chunk.state, state
        )
        losses = chunk.losses.at[chunk.count].set(loss.astype(jnp.float32))
        return Chunk(state, losses, chunk.count + 1, stopped)

    losses = jnp.zeros((MOST_STEPS,), jnp.float32)
    start = Chunk(state, losses, jnp.int32(0), jnp.bool_(False))
    return lax.while_loop(go_on, body, start)
