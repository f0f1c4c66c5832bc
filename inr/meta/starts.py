"""Learned starts: parameters from which fields of similar signals fit in few steps."""

import functools
import os
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._loop import Chunk, drive, repeat
from inr._typing import Array, Key, Params
from inr.fields import BoundField, check_module
from inr.fitting import (
    FitDiverged,
    FitResult,
    Init,
    check_features,
    default_optimizer,
    init_params,
)
from inr.meta.objectives import (
    Method,
    Problem,
    as_start,
    init_trained,
    value_and_gradient,
)
from inr.meta.signals import Signals, as_signals, noise_like

# Factors of a family's rate: small batches, and gradients through the inner steps.
_RATE_FACTORS = {"shared": 0.3, "noise": 0.3, "reptile": 0.1}
_RATE_FACTOR_OF_MAML = 0.05


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
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
) -> Init:
    """Learn a start from which fields of similar signals fit in few steps.

    `"shared"` fits one network to all signals, with a last layer for each of them
    [Vyas et al. 2024, "Learning transferable features for implicit neural
    representations"]. `"maml"` minimizes the loss after `inner_steps` steps of gradient
    descent, and learns their rates [Li et al. 2017, "Meta-SGD"; Tancik et al. 2021];
    use it with `adapt`. Of a `Modulated` model the steps change only the latent, which
    `encode` returns. `"first_order_maml"` ignores second derivatives. `"reptile"`
    moves to where the inner steps end [Nichol et al. 2018] and needs no rates.
    `"noise"` fits uniform noise, and uses only the size and the range of the signals.

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
        None uses all points, at the centers of the pixels.
      learning_rate: peak rate of Adam. By default a method's factor of the model's
        rate.
      checkpoint: folder of checkpoints, from which an interrupted run resumes.
      progress: show a progress bar with the remaining time.

    Returns:
      An `Init`, the option `init` of all fits.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError, TypeError: for no signals, signals of different sizes, NaN in a
        signal, and bad options.
    """
    check_module(model)
    _checks.check_choice("method", method, get_args(Method))
    num_steps = _checks.as_count("num_steps", num_steps)
    if num_points is not None:
        num_points = _checks.as_count("num_points", num_points)
    counts = {"inner_steps": inner_steps, "batch_size": batch_size}
    counts = {name: _checks.as_count(name, value) for name, value in counts.items()}
    problem = Problem(model, method, num_points=num_points, **counts)
    rate = _peak_rate(problem, learning_rate)
    data = as_signals(signals, between=num_points is not None and method != "noise")
    check_features(model, data.features.shape[-1])
    key_init, key_noise, key_steps = jax.random.split(_checks.as_key("key", key), 3)
    normalization = _normalization(np.asarray(data.features))
    if method == "noise":
        data = noise_like(key_noise, data)
    rows = (data.coords, data.features[0])
    params = init_params(key_init, model, rows, normalization)
    fixed = {name: x for name, x in params.items() if name != "params"}
    trained = init_trained(problem, params, len(data.features))
    state = MetaState(jnp.int32(0), trained, default_optimizer().init(trained))
    settings = {"num_steps": num_steps, "learning_rate": rate}
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
    layers, rates = as_start(problem, outcome.state.trained)
    params = {**fixed, "params": layers}
    if outcome.status == "diverged":
        field, steps = BoundField(model, params), int(outcome.state.step)
        raise FitDiverged(FitResult(field, outcome.history, steps, outcome.status))
    return Init(model, params, rates)


@functools.partial(jax.jit, static_argnames="problem")
def _advance(
    key: Key,
    state: MetaState,
    problem: Problem,
    fixed: Params,
    data: Any,
    limit: Array | int,
    *,
    num_steps: Array | int,
    learning_rate: Array | float,
) -> Chunk:
    optimizer = default_optimizer()

    def step(state: MetaState) -> tuple[MetaState, Array]:
        step_key = jax.random.fold_in(key, state.step)
        loss, gradient = value_and_gradient(
            problem, step_key, state.trained, fixed, data
        )
        updates, opt_state = optimizer.update(
            gradient,
            state.opt_state,
            state.trained,
            step=state.step,
            num_steps=num_steps,
            learning_rate=learning_rate,
        )
        trained = jax.tree.map(jnp.add, state.trained, updates)
        return MetaState(state.step + 1, trained, opt_state), loss

    return repeat(step, state, limit, 0.0)


def _peak_rate(problem: Problem, learning_rate: float | None) -> float:
    if learning_rate is not None:
        return _checks.as_positive("learning_rate", learning_rate)
    rate = getattr(problem.model, "default_learning_rate", 1e-3)
    if not isinstance(rate, int | float):
        rate = min(rate.values())
    return rate * _RATE_FACTORS.get(problem.method, _RATE_FACTOR_OF_MAML)


def _normalization(features: np.ndarray) -> dict[str, Array]:
    """Map [-1, 1] to the range of all signals `[b, n, k]`."""
    low, high = (f(features, axis=(0, 1)) for f in (np.min, np.max))
    scale = float((high - low).max()) / 2 or 1.0
    return {
        "features_scale": jnp.full(low.shape, scale, jnp.float32),
        "features_shift": jnp.asarray((low + high) / 2, jnp.float32),
    }
