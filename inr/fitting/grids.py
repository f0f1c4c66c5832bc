"""Fitting to samples on a regular grid that is too large for every step to see it all.

A batch is drawn anew in every step from the samples as they are stored: neither the
coords of the whole grid nor a floating copy of its bytes is ever made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, coords as _coords
from inr._typing import Array, Key
from inr.fields import check_module
from inr.fitting.samples import (
    check_features,
    grid_affines,
    init_params,
    unit_range,
)
from inr.fitting.terms import Term, value_residual
from inr.fitting.verbs import FitResult, run


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("values",),
    meta_fields=("batch_size",),
)
@dataclass(frozen=True)
class GridSamples:
    """Batches drawn from a regular grid of samples: the `data` of a `Term`.

    Attributes:
      values: `[*size, k]`, floating; or uint8, of which each level counts as a 255th.
      batch_size: samples drawn, uniformly and with replacement.
    """

    values: Any
    batch_size: int

    def __call__(self, key: Key, step: int | Array) -> tuple[Array, Array]:
        """Coords `[batch_size, d]` and features `[batch_size, k]` of random samples."""
        del step
        values = jnp.asarray(self.values)
        size = values.shape[:-1]
        draws = zip(jax.random.split(key, len(size)), size, strict=True)
        # An index for each axis: the number of all samples may not fit 32 bits.
        index = tuple(
            jax.random.randint(axis, (self.batch_size,), 0, n, jnp.int32)
            for axis, n in draws
        )
        centers = [_coords.grid((n,))[:, 0] for n in size]
        coords = jnp.stack([c[i] for c, i in zip(centers, index, strict=True)], -1)
        return coords, unit_range(values[index])


def fit_grid(
    key: Key,
    model: nn.Module,
    values: Array,
    *,
    num_steps: int,
    batch_size: int,
    params: Any,
    weight: float | Array = 1.0,
    affines: dict[str, Array] | None = None,
    describe: Callable[[np.ndarray], str],
    **options: Any,
) -> FitResult:
    """Fits a field to samples `[*size, k]` by batches drawn at random; for the verbs.

    Every axis spans [-1, 1]; see `grid_affines` for the scale at which they are seen,
    and for what `affines` may say otherwise.
    """
    check_module(model)
    check_features(model, values.shape[-1])
    batch_size = _checks.as_count("batch_size", batch_size)
    terms = (Term(value_residual, GridSamples(values, batch_size), weight),)
    key_init, key_steps = jax.random.split(key)
    if params is None:
        usual = grid_affines(values.shape[:-1], values.reshape(-1, values.shape[-1]))
        params = init_params(key_init, model, terms, {**usual, **(affines or {})})
    return run(
        key_steps,
        model,
        terms,
        params,
        num_steps=num_steps,
        describe=describe,
        **options,
    )
