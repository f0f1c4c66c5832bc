"""Fitting by the method of Levenberg and Marquardt: few steps, each a linear solve.

Notation. The P numbers in the collection `params` are one vector p. The residuals of
all terms, each times sqrt(weight / how many), are one vector r(p) of N, so that the
loss of `fit` is |r|^2; J `[N, P]` is its Jacobian. A step d solves

    (J'J + damping m I) d = -J'r,    m the mean of the diagonal of J'J

(Levenberg 1944), for four dampings about that of the step before. The least of them is
taken that lowers the loss by a tenth of what the best one does. (The best one itself
stays longer on plateaus, where a small damping goes farther; one damping a step, by how
well the last one foretold the loss, took more than twice the steps to begin with;
Marquardt's diag(J'J) in place of m I took a third more.)

For an equation's residual this is the step that Adam takes thousands of steps to
approach: J'J knows how ill conditioned the operator is (for partial differential
equations: Mueller and Zeinhofer 2023, "energy natural gradient"). It costs N P^2
operations and P^2 numbers of memory, and so is for networks of some thousands of
parameters.
"""

import functools
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.scipy.linalg import cho_factor, cho_solve

from inr import _checks
from inr._loop import Chunk, drive
from inr._typing import Array, Key, Params
from inr.fields import BoundField, check_module
from inr.fitting.samples import affines_of, init_params, kept_rows
from inr.fitting.step import repeat
from inr.fitting.terms import Term, as_terms, draw, in_blocks
from inr.fitting.verbs import Callback, FitDiverged, FitResult

_MOST_PARAMETERS = 2**14  # of which J'J is 1 GB
_BLOCK = 2**24  # numbers of the Jacobian that are held at once
# Of the dampings tried, in this order, and of the next one where none lowers the loss.
_FACTORS, _RETREAT = (0.03, 0.3, 1.0, 5.0), 30.0
_ENOUGH = 0.1  # of the best one's fall of the loss
_LEAST_DAMPING, _MOST_DAMPING = 1e-6, 1e6


class _State(NamedTuple):
    """What the next step needs."""

    step: Array
    params: Params
    damping: Array


class _Normal(NamedTuple):
    """The normal equations: J'J `[P, P]`, J'r `[P]` and |r|^2."""

    matrix: Array
    vector: Array
    loss: Array


