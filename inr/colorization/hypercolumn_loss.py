"""Loss of the perceptrons of a `HypercolumnColorizer`.

References:
  Zhang et al. 2016, Colorful image colorization (soft labels of bins).
  Zhang et al. 2018, mixup: beyond empirical risk minimization.
"""

import zlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.colorization.hypercolumn import (
    HypercolumnColorizer,
    check_hypercolumn_params,
)
from inr.training import Loss

_LABEL_WIDTH = 0.02  # standard deviation of soft labels, in units of chroma


def hypercolumn_loss(
    model: HypercolumnColorizer,
    params: Params,
    *,
    mean_weight: float = 20.0,
    dropout: float = 0.4,
    mixup: float = 0.4,
) -> Loss:
    """Loss of the perceptrons of a `HypercolumnColorizer`, for `training.train`.

    The mean over the perceptrons of the cross-entropy of the bins, and of the squared
    error of the mean color. Only the perceptrons are trained: the entries of
    `params["params"]` whose names start with `perceptron`. Batches are pairs of rows
    `[b, k]` of `perceptron_inputs` and their chroma `[b, 2]`.

    Args:
      model: the colorizer.
      params: its collections, from `init_hypercolumns`.
      mean_weight: weight of the squared error.
      dropout: share of the inputs of every layer that are zero in a step.
      mixup: parameter of the beta distribution of the weights by which two rows are
        mixed; 0 for none.

    Returns:
      A loss `(perceptrons, key, (inputs, chroma)) -> (scalar, metrics)`. The metrics
      are `entropy` and `square`.

    Raises:
      ValueError: for parameters of another model, a weight or `mixup` below 0, and a
        dropout that is not from 0 to below 1.
    """
    check_hypercolumn_params(model, params)
    mean_weight = _checks.as_not_negative("mean_weight", mean_weight)
    mixup = _checks.as_not_negative("mixup", mixup)
    if not 0 <= _checks.as_number("dropout", dropout) < 1:
        raise _checks.fail("dropout", "from 0 to below 1", dropout)
    colors = jnp.asarray(params["params"]["colors"])

    def loss(
        perceptrons: Params, key: Key, batch: tuple[ArrayLike, ArrayLike]
    ) -> tuple[Array, dict[str, Array]]:
        inputs, chroma = (jnp.asarray(x, jnp.float32) for x in batch)
        labels = soft_labels(chroma, colors)
        order_key, weight_key, drop_key = jax.random.split(key, 3)
        if mixup:
            order = jax.random.permutation(order_key, len(inputs))
            weight = jax.random.beta(weight_key, mixup, mixup, (len(inputs), 1))
            inputs, labels, chroma = (
                weight * x + (1 - weight) * x[order] for x in (inputs, labels, chroma)
            )
        with nn.intercept_methods(_drop_inputs(drop_key, dropout)):
            variables = {**params, "params": {**params["params"], **perceptrons}}
            outputs: Any = model.apply(variables, inputs, method="log_probabilities")
        entropy = -(labels[None] * outputs).sum(-1).mean()
        error = jnp.exp(outputs) @ colors - chroma[None]
        square = jnp.square(error).sum(-1).mean()
        return entropy + mean_weight * square, {"entropy": entropy, "square": square}

    return loss


def soft_labels(chroma: ArrayLike, colors: ArrayLike) -> Array:
    """Probabilities `[..., bins]` of bins of `colors` `[bins, 2]` near chroma."""
    chroma, colors = (jnp.asarray(x, jnp.float32) for x in (chroma, colors))
    colors = colors.reshape((1,) * (chroma.ndim - 1) + colors.shape)
    distance = jnp.square(chroma[..., None, :] - colors).sum(-1)
    return jax.nn.softmax(-distance / (2 * _LABEL_WIDTH**2))


def _drop_inputs(key: Key, share: float) -> Callable[..., Any]:
    """For `nn.intercept_methods`: dropout of the inputs of every dense layer."""

    def call(layer, args, kwargs, context):
        if not isinstance(context.module, nn.Dense) or not share:
            return layer(*args, **kwargs)
        (x,) = args
        name = zlib.crc32("/".join(context.module.path).encode())
        keep = jax.random.bernoulli(jax.random.fold_in(key, name), 1 - share, x.shape)
        return layer(jnp.where(keep, x / (1 - share), 0))

    return call
