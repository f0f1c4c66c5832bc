"""The one loss protocol: terms, each the mean square of a residual.

Notation. A term has data, arrays with a common leading axis of n rows, and a residual
r(field, batch) `[rows, ...]` whose row i depends on row i of the batch alone. The loss
is sum over terms of weight * mean(r^2). A full batch is summed over blocks of rows that
fit a CPU's cache, so that memory does not grow with n.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from inr import _checks
from inr._typing import Array, Field, Key, Params
from inr.fields import BoundField

_ROWS_ON_CPU = 2048  # 2 MB an activation at width 256: about the fastest, measured
_ROWS_ELSEWHERE = 2**18


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True)
class Term:
    """One part of a loss: weight * mean(residual(field, batch)^2).

    Attributes:
      residual: `(field, batch) -> [rows, ...]`; it sees a `BoundField`, so any
        derivative of it too. Row i depends on row i of the batch alone. Define it at
        module level: a new lambda compiles anew.
      data: a tree of arrays with a common leading axis, or `(key, step) -> batch` for
        batches that are made or drawn: a plain function, or one that is a pytree and
        so carries arrays. The first array of a batch is its coords.
      weight: factor of this term; may be traced.
      batch_size: rows drawn at random, with replacement, in every step; None for all.
      reduce: `residuals -> scalar`, in place of the mean square; it sees the whole
        batch at once.
    """

    residual: Callable[[BoundField, Any], Array]
    data: Any
    weight: float | Array = 1.0
    batch_size: int | None = None
    reduce: Callable[[Array], Array] | None = None

    def tree_flatten(self):
        fixed = (self.residual, self.batch_size, self.reduce)
        if callable(self.data) and jax.tree_util.all_leaves([self.data]):
            return (self.weight,), (*fixed, self.data)
        return (self.weight, self.data), (*fixed, None)

    @classmethod
    def tree_unflatten(cls, fixed, leaves):
        residual, batch_size, reduce, data = fixed
        weight = leaves[0]
        data = data if len(leaves) == 1 else leaves[1]
        return cls(residual, data, weight, batch_size, reduce)


def value_residual(field: Field, batch: tuple[Array, ...]) -> Array:
    """field(coords) - features, for a batch `(coords, features)`."""
    coords, features = batch
    return field(coords) - features


def weighted_residual(field: Field, batch: tuple[Array, ...]) -> Array:
    """(field(coords) - features) * factor, for `(coords, features, factor)`."""
    coords, features, factor = batch
    return (field(coords) - features) * factor[..., None]


@dataclass(frozen=True)
class CellResidual:
    """The camera's model: a pixel is the mean of the field over its cell.

    A residual for `Term`, on batches `(coords, cell, features)` or `(coords, cell,
    features, factor)`, where `cell` `[n, d]` is the size of each sample's cell.

    Attributes:
      samples: points along each axis of a cell over which the mean is taken.
    """

    samples: int

    def __call__(self, field: BoundField, batch: tuple[Array, ...]) -> Array:
        coords, cell, features, *factor = batch
        axis = (np.arange(self.samples) + 0.5) / self.samples - 0.5
        mesh = np.meshgrid(*[axis] * coords.shape[-1], indexing="ij")
        offsets = np.stack(mesh, -1).reshape(1, -1, coords.shape[-1])
        offsets = jnp.asarray(offsets, coords.dtype) * cell[:, None]
        residual = field(coords[:, None] + offsets).mean(1) - features
        return residual * factor[0][:, None] if factor else residual


def as_terms(data: Any, batch_size: int | None = None) -> tuple[Term, ...]:
    """`data` as `fit` takes it, checked, as a tuple of terms.

    Args:
      data: a `Term`, a tuple of them, or `(coords [n, d], features [n, k])` with
        optional `weights [n]` of mean 1 behind them.
      batch_size: rows a step, for the last form.

    Returns:
      Terms.

    Raises:
      TypeError: for anything else.
      ValueError: if the arrays disagree about n, are empty or are not finite.
    """
    terms = (data,) if isinstance(data, Term) else data
    if not isinstance(terms, tuple | list) or len(terms) == 0:
        raise TypeError(
            "`data` must be (coords, features), a Term or a tuple of Terms, got "
            f"{type(data).__name__}."
        )
    if all(isinstance(term, Term) for term in terms):
        return tuple(_checked(term) for term in terms)
    if any(isinstance(term, Term) for term in terms) or len(terms) not in (2, 3):
        raise TypeError(
            "`data` must be (coords, features), (coords, features, weights) or Terms "
            f"only, got {[type(term).__name__ for term in terms]}."
        )
    names = ("coords", "features", "weights")
    rows = tuple(map(_checks.as_floating, names, terms))
    for name, array in zip(names, rows, strict=False):
        _checks.check_rank(name, array, "[n]" if name == "weights" else "[n, k]")
        _checks.check_finite(name, array)
    if len(rows) == 2:
        return (_checked(Term(value_residual, rows, batch_size=batch_size)),)
    rows = (*rows[:2], jnp.sqrt(rows[2]))
    return (_checked(Term(weighted_residual, rows, batch_size=batch_size)),)


def loss_and_gradient(
    key: Key, step: Array, model: nn.Module, params: Params, terms: tuple[Term, ...]
) -> tuple[Array, Params]:
    """The weighted sum of the terms and its gradient in the collection `params`."""
    parts = []
    for i, term in enumerate(terms):
        batch = draw(jax.random.fold_in(key, i), step, term)
        part = _value_and_grad(model, params, term, batch)
        parts.append(jax.tree.map(lambda x, weight=term.weight: weight * x, part))
    return jax.tree.map(lambda *xs: sum(xs), *parts)


def first_coords(key: Key, terms: tuple[Term, ...]) -> jax.ShapeDtypeStruct:
    """Shape and dtype of the coords of the first term's batches."""
    data = terms[0].data
    batch = jax.eval_shape(data, key, jnp.int32(0)) if callable(data) else data
    coords = jax.tree.leaves(batch)[0]
    return jax.ShapeDtypeStruct(coords.shape, coords.dtype)


