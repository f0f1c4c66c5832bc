"""Exact derivatives of fields: gradient, Jacobian, divergence, Laplacian, curl.

Contract: a field maps coords `[..., d]` to features `[..., k]`, and the value at a
point depends on that point alone: one forward derivative along axis i, taken at all
points together, is the i-th derivative everywhere. Derivatives are per unit of coords,
exact, and themselves differentiable; functions of coords made from them are fields
again.

The families of this library are asked for their streams: value, gradient and Laplacian
in one pass of d + 2 matrix products a layer and no Hessian (the forward Laplacian,
Li et al. 2024, arXiv:2307.08214). Any other callable is differentiated forwards, once
or twice for each axis.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike, Field
from inr.fields import BoundField, FieldModule

_POINTS_ON_CPU = 1024  # 1 MB a stream at width 256: a quarter faster than 4096


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
      field: coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.
      unit: the length along each axis per which to differentiate, 1 by default;
        `inr.coords.pitch(size)` gives derivatives per pixel, as on the grid.

    Returns:
      `Derivatives`: value `[..., k]`, gradient `[..., d, k]`, Laplacian `[..., k]`.

    Raises:
      ValueError: for integer or empty coords, for a field that does not map each point
        to features, and for a hash grid with linear interpolation, whose second
        derivatives are zero almost everywhere.
    """
    coords = _checked(field, coords)
    if unit is not None and np.shape(unit) != coords.shape[-1:]:
        raise _checks.fail("unit", f"{coords.shape[-1:]}", f"shape {np.shape(unit)}")
    if _has_streams(field):
        return _in_blocks(lambda x: _by_streams(field, x, unit), coords)
    tangents, second = _forwards(field, coords, twice=True, unit=unit)
    return Derivatives(field(coords), jnp.moveaxis(tangents, 0, -2), second.sum(0))


