"""Learned starts: parameters from which fields of similar signals fit in few steps."""

import dataclasses
import functools
import math
import os
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from inr import _checks
from inr._field_checks import check_features, check_module
from inr._loop import Chunk, Outcome, drive, repeat
from inr._sharding import Devices, Split, as_local_split
from inr._typing import Array, Key, Params
from inr.fields import BoundField, Modulated
from inr.fitting import FitDiverged, FitResult, Init, default_optimizer, init_params
from inr.meta.components import principal_latents
from inr.meta.hypernetwork import Hypernetwork
from inr.meta.objectives import (
    INNER_RATE_OF_LATENTS,
    Method,
    Problem,
    as_start,
    init_trained,
    value_and_gradient,
    warmup_and_gradient,
)
from inr.meta.signals import Signals, SignalSet, as_signals, noise_like

# Factors of a family's rate: small batches, and gradients through the inner steps.
_RATE_FACTORS = {"shared": 0.3, "noise": 0.3, "reptile": 0.1, "encoder": 1.0}
_RATE_FACTOR_OF_MAML = 0.05

_WARMUP_SHARE = 0.75  # of the steps, which takes a third of the time
_WARMUP_RATE_FACTOR = 0.3


class MetaState(NamedTuple):
    """Input of the next step."""

    step: Array
    trained: Any
    opt_state: Any


def learn_init(
    key: Key,
    model: nn.Module,
    signals: Signals,
    *,
    method: Method = "shared",
    num_steps: int = 2000,
    inner_steps: int = 3,
    batch_size: int = 8,
    num_points: int | None = None,
    learning_rate: float | None = None,
    sharding: Devices | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
) -> Init:
    """Learn a start from which fields of similar signals fit in few steps.

    `"shared"` fits one network to all signals, with a last layer for each of them
    [Vyas et al. 2024, "Learning transferable features for implicit neural
    representations"]. `"maml"` minimizes the loss after `inner_steps` steps of gradient
    descent, and learns their rates [Li et al. 2017, "Meta-SGD"; Tancik et al. 2021];
    use it with `adapt`. Of a `Modulated` model the steps change only the latent, which
    `encode` returns, and for a latent that is a vector the first three quarters of the
    steps are a warm-up, which fits the network to principal components of the signals
    in a third of the time. `"first_order_maml"` ignores second derivatives. `"reptile"`
    moves to where the inner steps end [Nichol et al. 2018] and needs no rates.
    `"encoder"` learns a `Hypernetwork` to predict fields from samples. `"noise"` fits
    uniform noise, and uses only the size and the range of the signals.

    Args:
      key: PRNG key of the initialization and of the batches.
      model: a Linen module, coords to features. Its omega is part of the start.
      signals: images of one size, `[b, h, w, k]` or a list; or the tuple `(coords
        [n, d], features [b, n, k])`.
      method: what is minimized; see above.
      num_steps: number of optimization steps.
      inner_steps: steps on one signal, for `"maml"` and `"reptile"`.
      batch_size: signals drawn at random in every step.
      num_points: points drawn at random of each signal; between the pixels of an image.
        None uses all points, at the centers of the pixels. For `"encoder"`, the most
        samples that its encoder is given, of which their number is random too.
      learning_rate: peak rate of Adam. By default a method's factor of the model's
        rate.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each computes some
        signals of every step, and holds all of them. Results equal those of one device
        to float tolerance. `"noise"` has one signal and takes None.
      checkpoint: folder of checkpoints, from which an interrupted run resumes.
      progress: show a progress bar with the remaining time.

    Returns:
      An `Init`, the option `init` of all fits.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError, TypeError: for no signals, signals of different sizes, NaN in a
        signal, and bad options.
    """
    num_steps = _checks.as_count("num_steps", num_steps)
    problem = _problem(model, method, inner_steps, batch_size, num_points)
    rate = _peak_rate(problem, learning_rate)
    split = _as_split(sharding, method)
    is_between = num_points is not None and method not in ("noise", "encoder")
    data = as_signals(signals, between=is_between)
    check_features(_field_model(model), data.features.shape[-1])
    key_init, key_noise, key_steps = jax.random.split(_checks.as_key("key", key), 3)
    normalization = _normalization(np.asarray(data.features))
    if method == "noise":
        data = noise_like(key_noise, data)
    params = _init(key_init, model, data, normalization)
    if method in ("maml", "first_order_maml") and isinstance(model, Modulated):
        data = _with_latents(model, data, normalization)
    fixed = {name: x for name, x in params.items() if name != "params"}
    trained = init_trained(problem, params, len(data.features))
    state = MetaState(jnp.int32(0), trained, default_optimizer().init(trained))
    key_steps, state, fixed, data = _to_devices((key_steps, state, fixed, data), split)
    settings = {
        "split": split,
        "num_steps": num_steps,
        "warmup_steps": 0 if data.latents is None else int(_WARMUP_SHARE * num_steps),
        "learning_rate": rate,
        "warmup_rate": _WARMUP_RATE_FACTOR * _family_rate(model),
    }
    outcome = drive(
        lambda state, limit: _advance(
            key_steps, state, problem, fixed, data, limit, **settings
        ),
        state,
        num_steps=num_steps,
        progress=progress,
        describe=lambda loss: f"loss {float(loss):.3g}",
        arguments={
            "key": key,
            "model": model,
            "options": problem._replace(model=None)._asdict() | {"rate": rate},
            "data": jax.tree.leaves(data),
        },
        checkpoint=checkpoint,
    )
    return _as_init(problem, fixed, outcome)


