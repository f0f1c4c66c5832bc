"""Damped Gauss-Newton steps on terms, for networks of some thousands of parameters.

Notation. The P numbers in the collection `params` are one vector p. The residuals of
all terms, each times sqrt(weight / number of its residuals), are one vector r(p) of N,
so that the loss of `fit` is |r|^2; J `[N, P]` is its Jacobian. A step d solves

    (J'J + damping m I) d = -J'r,    m the mean of the diagonal of J'J

(Levenberg 1944), for four dampings around that of the previous step. The smallest of
them is chosen that lowers the loss by at least a tenth of the best decrease. (The best
one itself stays longer on plateaus, where a small damping makes longer steps. One
damping per step, adapted by the ratio of actual to predicted decrease, took more than
twice the steps at the beginning; Marquardt's diag(J'J) instead of m I took a third
more.)
"""

import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.scipy.linalg import cho_factor, cho_solve

from inr._loop import Chunk, repeat
from inr._memory import split_into_blocks
from inr._typing import Array, Key, Params
from inr.fields import BoundField
from inr.fitting.terms import Term, draw_batch

_BLOCK = 2**24  # numbers of the Jacobian in memory at once
# Factors of the damping, in the order of the trials, and the one of a step without
# any decrease of the loss.
_FACTORS, _RETREAT = (0.03, 0.3, 1.0, 5.0), 30.0
_SUFFICIENT = 0.1  # of the best decrease of the loss
_MIN_DAMPING, _MAX_DAMPING = 1e-6, 1e6


class GaussNewtonState(NamedTuple):
    """Input of the next step."""

    step: Array
    params: Params
    damping: Array


class _NormalEquations(NamedTuple):
    """J'J `[P, P]`, J'r `[P]` and |r|^2."""

    matrix: Array
    vector: Array
    loss: Array


def take_step(
    key: Key, state: GaussNewtonState, model: nn.Module, terms: tuple[Term, ...]
) -> tuple[GaussNewtonState, Array]:
    """Return the next state, and the loss before the step."""
    keys = [jax.random.fold_in(key, i) for i in range(len(terms))]
    batches = [draw_batch(k, state.step, t) for k, t in zip(keys, terms, strict=True)]
    start, unravel = ravel_pytree(state.params["params"])

    def residual(term: Term, vector: Array, batch: Any) -> Array:
        params = {**state.params, "params": unravel(vector)}
        return term.residual(BoundField(model, params), batch)

    def loss_of(vector: Array) -> Array:
        pairs = zip(terms, batches, strict=True)
        losses = (
            t.weight * jnp.square(residual(t, vector, b)).mean() for t, b in pairs
        )
        return functools.reduce(operator.add, losses)

    def normal_of(term: Term, batch: Any) -> _NormalEquations:
        return _normal(lambda *x: residual(term, *x), start, batch, term.weight)

    parts = [normal_of(t, b) for t, b in zip(terms, batches, strict=True)]
    total = functools.reduce(lambda a, b: jax.tree.map(operator.add, a, b), parts)
    normal = jax.tree.map(lambda x: x.astype(start.dtype), total)
    vector, damping = _descend(normal, start, state.damping, loss_of)
    params = {**state.params, "params": unravel(vector)}
    return GaussNewtonState(state.step + 1, params, damping), normal.loss


@functools.partial(jax.jit, static_argnames="model")
def advance(
    key: Key,
    state: GaussNewtonState,
    model: nn.Module,
    terms: tuple[Term, ...],
    limit: Array | int,
    target_loss: Array | float,
) -> Chunk:
    """Take up to `limit` steps; see `inr._loop` for when it stops earlier."""
    step = functools.partial(take_step, key, model=model, terms=terms)
    return repeat(step, state, limit, target_loss)


def _descend(
    normal: _NormalEquations,
    start: Array,
    damping: Array,
    loss_of: Callable[[Array], Array],
) -> tuple[Array, Array]:
    """Return a damped solution and its damping; or the start and a larger damping."""
    mean = jnp.diagonal(normal.matrix).mean()
    mean = jnp.where(mean > 0, mean, 1)  # 0 if no parameter has an effect
    identity = jnp.eye(len(start), dtype=start.dtype)

    def attempt(damping: Array) -> tuple[Array, Array]:
        factor = cho_factor(normal.matrix + damping * mean * identity, lower=True)
        candidate = start - cho_solve(factor, normal.vector)
        loss = loss_of(candidate)
        # A factorization that fails by rounding gives NaN.
        return candidate, jnp.where(jnp.isfinite(loss), loss, jnp.inf)

    dampings = damping * jnp.asarray(_FACTORS, damping.dtype)
    candidates, losses = lax.map(attempt, dampings)
    decreases = normal.loss - losses
    index = jnp.argmax(decreases >= _SUFFICIENT * decreases.max())
    is_lower = decreases[index] > 0
    damping = jnp.where(is_lower, dampings[index], damping * _RETREAT)
    return (
        jnp.where(is_lower, candidates[index], start),
        jnp.clip(damping, _MIN_DAMPING, _MAX_DAMPING),
    )


def _normal(
    residual: Callable[[Array, Any], Array],
    vector: Array,
    batch: Any,
    weight: float | Array,
) -> _NormalEquations:
    """Return a term's normal equations, summed over blocks of rows."""
    output = jax.eval_shape(residual, vector, batch)
    numbers_per_row = output.size // len(jax.tree.leaves(batch)[0])
    n = len(vector)

    def row_residual(vector: Array, row: Any) -> tuple[Array, Array]:
        r = residual(vector, jax.tree.map(lambda x: x[None], row))
        # Data may have a wider dtype than the parameters.
        r = r.reshape(-1).astype(vector.dtype)
        return r, r

    jacobian_of = jax.vmap(jax.jacrev(row_residual, has_aux=True), (None, 0))

    def add(
        total: _NormalEquations, block: tuple[Any, Array]
    ) -> tuple[_NormalEquations, None]:
        rows, is_data = block
        jacobian, r = jacobian_of(vector, rows)
        jacobian = jnp.where(is_data[:, None, None], jacobian, 0).reshape(-1, n)
        r = jnp.where(is_data[:, None], r, 0).reshape(-1)
        matmul = functools.partial(jnp.matmul, precision="highest")
        part = _NormalEquations(
            matmul(jacobian.T, jacobian), matmul(r, jacobian), r @ r
        )
        return jax.tree.map(jnp.add, total, part), None

    zeros = (jnp.zeros(shape, vector.dtype) for shape in ((n, n), (n,), ()))
    blocks = split_into_blocks(batch, max(_BLOCK // (numbers_per_row * n), 1))
    total, _ = lax.scan(add, _NormalEquations(*zeros), blocks)
    return jax.tree.map(lambda x: x * (weight / output.size), total)
