"""Many fields fitted at once."""

import functools
import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax import lax

from inr import _checks
from inr._loop import Chunk, drive
from inr._typing import Array, ArrayLike, Key, Params
from inr.fields import check_module
from inr.fitting.samples import affines_of, init_params
from inr.fitting.step import FitState, advance, default_optimizer
from inr.fitting.terms import as_terms
from inr.fitting.verbs import FitResult, rate_of


def fit_many(
    key: Key,
    model: nn.Module,
    data: tuple[ArrayLike, ArrayLike],
    *,
    num_steps: int = 500,
    batch_size: int | None = None,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: float | None = None,
    params: Params | None = None,
    target_loss: float = 0.0,
    sharding: jax.sharding.Sharding | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
) -> FitResult:
    """Fits b fields at once, one to each signal, in one compiled program.

    Every field has its own initialization, normalization and end: one that reaches the
    target, or whose loss is not finite, keeps its parameters while the others go on.

    Args:
      key: PRNG key, split into one for each field.
      model: a Linen module, the same for all.
      data: `(coords [n, d] or [b, n, d], features [b, n, k])`.
      num_steps: as for `fit`.
      batch_size: as for `fit`.
      optimizer: as for `fit`.
      learning_rate: as for `fit`.
      params: where to start, every leaf with a leading axis b.
      target_loss: as for `fit`, for each field.
      sharding: of the leading axis b over devices; by default one device has all.
      checkpoint: as for `fit`.
      progress: shows a bar with the mean loss and the time left.

    Returns:
      A `FitResult` whose params have a leading axis b: bind them, and map over the
      fields with `jax.vmap`. It has a step and a status for each field; none raises.

    Raises:
      ValueError, TypeError: as for `fit`.
    """
    check_module(model)
    coords, features = data
    coords = _checks.as_floating("coords", coords)
    features = _checks.as_floating("features", features)
    _checks.check_rank("features", features, "[b, n, k]")
    _checks.check_rank("coords", coords, "[n, d]", "[b, n, d]")
    _checks.check_not_empty("features", features)
    b = len(features)
    rows = (jnp.broadcast_to(coords, (b, *coords.shape[-2:])), features)
    as_terms(jax.tree.map(lambda x: x.reshape(-1, x.shape[-1]), rows))
    key_init, key_steps = jax.random.split(key)
    if params is None:
        params = _init_many(jax.random.split(key_init, b), model, rows)
    settings = {
        "optimizer": optimizer,
        "batch_size": batch_size,
        # A few at a time stay in a CPU's cache, and end early together more often.
        "at_once": 8 if sharding is None and jax.default_backend() == "cpu" else None,
        "num_steps": _checks.as_count("num_steps", num_steps),
        "learning_rate": rate_of(model, optimizer, learning_rate),
        "target_loss": target_loss,
    }
    state = _states(params, optimizer)
    keys = jax.random.split(key_steps, b)
    if sharding is not None:
        keys, state, rows = jax.device_put((keys, state, rows), sharding)
    outcome = drive(
        lambda state, limit: _advance_many(keys, state, model, rows, limit, **settings),
        state,
        num_steps=num_steps,
        progress=progress,
        describe=lambda loss: f"mean loss {float(np.nanmean(loss)):.3g}",
        checkpoint=checkpoint,
    )
    state, history, status = outcome
    last = history[-1] if len(history) else np.full(b, np.inf)
    each = np.where(last <= target_loss, "target reached", status)
    each = np.where(np.isfinite(last), each, "diverged")
    return FitResult(
        state.params, history, np.asarray(state.step), tuple(each.tolist())
    )


@functools.partial(
    jax.jit, static_argnames=("model", "optimizer", "batch_size", "at_once")
)
def _advance_many(
    keys: Key,
    states: FitState,
    model: nn.Module,
    rows: tuple[Array, Array],
    limit: Array,
    *,
    batch_size: int | None,
    at_once: int | None,
    **settings: Any,
) -> Chunk:
    def one(each: tuple[Key, FitState, tuple[Array, Array]]) -> Chunk:
        key, state, rows = each
        return advance(key, state, model, as_terms(rows, batch_size), limit, **settings)

    if at_once is None:
        chunk = jax.vmap(one)((keys, states, rows))
    else:
        chunk = lax.map(one, (keys, states, rows), batch_size=at_once)
    # Steps lead, fields follow: the driver's history is [n, b].
    return chunk._replace(losses=chunk.losses.T)


@functools.partial(jax.jit, static_argnums=1)
def _states(params: Params, optimizer: Any) -> FitState:
    optimizer = default_optimizer() if optimizer is None else optimizer
    opt_state = jax.vmap(optimizer.init)(params["params"])
    b = len(jax.tree.leaves(params)[0])
    return FitState(jnp.zeros(b, jnp.int32), params, opt_state)


@functools.partial(jax.jit, static_argnums=1)
def _init_many(keys: Key, model: nn.Module, rows: tuple[Array, Array]) -> Params:
    def one(key: Key, rows: tuple[Array, Array]) -> Params:
        return init_params(key, model, as_terms(rows), affines_of(rows))

    return jax.vmap(one)(keys, rows)
