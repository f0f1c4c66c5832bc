"""First and second derivatives of every feature.

Families of this library propagate their streams: value, gradient and Laplacian in one
pass of d + 2 matrix products per layer, without a Hessian (the forward Laplacian, Li et
al. 2024, arXiv:2307.08214). Other callables are differentiated in forward mode, once or
twice for each axis.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike, Field
from inr.calculus.propagation import (
    as_coords,
    as_smooth_coords,
    first_derivatives,
    has_streams,
    map_blocks,
    second_derivatives,
)
from inr.fields import BoundField


class Derivatives(NamedTuple):
    """A field's value with its first and second derivatives.

    Attributes:
      value: `[..., k]`.
      gradient: `[..., d, k]`, the derivative along each axis.
      laplacian: `[..., k]`, the sum of the second derivatives along all axes.
    """

    value: Array
    gradient: Array
    laplacian: Array


class AxisDerivatives(NamedTuple):
    """A field's value with its derivatives along each axis.

    Attributes:
      value: `[..., k]`.
      gradient: `[..., d, k]`, the derivative along each axis.
      second: `[..., d, k]`, the second derivative along each axis.
    """

    value: Array
    gradient: Array
    second: Array


def value_gradient_laplacian(
    field: Field,
    coords: Float[ArrayLike, "*n d"],
    *,
    unit: Float[ArrayLike, " d"] | None = None,
) -> Derivatives:
    """Value, gradient and Laplacian of a field in one pass.

    Args:
      field: maps coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.
      unit: unit of length along each axis, 1 by default. Derivatives are per unit: pass
        `inr.coords.pitch(size)` for derivatives per pixel.

    Returns:
      `Derivatives`: value `[..., k]`, gradient `[..., d, k]`, Laplacian `[..., k]`.

    Raises:
      ValueError: for integer or empty coords, for a field that does not map each point
        to features, and for a hash grid with linear interpolation, whose second
        derivatives are zero almost everywhere.
    """
    coords = as_coords(field, coords)
    if unit is not None:
        unit = _checks.as_floating("unit", unit)
        _checks.check_shape("unit", unit, coords.shape[-1:])
        _checks.check_finite("unit", unit)
    if has_streams(field):
        return map_blocks(lambda x: _from_streams(field, x, unit), coords)
    tangents, second = second_derivatives(field, coords, unit=unit)
    return Derivatives(field(coords), jnp.moveaxis(tangents, 0, -2), second.sum(0))


def gradient(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Derivative of every feature along every axis.

    Args:
      field: maps coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.

    Returns:
      `[..., d, k]`.

    Raises:
      ValueError: for integer or empty coords, and for a field that does not map each
        point to features.
    """
    coords = as_coords(field, coords)
    return jnp.moveaxis(first_derivatives(field, coords), 0, -2)


def jacobian(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Matrix of the linear map from a change of coords to a change of features.

    Args:
      field: maps coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.

    Returns:
      `[..., k, d]`, the transpose of `gradient`.

    Raises:
      ValueError: as `gradient`.
    """
    return jnp.swapaxes(gradient(field, coords), -1, -2)


def laplacian(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Sum of the second derivatives of every feature along all axes.

    Args:
      field: maps coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.

    Returns:
      `[..., k]`.

    Raises:
      ValueError: as `value_gradient_laplacian`.
    """
    return value_gradient_laplacian(field, coords).laplacian


def axis_derivatives(field: Field, coords: Float[ArrayLike, "*n d"]) -> AxisDerivatives:
    """Value, gradient and the second derivative along each axis.

    Use it for operators other than the Laplacian, such as the wave operator. The second
    derivatives are the diagonal of `hessian`, computed in 2 d + 1 streams.

    Args:
      field: maps coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.

    Returns:
      `AxisDerivatives`: value `[..., k]`, gradient and second `[..., d, k]`.

    Raises:
      ValueError: as `value_gradient_laplacian`.
    """
    coords = as_smooth_coords(field, coords)
    tangents, second = second_derivatives(field, coords)
    return AxisDerivatives(
        field(coords), jnp.moveaxis(tangents, 0, -2), jnp.moveaxis(second, 0, -2)
    )


def hessian(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Second derivatives of every feature along all pairs of axes.

    Args:
      field: maps coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.

    Returns:
      `[..., d, d, k]`, symmetric in the axes.

    Raises:
      ValueError: as `value_gradient_laplacian`.
    """
    coords = as_smooth_coords(field, coords)

    second = first_derivatives(functools.partial(first_derivatives, field), coords)
    return jnp.moveaxis(second, (0, 1), (-3, -2))


def _from_streams(
    field: BoundField, coords: Array, unit: ArrayLike | None
) -> Derivatives:
    value, tangents, laplacian = field.streams(coords, unit=unit)
    return Derivatives(value, jnp.moveaxis(tangents, 0, -2), laplacian)
