"""One definition of a network for its value and its exact derivatives.

Notation. A field's coords p have d axes. A network propagates a quantity u(p) with
features `[..., k]` either as a plain array or as `Streams`: the value u `[..., k]`, the
gradient du/dp_i `[d, ..., k]` and the Laplacian sum_i d2u/dp_i2 `[..., k]`. These are
d + 2 streams without a Hessian, the minimum for exact forward propagation (the forward
Laplacian, Li et al. 2024, arXiv:2307.08214; collapsed Taylor mode, Dangel et al. 2025).

The functions of this module accept either kind, so a network is written once. Leading
axes of the two derivative streams may have length 1 and broadcast. At the input the
gradient is the identity at every point, so the tangents of the first layer are the rows
of its kernel and its Laplacian is zero. Their cost does not grow with the number of
points.

A third kind, `Cells`, propagates the mean of u over a box around each point. It is
exact for affine maps of the coords and for sines of them. Any later layer that is not
affine raises an error.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from inr import _checks
from inr._typing import Array
from inr.fields.kinds import (
    Cells as Cells,
    Features as Features,
    Streams as Streams,
    align,
    check_kind,
    seed as seed,
    seed_cells as seed_cells,
    width as width,
)
from inr.fields.sine import sine


def affine(
    x: Features,
    kernel: Array,
    bias: Array | None = None,
    *,
    precision: str | None = None,
    dtype: DTypeLike | None = None,
) -> Features:
    """x @ kernel + bias on the last axis.

    Args:
      x: features `[..., j]` of any kind.
      kernel: `[j, k]`.
      bias: `[k]`, or None for none.
      precision: precision of the product, as in `jax.lax.dot_general`.
      dtype: dtype of the product's inputs, such as `jnp.bfloat16`. Sums and the result
        have the wider dtype of `x` and `kernel`, which is also the default.

    Returns:
      `[..., k]`, of the same kind as `x`.
    """

    check_kind("x", x)
    kernel = _checks.as_array("kernel", kernel)
    _checks.check_shape("kernel", kernel, (width(x), *kernel.shape[1:2]))

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
    return y if bias is None else translate(y, _checks.as_array("bias", bias))


def translate(x: Features, constant: Array) -> Features:
    """x + constant.

    Args:
      x: features `[..., k]` of any kind.
      constant: `[k]`, independent of the coords.

    Returns:
      `[..., k]`, of the same kind as `x`.
    """
    check_kind("x", x)
    constant = _checks.as_array("constant", constant)
    if isinstance(x, Streams | Cells):
        return x._replace(value=translate(x.value, constant))
    return x + align(constant, x)


def pointwise(fn: Callable[[Array], Array], x: Features) -> Features:
    """Apply an elementwise function to the features.

    Args:
      fn: elementwise function that `jax.jvp` can differentiate twice.
      x: features `[..., k]`. `Cells` are accepted only by `inr.fields.sine` of an
        affine map of the coords.

    Returns:
      `[..., k]`, of the same kind as `x`.

    Raises:
      ValueError: for `Cells` without a closed form.
    """
    _checks.check_callable("fn", fn)
    check_kind("x", x)
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
    """Elementwise product of two sets of features.

    Args:
      a: features `[..., k]`.
      b: features of the same kind, or an array `[k]` independent of the coords.

    Returns:
      `[..., k]`; `Streams` if either input is `Streams`.

    Raises:
      ValueError: for two `Cells`, whose product has no closed form.
    """
    check_kind("a", a)
    check_kind("b", b)
    if not isinstance(b, Streams | Cells):
        return jax.tree.map(lambda u: u * align(b, u), a)
    if not isinstance(a, Streams | Cells):
        return multiply(b, a)
    if isinstance(a, Cells) or isinstance(b, Cells):
        raise _no_closed_form("a product of features")
    return Streams(
        a.value * b.value,
        a.gradient * b.value[None] + a.value[None] * b.gradient,
        a.laplacian * b.value
        + 2 * (a.gradient * b.gradient).sum(0)
        + a.value * b.laplacian,
    )


def add(a: Features, b: Features) -> Features:
    """Sum of two sets of features.

    Args:
      a: features `[..., k]`.
      b: features `[..., k]` of the same kind.

    Returns:
      `[..., k]`, of the same kind.
    """
    check_kind("a", a)
    check_kind("b", b)
    return jax.tree.map(jnp.add, a, b)


def concatenate(parts: Sequence[Any]) -> Features:
    """Concatenate sets of features along the last axis.

    Args:
      parts: features `[..., k_i]`, all of the same kind.

    Returns:
      `[..., sum of k_i]`, of the same kind.
    """

    if not (isinstance(parts, Sequence) and parts):
        raise _checks.fail("parts", "a list of features", repr(parts))
    for part in parts:
        check_kind("parts", part)

    def join(*arrays: Array) -> Array:
        leading = jnp.broadcast_shapes(*(u.shape[:-1] for u in arrays))
        parts = [jnp.broadcast_to(u, (*leading, u.shape[-1])) for u in arrays]
        return jnp.concatenate(parts, axis=-1)

    return jax.tree.map(join, *parts)


def lift(fn: Callable[[Array], Array], x: Features) -> Features:
    """Apply any function that maps the features of each point separately.

    Use it for operations that the other functions cannot express, such as a table
    lookup. `Streams` cost a nested `jax.jvp` per axis.

    Args:
      fn: maps `[..., j]` to `[..., k]`.
      x: features `[..., j]`, an array or `Streams`.

    Returns:
      `[..., k]`, of the same kind as `x`.

    Raises:
      ValueError: for `Cells`.
    """
    _checks.check_callable("fn", fn)
    check_kind("x", x)
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
    """Mean of sin over a box: sin at the center times the sinc of each width."""
    if fn is not sine or x.widths is None:
        raise _no_closed_form(f"{getattr(fn, '__name__', 'a function')} of features")
    damping = jnp.sinc(x.widths / (2 * jnp.pi)).prod(0)
    return Cells(sine(x.value) * damping, None)


def _no_closed_form(operation: str) -> ValueError:
    return ValueError(
        "The mean over a cell has a closed form only for fields linear in sines, and "
        f"this field computes {operation}. Average samples instead: `antialias=4`."
    )
