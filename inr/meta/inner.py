"""The inner loop of meta-learning: a few steps of gradient descent on one signal.

Every parameter may have its own learning rate, learned with the start (Meta-SGD, Li et
al. 2017, arXiv:1707.09835).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from inr._typing import Array, Params
from inr.fields import BoundField, Modulated

Batch = tuple[Array, Array] | tuple[Array, Array, Array]
"""Coords `[n, d]`, features `[n, k]` and, if not all points count, weights `[n]`."""


class Parts(NamedTuple):
    """Layers of a model in two parts.

    Attributes:
      own: what the inner loop adapts to a signal: the latent of a `Modulated` model,
        all layers of another.
      shared: the others.
    """

    own: dict[str, Any]
    shared: dict[str, Any]

    @property
    def layers(self) -> dict[str, Any]:
        return {**self.own, **self.shared}


def split(model: nn.Module, layers: Mapping[str, Any]) -> Parts:
    """Divide the collection `params` of a model."""
    names = {"latent"} if isinstance(model, Modulated) else layers.keys()
    return Parts(
        {name: x for name, x in layers.items() if name in names},
        {name: x for name, x in layers.items() if name not in names},
    )


def loss_of(model: nn.Module, params: Params, batch: Batch) -> Array:
    """Mean squared error in units of the normalized features."""
    coords, features, *weights = batch
    residual = BoundField(model, params)(coords) - features
    normalization = params.get("normalization", {})
    scale = normalization.get("features_scale", jnp.ones(1))
    squares = jnp.square(residual / scale[None]).mean(-1)
    return jnp.average(squares, weights=weights[0] if weights else None)


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


def adapt_params(
    model: nn.Module, params: Params, rates: Any, batch: Batch, num_steps: int
) -> Params:
    """Take `num_steps` steps on all points of one signal and return the params."""
    parts = split(model, params["params"])

    def with_own(own: Any) -> Params:
        return {**params, "params": parts._replace(own=own).layers}

    def loss(own: Any, batch: Batch) -> Array:
        return loss_of(model, with_own(own), batch)

    repeated = jax.tree.map(lambda x: jnp.broadcast_to(x, (num_steps, *x.shape)), batch)
    return with_own(descend(loss, parts.own, rates, repeated))
