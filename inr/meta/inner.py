"""The inner loop of meta-learning: a few steps of gradient descent on one signal.

Every parameter may have its own learning rate, learned with the start (Meta-SGD, Li et
al. 2017, arXiv:1707.09835).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from inr._typing import Array, Params
from inr.fields import BoundField

Batch = tuple[Array, Array]


def loss_of(model: nn.Module, params: Params, batch: Batch) -> Array:
    """Mean squared error in units of the normalized features."""
    coords, features = batch
    residual = BoundField(model, params)(coords) - features
    normalization = params.get("normalization", {})
    scale = normalization.get("features_scale", jnp.ones(1))
    return jnp.square(residual / scale[None]).mean()


def descend(
    loss: Callable[[Any, Any], Array],
    start: Any,
    rates: Any,
    batches: Any,
    *,
    first_order: bool = False,
) -> Any:
    """Take one step of gradient descent on each of several batches.

    Activations of a step are computed again in the backward pass, so that memory does
    not grow with the number of steps.

    Args:
      loss: function of the trained tree and a batch.
      start: trained tree.
      rates: learning rates, a tree of the same structure.
      batches: batches with a leading axis of steps.
      first_order: ignore second derivatives when the result is differentiated.

    Returns:
      The trained tree after all steps.
    """

    @jax.checkpoint
    def step(trained: Any, batch: Any) -> tuple[Any, None]:
        gradient = jax.grad(loss)(trained, batch)
        if first_order:
            gradient = lax.stop_gradient(gradient)
        update = jax.tree.map(lambda x, r, g: x - r * g, trained, rates, gradient)
        return update, None

    return lax.scan(step, start, batches)[0]
