"""The general fit: a field to samples, or to any sum of terms."""

import os

import jax
from flax import linen as nn

from inr import _checks
from inr._sharding import Devices
from inr._typing import Key
from inr.fitting.rates import Optimizer
from inr.fitting.results import Callback, FitResult
from inr.fitting.run import run
from inr.fitting.samples import init_params, sample_normalization, select_rows
from inr.fitting.starts import Start, require_model
from inr.fitting.terms import Data, as_terms


def fit(
    key: Key,
    model: nn.Module | None,
    data: Data,
    *,
    num_steps: int = 500,
    batch_size: int | None = None,
    optimizer: Optimizer | None = None,
    init: Start | None = None,
    target_loss: float = 0.0,
    sharding: Devices | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fit a field to samples, or to any sum of terms.

    For samples, `normalization` is set from the data: coords outside [-1, 1] are
    brought into it by one scale and shift for all axes, and features are centered and
    scaled to about [-1, 1]. Steps run in compiled chunks; a second call with equal
    objects compiles nothing. Ctrl-C returns the best field so far, with status
    "interrupted".

    Args:
      key: PRNG key of the initialization and of the batches.
      model: a Linen module that maps coords `[..., d]` to features `[..., k]`. None for
        that of `init`.
      data: `(coords [n, d], features [n, k])`, optionally followed by `weights [n]`; or
        a `Term`, or a tuple of terms.
      num_steps: number of optimization steps.
      batch_size: rows in every step. None uses all of them. Terms have their own batch
        size.
      optimizer: optax optimizer, or peak learning rate of the default one: a number, or
        a mapping from layer names to numbers. By default Adam with a warm-up of 10
        steps, cosine decay and the model's `default_learning_rate`. Create an optax
        optimizer once: two equal ones do not compare equal, and compile twice.
      init: parameters to start from, with their normalization. Or an `Init`, or the
        name of a shipped one, whose model is used where none is passed. By default they
        are drawn by `model.init`.
      target_loss: loss at which the fit stops.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each computes some
        rows of every step. Results equal those of one device to float tolerance. Terms
        with `reduce` are not split.
      checkpoint: folder of checkpoints, from which an interrupted fit resumes. It is
        written every half minute and at the end, by one process at a time. A resumed
        fit equals an uninterrupted one bit by bit. `target_loss`, `progress` and
        `callback` may change; so may `num_steps`, but not below the stored step, and
        the later steps have the rates of the new number. Other changes are refused.
        Functions, also those of an optax optimizer, are compared by their names and the
        values that they enclose, not by their code. Another kind of device may round
        initial parameters differently, and is then refused too.
      progress: show a progress bar with the remaining time.
      callback: function of the step, the loss and the field, called a few times per
        second.

    Returns:
      A `FitResult`.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError, TypeError: for data that are empty, not finite or of a wrong shape,
        for bad options, and for a checkpoint of another fit or of more steps.
    """
    model, init = require_model(model, init)
    terms = as_terms(select_rows(data), batch_size)
    key_init, key_steps = jax.random.split(_checks.as_key("key", key))
    if init is None:
        init = init_params(key_init, model, terms, sample_normalization(data))
    return run(
        key_steps,
        model,
        terms,
        init,
        num_steps=num_steps,
        optimizer=optimizer,
        target_loss=target_loss,
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
        sharding=sharding,
    )
