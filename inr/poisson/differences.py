"""Gradient, divergence and Laplacian on the pixel grid.

Notation. The edge after pixel i joins i and i + 1; a gradient `[h, w, 2, c]` holds at
[i, j] the forward differences over the edges below (axis y first) and to the right of
pixel [i, j]. Differences are per pixel: divide by `inr.coords.pitch` for the derivative
per unit of coords at the middle of the edge, to second order. The divergence is minus
the adjoint of the gradient, and the Laplacian their composition, with eigenvalues
-4 sin^2(...) along each axis.

`boundary="neumann"`: no edge leaves the image; differences there are zero.
`boundary="periodic"`: an edge joins the last pixel to the first.
"""

from typing import Literal, get_args

import jax.numpy as jnp
from jax import lax
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike

Boundary = Literal["neumann", "periodic"]


def grid_gradient(
    image: Float[ArrayLike, "h w c"], *, boundary: Boundary = "neumann"
) -> Array:
    """Forward differences along both axes.

    Args:
      image: `[h, w, c]`.
      boundary: `"neumann"` or `"periodic"`.

    Returns:
      `[h, w, 2, c]`, per pixel.

    Raises:
      ValueError: for another shape, integers, or an unknown boundary.
    """
    image = as_grid("image", image, "[h, w, c]")
    _checks.check_choice("boundary", boundary, get_args(Boundary))
    steps = [_following(image, axis, boundary) - image for axis in (0, 1)]
    return jnp.stack(steps, 2)


def grid_divergence(
    guidance: Float[ArrayLike, "h w 2 c"], *, boundary: Boundary = "neumann"
) -> Array:
    """Backward differences of a gradient field: minus the adjoint of `grid_gradient`.

    Args:
      guidance: `[h, w, 2, c]`. With the Neumann boundary, entries for edges that would
        leave the image are not read.
      boundary: `"neumann"` or `"periodic"`.

    Returns:
      `[h, w, c]`, per pixel.

    Raises:
      ValueError: for another shape, integers, or an unknown boundary.
    """
    guidance = as_grid("guidance", guidance, "[h, w, 2, c]")
    _checks.check_choice("boundary", boundary, get_args(Boundary))
    total = jnp.zeros((), guidance.dtype)
    for axis in (0, 1):
        step = guidance[:, :, axis]
        if boundary == "periodic":
            total = total + step - jnp.roll(step, 1, axis)
        else:
            inner = lax.slice_in_dim(step, 0, -1, axis=axis)
            total = total + _padded(inner, axis, 0, 1) - _padded(inner, axis, 1, 0)
    return total


def grid_laplacian(
    image: Float[ArrayLike, "h w c"], *, boundary: Boundary = "neumann"
) -> Array:
    """Sum of the differences to the neighbors in the image (five-point stencil).

    Args:
      image: `[h, w, c]`.
      boundary: `"neumann"` or `"periodic"`.

    Returns:
      `[h, w, c]`, per square pixel.

    Raises:
      ValueError: for another shape, integers, or an unknown boundary.
    """
    gradient = grid_gradient(image, boundary=boundary)
    return grid_divergence(gradient, boundary=boundary)


def as_grid(argument: str, value: ArrayLike, layout: str) -> Array:
    """`value` as a non-empty floating array; checks rank and the axis of length 2."""
    array = _checks.as_floating(argument, value)
    _checks.check_rank(argument, array, layout)
    _checks.check_not_empty(argument, array)
    if ", 2," in layout and array.shape[2] != 2:
        raise _checks.fail(argument, layout, f"shape {array.shape}")
    return array


def _following(image: Array, axis: int, boundary: Boundary) -> Array:
    """Value of the next pixel; at the end the first pixel's, or the pixel's own."""
    if boundary == "periodic":
        return jnp.roll(image, -1, axis)
    rest = lax.slice_in_dim(image, 1, None, axis=axis)
    return jnp.concatenate([rest, lax.slice_in_dim(image, -1, None, axis=axis)], axis)


def _padded(x: Array, axis: int, before: int, after: int) -> Array:
    """Add zeros before and after along an axis."""
    widths = [(0, 0)] * x.ndim
    widths[axis] = (before, after)
    return jnp.pad(x, widths)
