"""The three kinds of features that a network propagates; see `inr.fields.streams`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, _display
from inr._typing import Array, ArrayLike


class Streams(NamedTuple):
    """A value with its derivatives with respect to the field's coords.

    Attributes:
      value: `[..., k]`.
      gradient: `[d, ..., k]`, leading axes of length 1 broadcast.
      laplacian: `[..., k]`, leading axes of length 1 broadcast.
    """

    value: Array
    gradient: Array
    laplacian: Array

    def __repr__(self) -> str:
        return _display.attributes_text(self)

    def __jax_array__(self) -> Array:
        raise _not_an_array("Streams")


class Cells(NamedTuple):
    """The mean of a quantity over an axis-aligned box around each point.

    Attributes:
      value: `[..., k]`, the mean.
      widths: `[d, ..., k]`, change of the quantity across the box along each axis, if
        it is affine in the coords; otherwise None.
    """

    value: Array
    widths: Array | None

    def __jax_array__(self) -> Array:
        raise _not_an_array("Cells")


Features = Array | Streams | Cells
"""Features `[..., k]` in one of the three kinds."""


def _not_an_array(kind: str) -> TypeError:
    """The error of a layer that was not written for all kinds of features."""
    return TypeError(
        f"`network` must be written with `inr.fields.streams`, got a function of "
        f"arrays for {kind}. Write `Affine` for `nn.Dense` and "
        "`streams.pointwise(jnp.tanh, x)` for `jnp.tanh(x)`."
    )


def check_kind(argument: str, x: Features) -> None:
    """Raise unless `x` is of one of the three kinds, with an axis of features."""
    if not isinstance(x, Streams | Cells | jax.Array | np.ndarray):
        expected = "an array, `Streams` or `Cells`"
        raise _checks.fail(argument, expected, type(x).__name__)
    if jnp.ndim(jax.tree.leaves(x)[0]) == 0:
        raise _checks.fail(argument, "[..., k]", "a number")


def width(x: Features) -> int:
    """Number of features, the length of the last axis.

    Args:
      x: features `[..., k]` of any kind.

    Returns:
      k; for coords it is the number of axes d.
    """
    check_kind("x", x)
    return jax.tree.leaves(x)[0].shape[-1]


def seed(coords: Array, *, unit: ArrayLike | None = None) -> Streams:
    """Return the coords as `Streams`: identity gradient, zero Laplacian.

    Args:
      coords: `[..., d]`.
      unit: `[d]`, unit of length along each axis; 1 by default. Derivatives are per
        unit.

    Returns:
      `Streams` whose derivatives are the same at all points.
    """
    coords = _checks.as_floating("coords", coords)
    check_kind("coords", coords)
    d = coords.shape[-1]
    ones = (1,) * (coords.ndim - 1)
    identity = jnp.eye(d, dtype=coords.dtype)
    if unit is not None:
        unit = _checks.as_floating("unit", unit).astype(coords.dtype)
        _checks.check_shape("unit", unit, (d,))
        identity = identity * unit[None]
    zeros = jnp.zeros((*ones, d), coords.dtype)
    return Streams(coords, identity.reshape(d, *ones, d), zeros)


def seed_cells(coords: Array, cell: Array) -> Cells:
    """Return the coords as means over boxes around them.

    Args:
      coords: `[..., d]`, centers of the boxes.
      cell: `[d]`, size of the boxes.

    Returns:
      `Cells`.
    """
    coords, widths, _ = seed(coords)
    cell = _checks.as_floating("cell", cell)
    _checks.check_shape("cell", cell, coords.shape[-1:])
    return Cells(coords, widths * align(cell, widths))


def align(constant: Array, u: Array) -> Array:
    """Add leading axes of length 1 to `constant`, up to the rank of `u`."""
    return constant.reshape((1,) * (u.ndim - constant.ndim) + constant.shape)
