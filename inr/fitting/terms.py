"""Terms of a loss, each the mean square of a residual.

Notation. A term has data, arrays with a common leading axis of n rows, and a residual
r(field, batch) `[rows, ...]` whose row i depends on row i of the batch alone. The loss
is the sum over all terms of weight * mean(r^2).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, _display
from inr._field_checks import check_field
from inr._typing import Array, ArrayLike, Field, Key
from inr.fields import BoundField


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True)
class Term:
    """One part of a loss: weight * mean(residual(field, batch)^2).

    Attributes:
      residual: function `(field, batch) -> [rows, ...]` of a `BoundField`, which may
        also use its derivatives. Row i depends on row i of the batch alone. Define it
        at module level: a new lambda is compiled again.
      data: a tree of arrays with a common leading axis, or a function `(key, step) ->
        batch` that computes or draws batches: a plain function, or one that is a
        pytree and therefore carries arrays. The first array of a batch is its coords.
      weight: factor of this term, at least 0; may be traced.
      batch_size: rows in every step; None uses all. They are consecutive in a random
        sequence that visits all rows equally often.
      reduce: function `residuals -> scalar` of all rows of the batch, instead of the
        mean square.
    """

    residual: Callable[[BoundField, Any], Array]
    data: Any
    weight: float | Array = 1.0
    batch_size: int | None = None
    reduce: Callable[[Array], Array] | None = None

    def __post_init__(self) -> None:
        _checks.check_callable("residual", self.residual)
        if self.batch_size is not None:
            _checks.as_count("batch_size", self.batch_size)
        if self.reduce is not None:
            _checks.check_callable("reduce", self.reduce)

    def tree_flatten(self):
        static = (self.residual, self.batch_size, self.reduce)
        if callable(self.data) and jax.tree_util.all_leaves([self.data]):
            return (self.weight,), (*static, self.data)
        return (self.weight, self.data), (*static, None)

    @classmethod
    def tree_unflatten(cls, static, leaves):
        residual, batch_size, reduce, data = static
        weight = leaves[0]
        data = data if len(leaves) == 1 else leaves[1]
        return cls(residual, data, weight, batch_size, reduce)

    def __repr__(self) -> str:
        return _display.attributes_text(self)


_GOLDEN = round(2**32 / ((1 + 5**0.5) / 2))

Data: TypeAlias = Term | Sequence[Term] | Sequence[ArrayLike]
"""What `fit` takes: `(coords, features)`, `(coords, features, weights)` or terms."""


def value_residual(field: Field, batch: tuple[Array, ...]) -> Array:
    """Features of a field minus target features; a residual for `Term`.

    Args:
      field: function of coords `[n, d]`.
      batch: coords `[n, d]` and target features `[n, k]`.

    Returns:
      `[n, k]`.
    """
    coords, features = _checks.as_batch(batch, "coords", "features")
    return _difference(field, coords, features)


def weighted_residual(field: Field, batch: tuple[Array, ...]) -> Array:
    """(field(coords) - features) * factor, for `(coords, features, factor)`."""
    coords, features, factor = batch
    return _difference(field, coords, features) * factor[..., None]


def _difference(field: Field, coords: Array, features: Array) -> Array:
    check_field(field)
    prediction = field(coords)
    shape = getattr(prediction, "shape", None)
    if shape != features.shape or jnp.iscomplexobj(prediction):
        expected = f"a map from {coords.shape} to real features {features.shape}"
        got = f"{getattr(prediction, 'dtype', type(prediction).__name__)} {shape}"
        raise _checks.fail("field", expected, got)
    return prediction - features


def as_terms(data: Data, batch_size: int | None = None) -> tuple[Term, ...]:
    """Check the data of `fit` and return it as a tuple of terms.

    Args:
      data: a `Term`, a tuple of terms, or `(coords [n, d], features [n, k])`,
        optionally followed by `weights [n]` of mean 1.
      batch_size: rows per step, for samples.

    Returns:
      Terms.

    Raises:
      TypeError: for anything else.
      ValueError: if the arrays do not agree about n, are empty or are not finite.
    """
    terms = (data,) if isinstance(data, Term) else data
    if not isinstance(terms, tuple | list) or len(terms) == 0:
        raise TypeError(
            "`data` must be (coords, features), a Term or a tuple of Terms, got "
            f"{type(data).__name__}."
        )
    terms_only = [term for term in terms if isinstance(term, Term)]
    if len(terms_only) == len(terms):
        return tuple(map(_checked, terms_only))
    if terms_only or len(terms) not in (2, 3):
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
    check_weights(rows[2])
    rows = (*rows[:2], jnp.sqrt(rows[2]))
    return (_checked(Term(weighted_residual, rows, batch_size=batch_size)),)


def check_weights(weights: Array) -> None:
    """Raise unless concrete weights are at least 0 and not all 0."""
    if _checks.is_concrete(weights):
        values = np.asarray(weights)
        if not ((values >= 0).all() and (values > 0).any()):
            raise _checks.fail(
                "weights", "at least 0 and not all 0", f"minimum {values.min()}"
            )


def first_coords(key: Key, terms: tuple[Term, ...]) -> jax.ShapeDtypeStruct:
    """Shape and dtype of the coords of the first term's batches."""
    data = terms[0].data
    step = jax.ShapeDtypeStruct((), jnp.int32)
    batch = jax.eval_shape(data, key, step) if callable(data) else data
    coords = jax.tree.leaves(batch)[0]
    return jax.ShapeDtypeStruct(coords.shape, coords.dtype)


def draw_batch(key: Key, step: Array, term: Term) -> Any:
    """Return the term's batch for a step. The key is the same in every step."""
    if callable(term.data):
        return term.data(jax.random.fold_in(key, step), step)
    if term.batch_size is None:
        return term.data
    rows = jax.tree.leaves(term.data)[0].shape[0]
    index = _row_indices(key, step, term.batch_size, rows)
    return jax.tree.map(lambda x: x[index], term.data)


def _row_indices(key: Key, step: Array, batch_size: int, rows: int) -> Array:
    """Rows of a step: floor(rows * ((s + i a) mod 1)), where 1 / a is the golden ratio.

    With rows drawn independently, fits to three photographs in 500 steps of 2,048 of
    65,536 pixels had a PSNR that was 0.3 to 1.2 dB lower.
    """
    i = jnp.asarray(step, jnp.uint32) * jnp.uint32(batch_size)
    i = i + jnp.arange(batch_size, dtype=jnp.uint32)
    fraction = jax.random.bits(key, (), jnp.uint32) + i * jnp.uint32(_GOLDEN)
    # The upper 32 of the 64 bits of rows * fraction, by halves that do not overflow.
    high, low = fraction >> 16, fraction & 0xFFFF
    rows_high, rows_low = jnp.uint32(rows >> 16), jnp.uint32(rows & 0xFFFF)
    middle = high * rows_low + (low * rows_low >> 16) + (low * rows_high & 0xFFFF)
    index = high * rows_high + (middle >> 16) + (low * rows_high >> 16)
    return index.astype(jnp.int32)


def _checked(term: Term) -> Term:
    """Check a term's weight and rows."""
    _checks.check_scalar("weight", term.weight, _checks.as_not_negative)
    if callable(term.data):
        return term
    leaves = jax.tree.leaves(term.data)
    rows = {np.shape(x)[:1] for x in leaves}
    if len(rows) != 1 or rows == {()} or rows == {(0,)}:
        shapes = [np.shape(x) for x in leaves]
        raise _checks.fail(
            "data", "arrays with a common, non-empty leading axis", f"shapes {shapes}"
        )
    return term
