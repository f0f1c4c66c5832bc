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
from inr._field_checks import check_params
from inr._loop import Chunk, Outcome, drive
from inr._sharding import Devices, as_local_split, check_rows
from inr._typing import Array, ArrayLike, Key, Params
from inr.fields import BoundField
from inr.fitting.rates import Optimizer, split_optimizer
from inr.fitting.results import FitManyResult
from inr.fitting.run import as_arguments, as_target_loss
from inr.fitting.samples import init_params, sample_normalization
from inr.fitting.starts import Start, require_model, resolve_start
from inr.fitting.step import FitState, advance, default_optimizer
from inr.fitting.terms import as_terms

# Few fields at a time fit a CPU's cache, and more often stop early together.
_FIELDS_ON_CPU = 8


def fit_many(
    key: Key,
    model: nn.Module | None,
    signals: tuple[ArrayLike, ArrayLike],
    *,
    num_steps: int = 500,
    batch_size: int | None = None,
    optimizer: Optimizer | None = None,
    init: Start | None = None,
    target_loss: float = 0.0,
    sharding: Devices | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
) -> FitManyResult:
    """Fit b fields at once, one to each signal, in one compiled program.

    Every field has its own initialization, normalization and end: a field that reaches
    the target, or whose loss is not finite, keeps its parameters while the others
    continue.

    Args:
      key: PRNG key, split into one for each field.
      model: a Linen module, the same for all fields.
      signals: `(coords [n, d] or [b, n, d], features [b, n, k])`.
      num_steps: number of optimization steps.
      batch_size: rows in every step. None uses all of them.
      optimizer: optax optimizer, or peak learning rate of the default one: a number, or
        a mapping from layer names to numbers. As for `fit`.
      init: parameters to start from, with their normalization. Every leaf has a leading
        axis b; an `Init`, or the name of a shipped one, has none.
      target_loss: loss at which the fit stops. Each field stops by itself.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each holds some of
        the fields, whose number must be a multiple of that of the devices. By default
        one device holds all fields.
      checkpoint: folder of checkpoints, from which an interrupted fit resumes. As for
        `fit`.
      progress: show a progress bar with the remaining time. Its loss is the mean.

    Returns:
      A `FitManyResult`. A field that diverges has that status, and raises nothing.

    Raises:
      ValueError, TypeError: as for `fit`.
    """
    model, _ = require_model(model, init)
    _checks.check_concrete("signals", signals)
    rows = _checked_rows(signals)
    if batch_size is not None:
        batch_size = _checks.as_count("batch_size", batch_size)
    split = as_local_split("sharding", sharding)
    b = len(rows[1])
    if split is not None:
        check_rows("signals", split, b)
    num_steps = _checks.as_count("num_steps", num_steps)
    target_loss = as_target_loss(target_loss)
    key_init, key_steps = jax.random.split(_checks.as_key("key", key))
    params = _initial_params(jax.random.split(key_init, b), model, rows, init)
    custom_optimizer, rates = split_optimizer(model, params, optimizer)
    on_cpu = split is None and jax.default_backend() == "cpu"
    settings = {
        "optimizer": custom_optimizer,
        "batch_size": batch_size,
        "at_once": _FIELDS_ON_CPU if on_cpu else None,
        "num_steps": num_steps,
        "learning_rate": rates,
        "target_loss": target_loss,
    }
    arguments = {
        **as_arguments(key, model, rows, params),
        "batch size": batch_size,
        "optimizer": rates if custom_optimizer is None else custom_optimizer,
    }
    state = _init_states(params, custom_optimizer)
    keys = jax.random.split(key_steps, b)
    if split is not None:
        keys, state, rows = jax.device_put((keys, state, rows), split.rows)
    outcome = drive(
        lambda state, limit: _advance_many(keys, state, model, rows, limit, **settings),
        state,
        num_steps=num_steps,
        progress=progress,
        describe=lambda loss: f"mean loss {float(np.nanmean(loss)):.3g}",
        arguments=arguments,
        checkpoint=checkpoint,
    )
    return _as_result(model, outcome, target_loss)


