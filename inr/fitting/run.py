"""From initial parameters to a result: the part that all verbs of one field share."""

import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._field_checks import check_params
from inr._loop import Chunk, Outcome, drive
from inr._sharding import Devices, Split, as_local_split
from inr._typing import Key, Params
from inr.checkpoints import DERIVED
from inr.fields import BoundField
from inr.fitting.rates import Optimizer, split_optimizer
from inr.fitting.results import Callback, FitDiverged, FitResult
from inr.fitting.step import FitState, advance, init_fit
from inr.fitting.terms import Term

_MANY_STEPS = 50  # fewer may end before the loss falls


def loss_text(loss: np.ndarray) -> str:
    """Format a loss for the progress bar."""
    return f"loss {float(loss):.3g}"


def psnr_text(loss: np.ndarray) -> str:
    """Format a mean squared error for the progress bar as PSNR for a peak of 1.

    Args:
      loss: mean squared error.

    Returns:
      Text, for the option `describe` of `fit_grid`.
    """
    return f"{float(-10 * np.log10(np.maximum(loss, 1e-30))):.2f} dB"


def run(
    key: Key,
    model: nn.Module,
    terms: tuple[Term, ...],
    params: Params,
    *,
    num_steps: int,
    optimizer: Optimizer | None,
    target_loss: float,
    checkpoint: str | os.PathLike | None,
    progress: bool,
    callback: Callback | None,
    describe: Callable[[np.ndarray], str] = loss_text,
    sharding: Devices | None = None,
) -> FitResult:
    """Take steps from `params` in the driver's chunks, and return the result.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError, TypeError: for bad options, and a checkpoint of another fit.
    """
    for name, tree in {"data": terms, "key": key, "init": params}.items():
        _checks.check_concrete(name, tree)
    num_steps = _checks.as_count("num_steps", num_steps)
    check_params(model, params, argument="init")
    split = as_local_split("sharding", sharding)
    optimizer, rates = split_optimizer(model, params, optimizer)
    settings = {
        "optimizer": optimizer,
        "num_steps": num_steps,
        "learning_rate": rates,
        "target_loss": as_target_loss(target_loss),
        "sharding": None if split is None else split.rows,
    }
    key, params, device_terms = _to_devices(key, params, terms, split)

    def take_steps(state: FitState, limit: int) -> Chunk:
        return _advance(key, state, model, device_terms, limit, **settings)

    outcome = drive(
        take_steps,
        init_fit(key, model, terms, optimizer=optimizer, init=params),
        num_steps=num_steps,
        progress=progress,
        describe=describe,
        arguments={
            **as_arguments(key, model, terms, params),
            "optimizer": rates if optimizer is None else optimizer,
        },
        callback=as_report(model, callback),
        checkpoint=checkpoint,
    )
    return as_result(model, outcome)


_advance = jax.jit(advance, static_argnames=("model", "optimizer", "sharding"))


def _to_devices(
    key: Key, params: Params, terms: tuple[Term, ...], split: Split | None
) -> tuple[Key, Params, tuple[Term, ...]]:
    """Copy everything to all devices, and split rows that every step uses."""
    if split is None:
        return key, params, terms

    def put(term: Term) -> Term:
        rows = 0 if callable(term.data) else len(jax.tree.leaves(term.data)[0])
        is_split = rows > 0 and term.batch_size is None and rows % split.count == 0
        where = split.rows if is_split else split.replicated
        leaves, treedef = jax.tree.flatten(term.data)
        arrays = [jax.device_put(x, where) if hasattr(x, "ndim") else x for x in leaves]
        return replace(term, data=jax.tree.unflatten(treedef, arrays))

    key, params = jax.device_put((key, params), split.replicated)
    return key, params, tuple(map(put, terms))


def as_arguments(
    key: Key, model: nn.Module, data: Any, params: Params
) -> dict[str, Any]:
    """Name the arguments that a checkpoint must agree with; `data` is any tree.

    The structure of terms has their residuals and batch sizes, the leaves are arrays.
    """
    return {
        "model": model,
        "data": jax.tree.leaves(data),
        "batch size or residual": jax.tree.structure(data),
        "key": key,
        DERIVED: params,
    }


def as_report(
    model: nn.Module, callback: Callback | None
) -> Callable[[int, np.ndarray, Any], None] | None:
    """Wrap the user's callback, which takes a field, for the driver.

    Raises:
      TypeError: if it cannot be called.
    """
    if callback is None:
        return None
    _checks.check_callable("callback", callback)

    def report(step: int, loss: np.ndarray, state: Any) -> None:
        callback(step, float(loss), BoundField(model, state.params))

    return report


def as_result(model: nn.Module, outcome: Outcome) -> FitResult:
    """Turn the outcome of a loop into a result, or raise `FitDiverged`."""
    state, history, status = outcome
    field = BoundField(model, state.params)
    result = FitResult(field, history, int(state.step), status)
    if status == "diverged":
        raise FitDiverged(result)
    _warn_if_worse(history)
    return result


def _warn_if_worse(history: np.ndarray) -> None:
    """Warn if many steps ended at more than twice the loss of the first one."""
    if len(history) < _MANY_STEPS:
        return
    first, last = float(history[0]), float(np.median(history[-10:]))
    if last > 2 * first:
        warnings.warn(
            f"The loss rose from {first:.3g} to {last:.3g}. Lower the learning rate "
            "(`optimizer=1e-4`) or the model's `omega`.",
            stacklevel=5,  # the caller of the verb
        )


def as_target_loss(value: float) -> float:
    """Return a target loss, at least 0, as a float."""
    number = _checks.as_number("target_loss", value, finite=False)
    if not number >= 0:
        raise _checks.fail("target_loss", "a number of at least 0", repr(value))
    return number


def psnr_to_loss(value: float) -> float:
    """Return the mean squared error of a PSNR, for a peak of 1.

    Args:
      value: PSNR in dB.

    Returns:
      Loss, for the option `target_loss` of `fit_grid`.

    Raises:
      ValueError: if the PSNR is NaN or not a number.
    """
    return 10 ** (-_checks.as_number("target_psnr", value, finite=False) / 10)
