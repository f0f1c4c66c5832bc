"""One definition of a network for its value and its exact derivatives.

Notation. A field's coords p have d axes. Along the network a quantity u(p) with
features `[..., k]` is carried either as that array alone, or as `Streams`: the value
u `[..., k]`, the gradient du/dp_i `[d, ..., k]` and the Laplacian sum_i d2u/dp_i2
`[..., k]`. That is d + 2 streams and no Hessian, the least that exact forward
propagation needs (the forward Laplacian, Li et al. 2024, arXiv:2307.08214; collapsed
Taylor mode, Dangel et al. 2025).

A module written with `affine`, `pointwise`, `multiply` and `concatenate` accepts either
kind, so that it is defined once. Leading axes of the two derivative streams may have
length 1 and broadcast: at the input the gradient is the identity for every point, so
the first layer's tangents are the rows of its kernel and its Laplacian is zero, at no
cost that grows with the number of points.

A third kind, `Cells`, carries the mean of u over a box around each point. It is exact
for affine maps of the coords and for their sines, and refuses whatever comes after.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from inr._typing import Array
from inr.fields.sine import sine


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
      widths: `[d, ..., k]`, by how much the quantity changes across the box along each
        axis, where it is affine in the coords; None where it is not.
    """

    value: Array
    widths: Array | None


Features = Array | Streams | Cells


def seed(coords: Array, *, unit: Array | None = None) -> Streams:
    """The coords as `Streams` of themselves: identity gradient, zero Laplacian.

    Args:
      coords: `[..., d]`.
      unit: `[d]`, the length along each axis per which to differentiate; 1 by default.

    Returns:
      `Streams` whose derivatives do not depend on the point.
    """
    d = coords.shape[-1]
    ones = (1,) * (coords.ndim - 1)
    identity = jnp.eye(d, dtype=coords.dtype)
    if unit is not None:
        identity = identity * jnp.asarray(unit, coords.dtype)[None]
    zeros = jnp.zeros((*ones, d), coords.dtype)
    return Streams(coords, identity.reshape(d, *ones, d), zeros)


def seed_cells(coords: Array, cell: Array) -> Cells:
    """The coords as means over boxes of size `cell` `[d]` around them."""
    widths = seed(coords).gradient
    return Cells(coords, widths * _like(cell, widths))


def affine(
    x: Features,
    kernel: Array,
    bias: Array | None = None,
    *,
    precision: str | None = None,
    dtype: Any = None,
) -> Features:
    """x @ kernel + bias on the last axis.

    Args:
      x: features `[..., j]` or `Streams`.
      kernel: `[j, k]`.
      bias: `[k]`, or None.
      precision: of the product, as in `jax.lax.dot_general`.
      dtype: of the product's inputs, such as `jnp.bfloat16`; sums and the result keep
        the widest dtype of `x` and `kernel`. None: that dtype throughout.

    Returns:
      `[..., k]`, of the same kind as `x`.
    """

    def linear(u: Array) -> Array:
        wide = jnp.result_type(u, kernel)
        narrow = wide if dtype is None else dtype
        return jnp.matmul(
            u.astype(narrow),
            kernel.astype(narrow),
            precision=precision,
            preferred_element_type=wide,
        )

    # One product a stream: stacking the streams into one is slower on CPU.
    y = jax.tree.map(linear, x)
    return y if bias is None else translate(y, bias)


def translate(x: Features, constant: Array) -> Features:
    """x + constant, where `constant` `[k]` does not depend on the coords."""
    if isinstance(x, Streams | Cells):
        return x._replace(value=translate(x.value, constant))
    return x + _like(constant, x)


