"""Loss and gradient of terms, summed over blocks of rows.

A block fits a CPU's cache, so that memory does not grow with the rows of a batch.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jax.sharding import PartitionSpec

from inr._memory import split_into, split_into_blocks
from inr._sharding import Split
from inr._typing import Array, Key, Params
from inr.fields import BoundField
from inr.fitting.terms import Term, draw_batch

# 2 MB per activation at width 256: about the fastest size, measured.
_ROWS_ON_CPU = 2048
_ROWS_ELSEWHERE = 2**18


def loss_and_gradient(
    key: Key,
    step: Array,
    model: nn.Module,
    params: Params,
    terms: tuple[Term, ...],
    split: Split | None = None,
) -> tuple[Array, Params]:
    """Return the sum of all terms and its gradient in the collection `params`.

    Args:
      key: PRNG key of the fit.
      step: number of the step.
      model: the module.
      params: all its collections.
      terms: the terms.
      split: shardings; the rows of each batch are split over its devices.
    """
    parts = []
    for i, term in enumerate(terms):
        batch = draw_batch(jax.random.fold_in(key, i), step, term)
        part = _value_and_grad(model, params, term, batch, split)
        parts.append(jax.tree.map(lambda x, weight=term.weight: weight * x, part))
    return jax.tree.map(lambda *xs: sum(xs), *parts)


def _value_and_grad(
    model: nn.Module, params: Params, term: Term, batch: Any, split: Split | None
) -> tuple[Array, Params]:
    """Return the unweighted loss of one term and its gradient."""

    def residual(params: Params, trained: Params, batch: Any) -> Array:
        return term.residual(BoundField(model, {**params, "params": trained}), batch)

    rows = jax.tree.leaves(batch)[0].shape[0]
    if term.reduce is not None:
        here = functools.partial(residual, params)
        return _reduced(here, term.reduce, params["params"], batch)
    if split is None:
        return _sum_of_blocks(residual, params, batch, jnp.bool_(True), rows)
    parts, is_data = split_into(batch, split.count)
    axes = split.rows.spec[0]

    def on_device(params: Params, part: Any, is_data: Array) -> tuple[Array, Params]:
        part, is_data = jax.tree.map(lambda x: x[0], (part, is_data))
        return lax.psum(_sum_of_blocks(residual, params, part, is_data, rows), axes)

    everywhere, divided = PartitionSpec(), PartitionSpec(axes)
    on_devices = jax.shard_map(
        on_device,
        mesh=split.rows.mesh,
        in_specs=(everywhere, divided, divided),
        out_specs=everywhere,
        check_vma=False,
    )
    return on_devices(params, parts, is_data)


def _sum_of_blocks(
    residual: Callable[[Params, Params, Any], Array],
    params: Params,
    batch: Any,
    is_data: Array,
    rows: int,
) -> tuple[Array, Params]:
    """Return the sum of squares where `is_data`, by `rows`, and its gradient."""
    blocks, is_row = split_into_blocks(batch, _max_rows())
    mask = split_into_blocks(
        jnp.broadcast_to(is_data, jax.tree.leaves(batch)[0].shape[:1]), _max_rows()
    )[0]

    def block_loss(trained: Params, batch: Any, is_data: Array) -> Array:
        r = residual(params, trained, batch)
        square = jnp.square(r).reshape(r.shape[0], -1).mean(-1)
        return jnp.where(is_data, square, 0).sum() / rows

    def value_and_grad(block: tuple[Any, Array]) -> tuple[Array, Params]:
        return jax.value_and_grad(block_loss)(params["params"], *block)

    def add_block(total, block):
        return jax.tree.map(jnp.add, total, value_and_grad(block)), None

    first, rest = (
        jax.tree.map(lambda x, part=part: x[part], (blocks, is_row & mask))
        for part in (0, slice(1, None))
    )
    return lax.scan(add_block, value_and_grad(first), rest)[0]


def _reduced(
    residual: Callable[[Params, Any], Array],
    reduce: Callable[[Array], Array],
    trained: Params,
    batch: Any,
) -> tuple[Array, Params]:
    """Return a function of all residuals and its gradient, forward and back in blocks.

    The backward pass needs only the derivative of `reduce` with respect to each row.
    Computing the residuals twice therefore keeps memory independent of the number of
    rows. One or two blocks are computed at once.
    """
    rows = jax.tree.leaves(batch)[0].shape[0]
    blocks, _ = split_into_blocks(batch, _max_rows())
    number, size = jax.tree.leaves(blocks)[0].shape[:2]
    if number <= 2:
        return jax.value_and_grad(lambda t: reduce(residual(t, batch)))(trained)
    residuals = lax.map(lambda block: residual(trained, block), blocks)
    flat = residuals.reshape(-1, *residuals.shape[2:])
    loss, cotangent = jax.value_and_grad(reduce)(flat[:rows])
    padding = [(0, number * size - rows)] + [(0, 0)] * (cotangent.ndim - 1)
    cotangents = jnp.pad(cotangent, padding).reshape(residuals.shape)

    def add_block(total, block):
        rows, cotangent = block
        _, pull = jax.vjp(lambda trained: residual(trained, rows), trained)
        return jax.tree.map(jnp.add, total, pull(cotangent)[0]), None

    zeros = jax.tree.map(jnp.zeros_like, trained)
    return loss, lax.scan(add_block, zeros, (blocks, cotangents))[0]


def _max_rows() -> int:
    return _ROWS_ON_CPU if jax.default_backend() == "cpu" else _ROWS_ELSEWHERE
