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
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from inr._typing import Array


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


def seed(coords: Array) -> Streams:
    """The coords as `Streams` of themselves: identity gradient, zero Laplacian.

    Args:
      coords: `[..., d]`.

    Returns:
      `Streams` whose derivatives do not depend on the point.
    """
    d = coords.shape[-1]
    ones = (1,) * (coords.ndim - 1)
    identity = jnp.eye(d, dtype=coords.dtype).reshape(d, *ones, d)
    return Streams(coords, identity, jnp.zeros((*ones, d), coords.dtype))


def affine(
    x: Array | Streams,
    kernel: Array,
    bias: Array | None = None,
    *,
    precision: str | None = None,
    dtype: Any = None,
) -> Array | Streams:
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


def translate(x: Array | Streams, constant: Array) -> Array | Streams:
    """x + constant, where `constant` `[k]` does not depend on the coords."""
    if isinstance(x, Streams):
        return x._replace(value=translate(x.value, constant))
    return x + _like(constant, x)


def pointwise(fn: Callable[[Array], Array], x: Array | Streams) -> Array | Streams:
    """An elementwise function of the features.

    Args:
      fn: acts on every element alone and is twice differentiable by `jax.jvp`.
      x: features `[..., k]` or `Streams`.

    Returns:
      `[..., k]`, of the same kind as `x`.
    """
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


def multiply(a: Array | Streams, b: Array | Streams) -> Array | Streams:
    """Product of two sets of features, element by element.

    Args:
      a: features `[..., k]` or `Streams`.
      b: of the same kind as `a`, or an array that does not depend on the coords.

    Returns:
      `[..., k]`, `Streams` where either is.
    """
    if not isinstance(b, Streams):
        return jax.tree.map(lambda u: u * _like(b, u), a)
    if not isinstance(a, Streams):
        return multiply(b, a)
    return Streams(
        a.value * b.value,
        a.gradient * b.value[None] + a.value[None] * b.gradient,
        a.laplacian * b.value
        + 2 * (a.gradient * b.gradient).sum(0)
        + a.value * b.laplacian,
    )


def add(a: Array | Streams, b: Array | Streams) -> Array | Streams:
    """Sum of two sets of features, both of the same kind."""
    return jax.tree.map(jnp.add, a, b)


def concatenate(parts: list[Array] | list[Streams]) -> Array | Streams:
    """Joins sets of features of the same kind along the last axis."""

    def join(*arrays: Array) -> Array:
        lead = jnp.broadcast_shapes(*(u.shape[:-1] for u in arrays))
        wide = [jnp.broadcast_to(u, (*lead, u.shape[-1])) for u in arrays]
        return jnp.concatenate(wide, axis=-1)

    return jax.tree.map(join, *parts)


def lift(fn: Callable[[Array], Array], x: Array | Streams) -> Array | Streams:
    """Any function of the features at one point, at the cost of jvp of jvp per axis.

    For what the other functions here cannot express, such as a table look-up.

    Args:
      fn: maps `[..., j]` to `[..., k]`, each point alone.
      x: features `[..., j]` or `Streams`.

    Returns:
      `[..., k]`, of the same kind as `x`.
    """
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


def _like(constant: Array, u: Array) -> Array:
    """`constant` with leading axes of length 1 up to the rank of `u`."""
    return constant.reshape((1,) * (u.ndim - constant.ndim) + constant.shape)