def pointwise(fn: Callable[[Array], Array], x: Features) -> Features:
    """An elementwise function of the features.

    Args:
      fn: acts on every element alone and is twice differentiable by `jax.jvp`.
      x: features `[..., k]` or `Streams`.

    Returns:
      `[..., k]`, of the same kind as `x`.
    """
    if isinstance(x, Cells):
        return _mean_of_sine(fn, x)
    if not isinstance(x, Streams):
        return fn(x)
    ones = jnp.ones_like(x.value)

    def slope(u: Array) -> Array:
        return jax.jvp(fn, (u,), (ones,))[1]

    first, second = jax.jvp(slope, (x.value,), (ones,))
    curvature = second * jnp.square(x.gradient).sum(0)
    return Streams(
        fn(x.value), first[None] * x.gradient, first * x.laplacian + curvature
    )


def multiply(a: Features, b: Features) -> Features:
    """Product of two sets of features, element by element.

    Args:
      a: features `[..., k]` or `Streams`.
      b: of the same kind as `a`, or an array that does not depend on the coords.

    Returns:
      `[..., k]`, `Streams` where either is.
    """
    if not isinstance(b, Streams | Cells):
        return jax.tree.map(lambda u: u * _like(b, u), a)
    if not isinstance(a, Streams | Cells):
        return multiply(b, a)
    if isinstance(a, Cells):
        raise _no_closed_form("a product of features")
    return Streams(
        a.value * b.value,
        a.gradient * b.value[None] + a.value[None] * b.gradient,
        a.laplacian * b.value
        + 2 * (a.gradient * b.gradient).sum(0)
        + a.value * b.laplacian,
    )


def add(a: Features, b: Features) -> Features:
    """Sum of two sets of features, both of the same kind."""
    return jax.tree.map(jnp.add, a, b)


def concatenate(parts: list[Any]) -> Features:
    """Joins sets of features of the same kind along the last axis."""

    def join(*arrays: Array) -> Array:
        lead = jnp.broadcast_shapes(*(u.shape[:-1] for u in arrays))
        wide = [jnp.broadcast_to(u, (*lead, u.shape[-1])) for u in arrays]
        return jnp.concatenate(wide, axis=-1)

    return jax.tree.map(join, *parts)


def lift(fn: Callable[[Array], Array], x: Features) -> Features:
    """Any function of the features at one point, at the cost of jvp of jvp per axis.

    For what the other functions here cannot express, such as a table look-up.

    Args:
      fn: maps `[..., j]` to `[..., k]`, each point alone.
      x: features `[..., j]` or `Streams`.

    Returns:
      `[..., k]`, of the same kind as `x`.
    """
    if isinstance(x, Cells):
        raise _no_closed_form(getattr(fn, "__name__", "a function"))
    if not isinstance(x, Streams):
        return fn(x)

    def directional(tangent: Array) -> tuple[Array, Array]:
        tangent = jnp.broadcast_to(tangent, x.value.shape)

        def slope(u: Array) -> Array:
            return jax.jvp(fn, (u,), (tangent,))[1]

        return jax.jvp(slope, (x.value,), (tangent,))

    first, second = zip(*map(directional, x.gradient), strict=True)
    laplacian, _ = directional(x.laplacian)
    return Streams(fn(x.value), jnp.stack(first), laplacian + sum(second))


def _mean_of_sine(fn: Callable[[Array], Array], x: Cells) -> Cells:
    """Mean of sin over a box: sin at its center times sinc of each width."""
    if fn is not sine or x.widths is None:
        raise _no_closed_form(f"{getattr(fn, '__name__', 'a function')} of features")
    damping = jnp.sinc(x.widths / (2 * jnp.pi)).prod(0)
    return Cells(sine(x.value) * damping, None)


def _no_closed_form(what: str) -> ValueError:
    return ValueError(
        f"The mean over a cell has a closed form only for fields linear in sines; this "
        f"one takes {what}. Average samples instead: `antialias=4`."
    )


def _like(constant: Array, u: Array) -> Array:
    """`constant` with leading axes of length 1 up to the rank of `u`."""
    return constant.reshape((1,) * (u.ndim - constant.ndim) + constant.shape)
