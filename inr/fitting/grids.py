"""Fits to samples on a regular grid that is too large for full batches.

Every step draws a batch from the samples as they are stored: neither the coords of the
complete grid nor a floating copy of its bytes is created.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, _conversions, _display, coords as _coords
from inr._field_checks import check_features
from inr._sharding import Devices
from inr._typing import Array, ArrayLike, Key
from inr.fitting.rates import Optimizer
from inr.fitting.results import Callback, FitResult
from inr.fitting.run import loss_text, run
from inr.fitting.samples import grid_normalization, init_params
from inr.fitting.starts import Start, require_model
from inr.fitting.terms import Term, value_residual


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("values",),
    meta_fields=("batch_size",),
)
@dataclass(frozen=True)
class GridSamples:
    """Batches drawn from a regular grid of samples: the `data` of a `Term`.

    Attributes:
      values: `[*size, k]`, floating; or uint8, which is divided by 255.
      batch_size: samples per batch, drawn uniformly and with replacement.
    """

    values: Any
    batch_size: int

    def __post_init__(self) -> None:
        _checks.as_count("batch_size", self.batch_size)

    def __call__(self, key: Key, step: int | Array) -> tuple[Array, Array]:
        """Return coords `[batch_size, d]` and features `[batch_size, k]`."""
        del step
        values = jnp.asarray(self.values)
        size = values.shape[:-1]
        draws = zip(jax.random.split(key, len(size)), size, strict=True)
        # One index per axis: the number of all samples may not fit into 32 bits.
        index = tuple(
            jax.random.randint(axis, (self.batch_size,), 0, n, jnp.int32)
            for axis, n in draws
        )
        centers = [_coords.grid((n,))[:, 0] for n in size]
        coords = jnp.stack([c[i] for c, i in zip(centers, index, strict=True)], -1)
        return coords, _conversions.as_unit_range(values[index])

    def __repr__(self) -> str:
        return _display.attributes_text(self)


def fit_grid(
    key: Key,
    model: nn.Module | None,
    values: ArrayLike,
    *,
    num_steps: int = 2000,
    batch_size: int = 4096,
    optimizer: Optimizer | None = None,
    init: Start | None = None,
    target_loss: float = 0.0,
    sharding: Devices | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
    weight: float | Array = 1.0,
    normalization: Mapping[str, Array] | None = None,
    describe: Callable[[np.ndarray], str] = loss_text,
) -> FitResult:
    """Fit a field to samples on a regular grid by random batches.

    For signals of any number of axes, such as sound, video and volumes. Every axis
    spans [-1, 1]; `normalization` scales the shorter ones down, so that frequencies per
    sample are the same along all axes.

    Args:
      key: PRNG key of the initialization and of the batches.
      model: a Linen module with `features` equal to k.
      values: samples `[*size, k]` at pixel centers, floating; or uint8, which is
        divided by 255 batch by batch.
      num_steps: number of optimization steps.
      batch_size: rows in every step. A row is a sample.
      optimizer: optax optimizer, or peak learning rate of the default one: a number, or
        a mapping from layer names to numbers. As for `fit`.
      init: parameters to start from, with their normalization. As for `fit`.
      target_loss: loss at which the fit stops. It is the loss of a batch.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. As for `fit`.
      checkpoint: folder of checkpoints, from which an interrupted fit resumes. As for
        `fit`.
      progress: show a progress bar with the remaining time.
      callback: function of the step, the loss and the field, called a few times per
        second.
      weight: factor of the mean squared error.
      normalization: entries of the collection `normalization` that replace those
        computed from the samples.
      describe: function that turns a loss into the text of the progress bar.

    Returns:
      A `FitResult`. Its history is the loss of each batch.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError, TypeError: for samples that are empty or not finite, integers other
        than uint8, a model with another number of features, and bad options.
    """
    model, init = require_model(model, init)
    if normalization is not None:
        _checks.check_type("normalization", normalization, Mapping)
    _checks.check_concrete("values", values)
    samples = _checks.as_array("values", values)
    if samples.dtype != jnp.uint8:
        samples = _checks.as_floating("values", samples)
        _checks.check_finite("values", samples)
    if samples.ndim < 2:
        raise _checks.fail("values", "[*size, k]", f"shape {samples.shape}")
    _checks.check_not_empty("values", samples)
    *size, k = samples.shape
    check_features(model, k)
    terms = (Term(value_residual, GridSamples(samples, batch_size), weight),)
    key_init, key_steps = jax.random.split(_checks.as_key("key", key))
    if init is None:
        defaults = grid_normalization(size, samples.reshape(-1, k))
        init = init_params(
            key_init, model, terms, {**defaults, **(normalization or {})}
        )
    return run(
        key_steps,
        model,
        terms,
        init,
        num_steps=num_steps,
        optimizer=optimizer,
        target_loss=target_loss,
        sharding=sharding,
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
        describe=describe,
    )
