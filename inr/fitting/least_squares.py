"""Fits of small fields by damped Gauss-Newton steps.

J'J contains the conditioning of an equation's differential operator, so that a step
goes where Adam needs thousands of steps (for partial differential equations: Mueller
and Zeinhofer 2023, "energy natural gradient"). A step costs N P^2 operations and P^2
numbers of memory for N residuals and P parameters.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._field_checks import check_params
from inr._loop import Chunk, drive
from inr._typing import Key, Params
from inr.fitting.gauss_newton import GaussNewtonState, advance
from inr.fitting.results import Callback, FitResult
from inr.fitting.run import (
    as_arguments,
    as_report,
    as_result,
    as_target_loss,
    loss_text,
)
from inr.fitting.samples import init_params, sample_normalization, select_rows
from inr.fitting.starts import Start, require_model
from inr.fitting.terms import Data, as_terms

_MAX_PARAMETERS = 2**14  # J'J then has 1 GB


def fit_least_squares(
    key: Key,
    model: nn.Module | None,
    data: Data,
    *,
    num_steps: int = 100,
    batch_size: int | None = None,
    damping: float = 1e-2,
    init: Start | None = None,
    target_loss: float = 0.0,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fit a small field to samples or terms by damped Gauss-Newton steps.

    The loss is that of `fit`. For N residuals and P parameters a step costs N P^2
    operations and several times 4 P^2 bytes of memory: seconds for a few thousand
    parameters. Draw batches of about twice as many residuals as there are parameters.

    Args:
      key: PRNG key of the initialization and of the batches.
      model: a Linen module with at most 16,384 parameters.
      data: as for `fit`; terms without `reduce`, whose loss is the mean square.
      num_steps: number of optimization steps.
      batch_size: rows in every step. None uses all of them. Terms have
        their own batch size.
      damping: damping of the first step, relative to the mean curvature. Later steps
        adapt it.
      init: parameters to start from, with their normalization. As for `fit`.
      target_loss: loss at which the fit stops.
      checkpoint: folder of checkpoints, from which an interrupted fit resumes. As for
        `fit`.
      progress: show a progress bar with the remaining time.
      callback: function of the step, the loss and the field, called a few times per
        second.

    Returns:
      A `FitResult`.

    Raises:
      FitDiverged: if the loss is NaN or infinite.
      ValueError, TypeError: as for `fit`, for a term with `reduce`, and for a model
        with too many parameters.
    """
    model, init = require_model(model, init)
    terms = as_terms(select_rows(data), batch_size)
    if any(term.reduce is not None for term in terms):
        raise _checks.fail(
            "data", "terms without `reduce`", "a term with it", "Use `fit` instead."
        )
    key_init, key_steps = jax.random.split(_checks.as_key("key", key))
    if init is None:
        init = init_params(key_init, model, terms, sample_normalization(data))
    check_params(model, init, argument="init")
    _check_size(init)
    num_steps = _checks.as_count("num_steps", num_steps)
    damping = _checks.as_positive("damping", damping)
    target_loss = as_target_loss(target_loss)

    def take_steps(state: GaussNewtonState, limit: int) -> Chunk:
        return advance(key_steps, state, model, terms, limit, target_loss)

    outcome = drive(
        take_steps,
        GaussNewtonState(jnp.int32(0), init, jnp.float32(damping)),
        num_steps=num_steps,
        progress=progress,
        describe=loss_text,
        arguments={**as_arguments(key, model, terms, init), "damping": damping},
        callback=as_report(model, callback),
        checkpoint=checkpoint,
    )
    return as_result(model, outcome)


def _check_size(params: Params) -> None:
    count = sum(np.size(x) for x in jax.tree.leaves(params["params"]))
    if count > _MAX_PARAMETERS:
        raise _checks.fail(
            "model",
            f"one with at most {_MAX_PARAMETERS} parameters",
            f"{count}",
            "Lower its `width` or `depth`, or use `fit`.",
        )
