"""The three kinds of features that a network propagates; see `inr.fields.streams`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

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


class Cells(NamedTuple):
    """The mean of a quantity over an axis-aligned box around each point.

    Attributes:
      value: `[..., k]`, the mean.
      widths: `[d, ..., k]`, change of the quantity across the box along each axis, if
        it is affine in the coords; otherwise None.
    """

    value: Array
    widths: Array | None


Features = Array | Streams | Cells
"""Features `[..., k]` in one of the three kinds."""


def width(x: Features) -> int:
    """Number of features, the length of the last axis.

    Args:
      x: features `[..., k]` of any kind.

    Returns:
      k; for coords it is the number of axes d.
    """
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
    d = coords.shape[-1]
    ones = (1,) * (coords.ndim - 1)
    identity = jnp.eye(d, dtype=coords.dtype)
    if unit is not None:
        identity = identity * jnp.asarray(unit, coords.dtype)[None]
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
    widths = seed(coords).gradient
    return Cells(coords, widths * align(cell, widths))


def align(constant: Array, u: Array) -> Array:
    """Add leading axes of length 1 to `constant`, up to the rank of `u`."""
    return constant.reshape((1,) * (u.ndim - constant.ndim) + constant.shape)