def gradient(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Derivative of every feature along every axis.

    Args:
      field: coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.

    Returns:
      `[..., d, k]`.

    Raises:
      ValueError: for integer or empty coords, and for a field that does not map each
        point to features.
    """
    coords = _checked(field, coords)
    tangents, _ = _forwards(field, coords, twice=False)
    return jnp.moveaxis(tangents, 0, -2)


def jacobian(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Derivatives as the matrix of the linear map from coords to features.

    Args:
      field: coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.

    Returns:
      `[..., k, d]`, the transpose of `gradient`.

    Raises:
      ValueError: as `gradient`.
    """
    return jnp.swapaxes(gradient(field, coords), -1, -2)


def divergence(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Sum of the derivatives of each component along its own axis.

    Args:
      field: coords `[..., d]` to vectors `[..., d]`, components in the axes' order.
      coords: `[..., d]`.

    Returns:
      `[...]`.

    Raises:
      ValueError: as `gradient`, and where features and axes differ in number.
    """
    return jnp.trace(_vector_gradient(field, coords), axis1=-2, axis2=-1)


def laplacian(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Sum of the second derivatives of every feature along all axes.

    Args:
      field: coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.

    Returns:
      `[..., k]`.

    Raises:
      ValueError: as `value_gradient_laplacian`.
    """
    return value_gradient_laplacian(field, coords).laplacian


def axis_derivatives(field: Field, coords: Float[ArrayLike, "*n d"]) -> AxisDerivatives:
    """Value, gradient and the second derivative along each axis, in 2 d + 1 streams.

    What an operator that is not the Laplacian takes, such as the wave operator: the
    diagonal of `hessian`, at about the cost of `laplacian` by jvp of jvp.

    Args:
      field: coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.

    Returns:
      `AxisDerivatives`: value `[..., k]`, gradient and second `[..., d, k]`.

    Raises:
      ValueError: as `value_gradient_laplacian`.
    """
    coords = _checked_twice(field, coords)
    tangents, second = _forwards(field, coords, twice=True)
    return AxisDerivatives(
        field(coords), jnp.moveaxis(tangents, 0, -2), jnp.moveaxis(second, 0, -2)
    )


def hessian(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Second derivatives of every feature along all pairs of axes.

    Args:
      field: coords `[..., d]` to features `[..., k]`.
      coords: `[..., d]`.

    Returns:
      `[..., d, d, k]`, symmetric in the axes.

    Raises:
      ValueError: as `value_gradient_laplacian`.
    """
    coords = _checked_twice(field, coords)

    def slopes(coords: Array) -> Array:
        return _forwards(field, coords, twice=False)[0]

    second, _ = _forwards(slopes, coords, twice=False)
    return jnp.moveaxis(second, (0, 1), (-3, -2))


def curl(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Rotation of a vector field, for d = 2 or 3.

    With axes (y, x) it is df_y/dx - df_x/dy, where f_y is the component along y. With
    axes (z, y, x) that is its component along z, and components are in the axes' order.

    Args:
      field: coords `[..., d]` to vectors `[..., d]`, components in the axes' order.
      coords: `[..., d]`.

    Returns:
      `[...]` for d = 2, `[..., 3]` for d = 3.

    Raises:
      ValueError: as `divergence`, and for another d.
    """
    g = _vector_gradient(field, coords)
    d = g.shape[-1]
    if d not in (2, 3):
        raise _checks.fail("coords", "[..., 2] or [..., 3]", f"[..., {d}]")
    # g[i, j] is the derivative of component j along axis i; the last axis is x.
    z = g[..., -1, -2] - g[..., -2, -1]
    if d == 2:
        return z
    y = g[..., 0, 2] - g[..., 2, 0]
    x = g[..., 1, 0] - g[..., 0, 1]
    return jnp.stack([z, y, x], -1)


def _by_streams(field: BoundField, coords: Array, unit: ArrayLike | None):
    value, tangents, laplacian = field.streams(coords, unit=unit)
    return Derivatives(value, jnp.moveaxis(tangents, 0, -2), laplacian)


def _in_blocks(function: Callable[[Array], Any], coords: Array) -> Any:
    """A function of each point alone, of a few at a time where there are many.

    On a CPU the streams of all layers then stay in its cache.
    """
    *lead, d = coords.shape
    n = math.prod(lead)
    if n <= 2 * _POINTS_ON_CPU or jax.default_backend() != "cpu":
        return function(coords)
    number = -(-n // _POINTS_ON_CPU)
    size = -(-n // number)
    rows = jnp.pad(coords.reshape(n, d), ((0, number * size - n), (0, 0)), mode="edge")
    made = lax.map(function, rows.reshape(number, size, d))
    return jax.tree.map(
        lambda x: x.reshape(-1, *x.shape[2:])[:n].reshape(*lead, *x.shape[2:]), made
    )


def _has_streams(field: Field) -> bool:
    return isinstance(field, BoundField) and isinstance(field.model, FieldModule)


def _forwards(
    field: Field, coords: Array, *, twice: bool, unit: ArrayLike | None = None
) -> tuple[Array, Array | None]:
    """First and, if asked for, second derivatives along each axis, `[d, ..., k]`."""

    def along(axis: Array) -> tuple[Array, Array | None]:
        tangent = jnp.broadcast_to(axis, coords.shape)

        def slope(coords: Array) -> Array:
            return jax.jvp(field, (coords,), (tangent,))[1]

        if twice:
            return jax.jvp(slope, (coords,), (tangent,))
        return slope(coords), None

    axes = jnp.eye(coords.shape[-1], dtype=coords.dtype)
    if unit is not None:
        axes = axes * jnp.asarray(unit, coords.dtype)[None]
    return jax.vmap(along)(axes)


def _vector_gradient(field: Field, coords: ArrayLike) -> Array:
    g = gradient(field, coords)
    if g.shape[-1] != g.shape[-2]:
        raise _checks.fail(
            "field", f"one with {g.shape[-2]} features", f"{g.shape[-1]} features"
        )
    return g


def _checked_twice(field: Field, coords: ArrayLike) -> Array:
    """Also that the field has second derivatives: its family says so by its streams."""
    coords = _checked(field, coords)
    if _has_streams(field):
        jax.eval_shape(field.streams, coords)
    return coords


def _checked(field: Field, coords: ArrayLike) -> Array:
    coords = _checks.as_floating("coords", coords)
    _checks.check_not_empty("coords", coords)
    if coords.ndim == 0:
        raise _checks.fail("coords", "[..., d]", "a number")
    made = jax.eval_shape(field, coords)
    if getattr(made, "shape", (None,))[:-1] != coords.shape[:-1]:
        got = f"{getattr(made, 'shape', type(made).__name__)} from {coords.shape}"
        raise _checks.fail("field", "a map from [..., d] to [..., k]", got)
    return coords