@functools.partial(jax.jit, static_argnames=("problem", "split"))
def _advance(
    key: Key,
    state: MetaState,
    problem: Problem,
    fixed: Params,
    data: Any,
    limit: Array | int,
    *,
    split: Split | None,
    num_steps: Array | int,
    warmup_steps: Array | int,
    learning_rate: Array | float,
    warmup_rate: Array | float,
) -> Chunk:
    optimizer = default_optimizer()

    def step(state: MetaState) -> tuple[MetaState, Array]:
        arguments = (jax.random.fold_in(key, state.step), state.trained, fixed, data)
        objective = functools.partial(value_and_gradient, problem, split=split)
        is_warmup = state.step < warmup_steps
        if data.latents is None:
            loss, gradient = objective(*arguments)
        else:
            warmup = functools.partial(warmup_and_gradient, problem, split=split)
            loss, gradient = lax.cond(is_warmup, warmup, objective, *arguments)
        # Each of the two parts has a schedule of its own.
        updates, opt_state = optimizer.update(
            gradient,
            state.opt_state,
            state.trained,
            step=jnp.where(is_warmup, state.step, state.step - warmup_steps),
            num_steps=jnp.where(is_warmup, warmup_steps, num_steps - warmup_steps),
            learning_rate=jnp.where(is_warmup, warmup_rate, learning_rate),
        )
        trained = jax.tree.map(jnp.add, state.trained, updates)
        return MetaState(state.step + 1, trained, opt_state), loss

    return repeat(step, state, limit, 0.0)


def _problem(
    model: nn.Module,
    method: Method,
    inner_steps: int,
    batch_size: int,
    num_points: int | None,
) -> Problem:
    """The options of a method after their checks."""
    check_module(model)
    _checks.check_choice("method", method, get_args(Method))
    if isinstance(model, Hypernetwork) != (method == "encoder"):
        expected = "'encoder' for a `Hypernetwork`, and for no other model"
        got = f"{method!r} for a {type(model).__name__}"
        raise _checks.fail("method", expected, got)
    if num_points is not None:
        num_points = _checks.as_count("num_points", num_points)
    inner_steps = _checks.as_count("inner_steps", inner_steps)
    batch_size = _checks.as_count("batch_size", batch_size)
    return Problem(model, method, inner_steps, batch_size, num_points)


def _as_split(sharding: Devices | None, method: Method) -> Split | None:
    split = as_local_split("sharding", sharding)
    if split is not None and method == "noise":
        got = "a split of its one signal"
        raise _checks.fail("sharding", "None for method='noise'", got)
    return split


def _to_devices(tree: Any, split: Split | None) -> Any:
    return tree if split is None else jax.device_put(tree, split.replicated)


def _as_init(problem: Problem, fixed: Params, outcome: Outcome) -> Init:
    """Turn the outcome of a loop into a start, or raise `FitDiverged`."""
    layers, rates = as_start(problem, outcome.state.trained)
    params = {**fixed, "params": layers}
    if outcome.status == "diverged":
        field, steps = BoundField(problem.model, params), int(outcome.state.step)
        raise FitDiverged(FitResult(field, outcome.history, steps, outcome.status))
    return Init(problem.model, params, rates)


def _field_model(model: nn.Module) -> nn.Module:
    return model.model if isinstance(model, Hypernetwork) else model


def _init(
    key: Key, model: nn.Module, data: SignalSet, normalization: Mapping[str, Array]
) -> Params:
    """Parameters with the normalization of the signals."""
    rows = (data.coords, data.features[0])
    if not isinstance(model, Hypernetwork):
        return init_params(key, model, rows, normalization)
    params = init_params(key, model, rows, {})
    inner = {**params["normalization"]["model"], **normalization}
    return {**params, "normalization": {**params["normalization"], "model": inner}}


def _with_latents(
    model: Modulated, data: SignalSet, normalization: Mapping[str, Array]
) -> SignalSet:
    """Signals with their principal components, which a grid of latents has not."""
    if len(model.latent_shape) > 1:
        return data
    scale, shift = (normalization[f"features_{x}"] for x in ("scale", "shift"))
    features = (data.features - shift[None, None]) / scale[None, None]
    dim = math.prod(model.latent_shape)
    latents = principal_latents(features, dim, INNER_RATE_OF_LATENTS)
    return dataclasses.replace(data, latents=latents)


def _peak_rate(problem: Problem, learning_rate: float | None) -> float:
    if learning_rate is not None:
        return _checks.as_positive("learning_rate", learning_rate)
    rate = _family_rate(problem.model)
    return rate * _RATE_FACTORS.get(problem.method, _RATE_FACTOR_OF_MAML)


def _normalization(features: np.ndarray) -> dict[str, Array]:
    """Map [-1, 1] to the range of all signals `[b, n, k]`."""
    low, high = (f(features, axis=(0, 1)) for f in (np.min, np.max))
    scale = float((high - low).max()) / 2 or 1.0
    return {
        "features_scale": jnp.full(low.shape, scale, jnp.float32),
        "features_shift": jnp.asarray((low + high) / 2, jnp.float32),
    }


def _family_rate(model: nn.Module) -> float:
    rate = getattr(model, "default_learning_rate", 1e-3)
    return rate if isinstance(rate, int | float) else min(rate.values())