def fit_least_squares(
    key: Key,
    model: nn.Module,
    data: Any,
    *,
    num_steps: int = 100,
    batch_size: int | None = None,
    damping: float = 1e-2,
    params: Params | None = None,
    target_loss: float = 0.0,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fits a small field to samples or terms by damped Gauss-Newton steps.

    The same problem as `fit`, with the same answer where both arrive. A step costs N
    P^2 operations and 4 P^2 bytes of memory several times over: seconds for a few
    thousand parameters. Draw batches of about twice as many residuals as there are
    parameters.

    Args:
      key: PRNG key of the initialization and of the batches.
      model: a Linen module with at most 16,384 parameters.
      data: as for `fit`; terms without `reduce`, whose mean square is the loss.
      num_steps: steps in all.
      batch_size: as for `fit`.
      damping: of the first step, relative to the mean curvature; it adapts itself.
      params: as for `fit`.
      target_loss: as for `fit`.
      checkpoint: as for `fit`.
      progress: as for `fit`.
      callback: called after every few steps with the step, the loss and the field.

    Returns:
      A `FitResult`.

    Raises:
      FitDiverged: if the loss is NaN or infinite.
      ValueError, TypeError: as `fit`, for a term with `reduce`, and for a model with
        too many parameters.
    """
    check_module(model)
    terms = as_terms(kept_rows(data), batch_size)
    if any(term.reduce is not None for term in terms):
        raise _checks.fail(
            "data", "terms without `reduce`", "one with it", "Use `fit` for it."
        )
    key_init, key_steps = jax.random.split(key)
    if params is None:
        params = init_params(key_init, model, terms, affines_of(data))
    count = sum(np.size(x) for x in jax.tree.leaves(params["params"]))
    if count > _MOST_PARAMETERS:
        raise _checks.fail(
            "model",
            f"one with at most {_MOST_PARAMETERS} parameters",
            f"{count}",
            "Lower its `width` or `depth`, or use `fit`.",
        )
    damping = jnp.float32(_checks.as_positive("damping", damping))

    def take(state: _State, limit: int) -> Chunk:
        return _advance(key_steps, state, model, terms, limit, target_loss)

    def report(step: int, loss: np.ndarray, state: _State) -> None:
        callback(step, float(loss), BoundField(model, state.params))

    outcome = drive(
        take,
        _State(jnp.int32(0), params, damping),
        num_steps=_checks.as_count("num_steps", num_steps),
        progress=progress,
        describe=lambda loss: f"loss {float(loss):.3g}",
        callback=None if callback is None else report,
        checkpoint=checkpoint,
    )
    state, history, status = outcome
    result = FitResult(state.params, history, int(state.step), status)
    if status == "diverged":
        raise FitDiverged(result)
    return result


def _step(
    key: Key, state: _State, model: nn.Module, terms: tuple[Term, ...]
) -> tuple[_State, Array]:
    """The state after a step, and the loss before it."""
    key = jax.random.fold_in(key, state.step)
    keys = [jax.random.fold_in(key, i) for i in range(len(terms))]
    batches = [draw(k, state.step, t) for k, t in zip(keys, terms, strict=True)]
    start, unravel = ravel_pytree(state.params["params"])

    def residual(term: Term, vector: Array, batch: Any) -> Array:
        params = {**state.params, "params": unravel(vector)}
        return term.residual(BoundField(model, params), batch)

    def loss_of(vector: Array) -> Array:
        pairs = zip(terms, batches, strict=True)
        return sum(
            t.weight * jnp.square(residual(t, vector, b)).mean() for t, b in pairs
        )

    def normal_of(term: Term, batch: Any) -> _Normal:
        return _normal(lambda *x: residual(term, *x), start, batch, term.weight)

    parts = [normal_of(t, b) for t, b in zip(terms, batches, strict=True)]
    normal = jax.tree.map(lambda *xs: sum(xs).astype(start.dtype), *parts)
    vector, damping = _descend(normal, start, state.damping, loss_of)
    params = {**state.params, "params": unravel(vector)}
    return _State(state.step + 1, params, damping), normal.loss


def _descend(
    normal: _Normal, start: Array, damping: Array, loss_of: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """One of the damped solutions, and its damping; or the start, and a larger one."""
    scale = jnp.diagonal(normal.matrix).mean()
    scale = jnp.where(scale > 0, scale, 1)  # of a field that no parameter moves
    identity = jnp.eye(len(start), dtype=start.dtype)

    def attempt(damping: Array) -> tuple[Array, Array]:
        factor = cho_factor(normal.matrix + damping * scale * identity, lower=True)
        reached = start - cho_solve(factor, normal.vector)
        loss = loss_of(reached)
        # Rounding can spoil a factorization; it then gives NaN.
        return reached, jnp.where(jnp.isfinite(loss), loss, jnp.inf)

    tried = damping * jnp.asarray(_FACTORS, damping.dtype)
    reached, losses = lax.map(attempt, tried)
    falls = normal.loss - losses
    chosen = jnp.argmax(falls >= _ENOUGH * falls.max())
    lower = falls[chosen] > 0
    damping = jnp.where(lower, tried[chosen], damping * _RETREAT)
    return (
        jnp.where(lower, reached[chosen], start),
        jnp.clip(damping, _LEAST_DAMPING, _MOST_DAMPING),
    )


def _normal(
    residual: Callable[[Array, Any], Array],
    vector: Array,
    batch: Any,
    weight: float | Array,
) -> _Normal:
    """A term's part, summed over blocks of rows."""
    made = jax.eval_shape(residual, vector, batch)
    numbers = made.size // len(jax.tree.leaves(batch)[0])  # a row has
    n = len(vector)

    def row(vector: Array, one: Any) -> tuple[Array, Array]:
        r = residual(vector, jax.tree.map(lambda x: x[None], one))
        # Data may be of a wider dtype than the parameters, which keep theirs.
        r = r.reshape(-1).astype(vector.dtype)
        return r, r

    def add(total: _Normal, block: tuple[Any, Array]) -> tuple[_Normal, None]:
        rows, used = block
        jacobian, r = jax.vmap(jax.jacrev(row, has_aux=True), (None, 0))(vector, rows)
        jacobian = jnp.where(used[:, None, None], jacobian, 0).reshape(-1, n)
        r = jnp.where(used[:, None], r, 0).reshape(-1)
        exactly = functools.partial(jnp.matmul, precision="highest")
        part = _Normal(exactly(jacobian.T, jacobian), exactly(r, jacobian), r @ r)
        return jax.tree.map(jnp.add, total, part), None

    zeros = (jnp.zeros(shape, vector.dtype) for shape in ((n, n), (n,), ()))
    blocks = in_blocks(batch, max(_BLOCK // (numbers * n), 1))
    total, _ = lax.scan(add, _Normal(*zeros), blocks)
    return jax.tree.map(lambda x: x * (weight / made.size), total)


@functools.partial(jax.jit, static_argnames="model")
def _advance(
    key: Key,
    state: _State,
    model: nn.Module,
    terms: tuple[Term, ...],
    limit: Array,
    target_loss: Array,
) -> Chunk:
    """Up to `limit` steps; see `inr._loop` for when it stops earlier."""
    step = functools.partial(_step, key, model=model, terms=terms)
    return repeat(step, state, limit, target_loss)