def _initial_params(
    keys: Key, model: nn.Module, rows: tuple[Array, Array], init: Start | None
) -> Params:
    """Parameters of b fields: drawn, given, or b times one start."""
    b = len(rows[1])
    _, params = resolve_start(model, init)
    if params is None:
        params = _init_many(keys, model, rows)
    check_params(model, params, argument="init")
    if params is not init and init is not None:
        params = jax.tree.map(lambda x: jnp.broadcast_to(x, (b, *x.shape)), params)
    if any(np.shape(x)[:1] != (b,) for x in jax.tree.leaves(params)):
        raise _checks.fail("init", f"stacked along a leading axis of {b}", "others")
    return params


def _as_result(model: nn.Module, outcome: Outcome, target_loss: float) -> FitManyResult:
    """Turn the outcome of a loop into a result with a status for each field."""
    state, history, status = outcome
    last = history[-1] if len(history) else np.full(len(state.step), np.inf)
    statuses = np.where(last <= target_loss, "target reached", status)
    statuses = np.where(np.isfinite(last), statuses, "diverged")
    fields = BoundField(model, state.params)
    return FitManyResult(
        fields, history, np.asarray(state.step), tuple(statuses.tolist())
    )


def _checked_rows(signals: tuple[ArrayLike, ArrayLike]) -> tuple[Array, Array]:
    """Return coords `[b, n, d]` and features `[b, n, k]` after all checks."""
    if not isinstance(signals, tuple | list) or len(signals) != 2:
        raise _checks.fail("signals", "(coords, features)", type(signals).__name__)
    coords, features = signals
    coords = _checks.as_floating("coords", coords)
    features = _checks.as_floating("features", features)
    _checks.check_rank("features", features, "[b, n, k]")
    _checks.check_rank("coords", coords, "[n, d]", "[b, n, d]")
    _checks.check_not_empty("features", features)
    b, n, _ = features.shape
    if coords.shape[-2] != n or coords.shape[:-2] not in ((), (b,)):
        expected = f"coords [{n}, d] or [{b}, {n}, d] for features {features.shape}"
        raise _checks.fail("signals", expected, f"coords {coords.shape}")
    rows = (jnp.broadcast_to(coords, (b, *coords.shape[-2:])), features)
    as_terms(tuple(x.reshape(-1, x.shape[-1]) for x in rows))
    return rows


@functools.partial(
    jax.jit, static_argnames=("model", "optimizer", "batch_size", "at_once")
)
def _advance_many(
    keys: Key,
    states: FitState,
    model: nn.Module,
    rows: tuple[Array, Array],
    limit: Array | int,
    *,
    batch_size: int | None,
    at_once: int | None,
    **settings: Any,
) -> Chunk:
    def advance_one(inputs: tuple[Key, FitState, tuple[Array, Array]]) -> Chunk:
        key, state, rows = inputs
        return advance(key, state, model, as_terms(rows, batch_size), limit, **settings)

    if at_once is None:
        chunk = jax.vmap(advance_one)((keys, states, rows))
    else:
        chunk = lax.map(advance_one, (keys, states, rows), batch_size=at_once)
    # Steps come first and fields second: the driver's history is [n, b].
    return chunk._replace(losses=chunk.losses.T)


@functools.partial(jax.jit, static_argnums=1)
def _init_states(
    params: Params, optimizer: optax.GradientTransformation | None
) -> FitState:
    optimizer = default_optimizer() if optimizer is None else optimizer
    opt_state = jax.vmap(optimizer.init)(params["params"])
    b = len(jax.tree.leaves(params)[0])
    return FitState(jnp.zeros(b, jnp.int32), params, opt_state)


@functools.partial(jax.jit, static_argnums=1)
def _init_many(keys: Key, model: nn.Module, rows: tuple[Array, Array]) -> Params:
    def init_one(key: Key, rows: tuple[Array, Array]) -> Params:
        return init_params(key, model, rows, sample_normalization(rows))

    return jax.vmap(init_one)(keys, rows)