def draw(key: Key, step: Array, term: Term) -> Any:
    """The term's batch for a step."""
    if callable(term.data):
        return term.data(key, step)
    if term.batch_size is None:
        return term.data
    rows = jax.tree.leaves(term.data)[0].shape[0]
    index = jax.random.randint(key, (term.batch_size,), 0, rows, jnp.int32)
    return jax.tree.map(lambda x: x[index], term.data)


def _value_and_grad(
    model: nn.Module, params: Params, term: Term, batch: Any
) -> tuple[Array, Params]:
    def residual(trained: Params, batch: Any) -> Array:
        return term.residual(BoundField(model, {**params, "params": trained}), batch)

    if term.reduce is not None:
        return _reduced(residual, term.reduce, params["params"], batch)

    rows = jax.tree.leaves(batch)[0].shape[0]
    blocks, used = in_blocks(batch, _most_rows())

    def block_loss(trained: Params, batch: Any, used: Array) -> Array:
        r = residual(trained, batch)
        square = jnp.square(r).reshape(r.shape[0], -1).mean(-1)
        return jnp.where(used, square, 0).sum() / rows

    def value_and_grad(block: tuple[Any, Array]) -> tuple[Array, Params]:
        return jax.value_and_grad(block_loss)(params["params"], *block)

    def add_block(total, block):
        return jax.tree.map(jnp.add, total, value_and_grad(block)), None

    first, rest = (
        jax.tree.map(lambda x, part=part: x[part], (blocks, used))
        for part in (0, slice(1, None))
    )
    return lax.scan(add_block, value_and_grad(first), rest)[0]


def _reduced(
    residual: Callable[[Params, Any], Array],
    reduce: Callable[[Array], Array],
    trained: Params,
    batch: Any,
) -> tuple[Array, Params]:
    """Of a function of all residuals: forwards in blocks, then backwards in blocks.

    What `reduce` says of each row is all that the way back needs, so that memory does
    not grow with the rows, for a second pass forwards. A few blocks are taken whole.
    """
    rows = jax.tree.leaves(batch)[0].shape[0]
    blocks, _ = in_blocks(batch, _most_rows())
    number, size = jax.tree.leaves(blocks)[0].shape[:2]
    if number <= 2:
        return jax.value_and_grad(lambda t: reduce(residual(t, batch)))(trained)
    found = lax.map(lambda block: residual(trained, block), blocks)
    flat = found.reshape(-1, *found.shape[2:])
    loss, slope = jax.value_and_grad(reduce)(flat[:rows])
    padding = [(0, number * size - rows)] + [(0, 0)] * (slope.ndim - 1)
    slopes = jnp.pad(slope, padding).reshape(found.shape)

    def add_block(total, block):
        rows, slope = block
        _, pull = jax.vjp(lambda trained: residual(trained, rows), trained)
        return jax.tree.map(jnp.add, total, pull(slope)[0]), None

    zeros = jax.tree.map(jnp.zeros_like, trained)
    return loss, lax.scan(add_block, zeros, (blocks, slopes))[0]


def _most_rows() -> int:
    return _ROWS_ON_CPU if jax.default_backend() == "cpu" else _ROWS_ELSEWHERE


def in_blocks(batch: Any, most: int) -> tuple[Any, Array]:
    """The batch as `[blocks, rows a block, ...]`, and which rows are not padding."""
    rows = jax.tree.leaves(batch)[0].shape[0]
    number = -(-rows // most)
    size = -(-rows // number)

    def split(x: Array) -> Array:
        # The last row fills up: padding must be as harmless to the residual as data.
        padding = [(0, number * size - rows)] + [(0, 0)] * (x.ndim - 1)
        return jnp.pad(x, padding, "edge").reshape(number, size, *x.shape[1:])

    used = jnp.arange(number * size, dtype=jnp.int32).reshape(number, size) < rows
    return jax.tree.map(split, batch), used


def _checked(term: Term) -> Term:
    if callable(term.data):
        return term
    leaves = jax.tree.leaves(term.data)
    rows = {jnp.shape(x)[:1] for x in leaves}
    if len(rows) != 1 or rows == {()} or rows == {(0,)}:
        shapes = [jnp.shape(x) for x in leaves]
        raise _checks.fail(
            "data", "arrays with a common, non-empty leading axis", f"shapes {shapes}"
        )
    if term.batch_size is not None:
        _checks.as_count("batch_size", term.batch_size)
    return term
