"""Divergence and curl of vector fields, whose components are in the axes' order."""

import jax.numpy as jnp
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike, Field
from inr.calculus.derivatives import gradient


def divergence(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Sum of the derivatives of each component along its own axis.

    Args:
      field: maps coords `[..., d]` to vectors `[..., d]`, components in the axes'
        order.
      coords: `[..., d]`.

    Returns:
      `[...]`.

    Raises:
      ValueError: as `gradient`, and if the numbers of features and axes differ.
    """
    return jnp.trace(_vector_gradient(field, coords), axis1=-2, axis2=-1)


def curl(field: Field, coords: Float[ArrayLike, "*n d"]) -> Array:
    """Curl of a vector field, for d = 2 or 3.

    With axes (y, x) it is df_y/dx - df_x/dy, where f_y is the component along y. With
    axes (z, y, x) this is the z component, and components are in the axes' order.

    Args:
      field: maps coords `[..., d]` to vectors `[..., d]`, components in the axes'
        order.
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


def _vector_gradient(field: Field, coords: ArrayLike) -> Array:
    g = gradient(field, coords)
    if g.shape[-1] != g.shape[-2]:
        raise _checks.fail(
            "field", f"one with {g.shape[-2]} features", f"{g.shape[-1]} features"
        )
    return g
