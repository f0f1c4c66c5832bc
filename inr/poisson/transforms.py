"""Cosine and sine transforms of real arrays, through real FFTs.

Contract: any axes, float32 or float64, differentiable, unnormalized as in `scipy.fft`,
with exact inverses. With n samples x_j along an axis,

    dct (type II)    X_k = 2 sum_j x_j cos(pi k (2j + 1) / (2n))
    dst (type I)     X_k = 2 sum_j x_j sin(pi (k + 1) (j + 1) / (n + 1)).

Two axes of a cosine transform share one two-dimensional FFT of the same size, with the
samples in the order 0, 2, 4, ..., 5, 3, 1 [Makhoul 1980]. Let v[k, l] be that FFT, with
l in its half, and u[k, l] = v[-k, l]. The four coefficients X[+-k, +-l] are linear in
these two numbers (`_coefficients`, `_half_spectrum`). A sine transform is the FFT of
the odd extension, of length 2 (n + 1).

`jnp.take` reorders samples, and products are written in real arithmetic, because XLA
compiles strided slices, flips, concatenations and complex products to slow loops on a
CPU.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike

Gain = Callable[[np.ndarray, np.ndarray], Array]


def dct(x: Float[ArrayLike, "..."], *, axes: Sequence[int] = (0, 1)) -> Array:
    """Cosine transform of type II, equal to `scipy.fft.dctn`.

    Args:
      x: real array.
      axes: the axes to transform; by default the rows and columns of an image.

    Returns:
      Array of the same shape.

    Raises:
      ValueError: for integers, or for axes that do not exist or repeat.
    """
    x, axes = _check_axes(x, axes)
    return _over_pairs(x, axes, _cosine_pair, 2.0)


def idct(x: Float[ArrayLike, "..."], *, axes: Sequence[int] = (0, 1)) -> Array:
    """Inverse of `dct`, equal to `scipy.fft.idctn`.

    Args:
      x: cosine coefficients.
      axes: the axes to transform.

    Returns:
      Array of the same shape.

    Raises:
      ValueError: for integers, or for axes that do not exist or repeat.
    """
    x, axes = _check_axes(x, axes)
    return _over_pairs(x, axes, _inverse_cosine_pair, 0.5)


def dst(x: Float[ArrayLike, "..."], *, axes: Sequence[int] = (0, 1)) -> Array:
    """Sine transform of type I, equal to `scipy.fft.dstn(type=1)`.

    Args:
      x: real array, zero beyond both ends of each axis.
      axes: the axes to transform; by default the rows and columns of an image.

    Returns:
      Array of the same shape.

    Raises:
      ValueError: for integers, or for axes that do not exist or repeat.
    """
    x, axes = _check_axes(x, axes)
    for axis in axes:
        x = jnp.moveaxis(_sine(jnp.moveaxis(x, axis, -1)), -1, axis)
    return x


def idst(x: Float[ArrayLike, "..."], *, axes: Sequence[int] = (0, 1)) -> Array:
    """Inverse of `dst`: the same transform divided by 2 (n + 1) for each axis.

    Args:
      x: sine coefficients.
      axes: the axes to transform.

    Returns:
      Array of the same shape.

    Raises:
      ValueError: for integers, or for axes that do not exist or repeat.
    """
    x, axes = _check_axes(x, axes)
    norm = np.prod([2.0 * (x.shape[axis] + 1) for axis in axes])
    return dst(x, axes=axes) / norm.astype(x.dtype)


def _check_axes(x: ArrayLike, axes: Sequence[int]) -> tuple[Array, list[int]]:
    x = _checks.as_floating("x", x)
    _checks.check_not_empty("x", x)
    _checks.check_sequence("axes", axes, "axes")
    is_axis = [isinstance(a, int | np.integer) and -x.ndim <= a < x.ndim for a in axes]
    if not all(is_axis):
        raise _checks.fail("axes", f"axes of an array of rank {x.ndim}", tuple(axes))
    axes = [axis % x.ndim for axis in axes]
    if len(set(axes)) != len(axes):
        raise _checks.fail("axes", "different axes", tuple(axes))
    return x, axes


def filter_cosine(x: Array, gain: Gain) -> Array:
    """`idct(gain * dct(x))` over the last two axes, without ordering the coefficients.

    Args:
      x: `[..., h, w]`.
      gain: maps rows k `[h, 1]` and columns l `[1, n]` to the factors `[h, n]` of the
        coefficients X[k, l].

    Returns:
      `[..., h, w]`.
    """
    h, w = x.shape[-2:]
    v = jnp.fft.rfft2(_to_fft_order(x))
    row, column = np.arange(h)[:, None], np.arange(w // 2 + 1)[None]
    indices = [(k, j) for k in (row, -row % h) for j in (column, -column % w)]
    coefficients = _coefficients(v, _take(v, -np.arange(h) % h, -2), column[0], w)
    rank = (1,) * (x.ndim - 2)
    a, b, p, q = (
        z * gain(*index).reshape(*rank, h, -1)
        for z, index in zip(coefficients, indices, strict=True)
    )
    return _from_fft_order(jnp.fft.irfft2(_half_spectrum(a, b, p, q, w), s=(h, w)))


def _over_pairs(
    x: Array,
    axes: list[int],
    transform: Callable[[Array], Array],
    single_factor: float,
) -> Array:
    """Apply a transform of the last two axes to pairs of axes.

    `single_factor` is the factor by which `transform` multiplies an axis of length 1,
    which stands in for the second axis where the number of axes is odd.
    """
    for first in range(0, len(axes), 2):
        pair = axes[first : first + 2]
        last = range(-len(pair), 0)
        x = jnp.moveaxis(x, pair, last)
        if len(pair) == 2:
            x = transform(x)
        else:
            x = transform(x[..., None, :])[..., 0, :] / single_factor
        x = jnp.moveaxis(x, last, pair)
    return x


def _cosine_pair(x: Array) -> Array:
    """`dct` over the last two axes."""
    h, w = x.shape[-2:]
    v = jnp.fft.rfft2(_to_fft_order(x))
    column = np.arange(w)
    is_negative = column > w // 2
    column = np.where(is_negative, w - column, column)
    v = _take(v, column, -1)
    positive, negative, _, _ = _coefficients(
        v, _take(v, -np.arange(h) % h, -2), column, w
    )
    return jnp.where(_along(is_negative, x, -1), negative, positive)


def _inverse_cosine_pair(x: Array) -> Array:
    """`idct` over the last two axes."""
    h, w = x.shape[-2:]
    half, row = np.arange(w // 2 + 1), -np.arange(h) % h
    a, b = x[..., : half.size], _take(x, -half % w, -1)
    v = _half_spectrum(a, b, _take(a, row, -2), _take(b, row, -2), w)
    return _from_fft_order(jnp.fft.irfft2(v, s=(h, w)))


def _coefficients(
    v: Array, u: Array, column: np.ndarray, w: int
) -> tuple[Array, Array, Array, Array]:
    """X[k, l], X[k, -l], X[-k, l], X[-k, -l] from v = V[k, l] and u = V[-k, l].

    Along one axis X_k = 2 Re(t_k V_k) and X_-k = -2 Im(t_k V_k), with
    t_k = exp(-i pi k / 2n).
    """
    c1, s1 = _rotation(np.arange(v.shape[-2]), v.shape[-2], v.real, -2)
    c2, s2 = _rotation(column, w, v.real, -1)
    a, b = v.real * c2 + v.imag * s2, v.imag * c2 - v.real * s2
    p, q = u.real * c2 + u.imag * s2, u.imag * c2 - u.real * s2
    return (
        2 * (c1 * (a + p) + s1 * (b - q)),
        2 * (s1 * (a - p) - c1 * (b + q)),
        2 * (s1 * (a + p) - c1 * (b - q)),
        -2 * (c1 * (a - p) + s1 * (b + q)),
    )


def _half_spectrum(a: Array, b: Array, p: Array, q: Array, w: int) -> Array:
    """V[k, l] from X[k, l], X[k, -l], X[-k, l], X[-k, -l]; those at -0 count as zero.

    Along one axis V_k = (X_k - i X_-k) / (2 t_k).
    """
    h, half = a.shape[-2:]
    c1, s1 = _rotation(np.arange(h), h, a, -2)
    c2, s2 = _rotation(np.arange(half), w, a, -1)
    inner = _along(np.arange(half) > 0, a, -1).astype(a.dtype)
    below = _along(np.arange(h) > 0, a, -2).astype(a.dtype)
    b, p, q = b * inner, p * below, q * inner * below
    real = (c2 * a + s2 * b) + (s2 * p - c2 * q)
    imag = (s2 * a - c2 * b) - (c2 * p + s2 * q)
    return jax.lax.complex((c1 * real - s1 * imag) / 4, (s1 * real + c1 * imag) / 4)


def _rotation(index: np.ndarray, n: int, x: Array, axis: int) -> tuple[Array, Array]:
    """Cosine and sine of pi k / 2n along an axis, in the rank and dtype of x."""
    angle = np.pi * index / (2 * n)
    cosine, sine = (
        jnp.asarray(_along(f(angle), x, axis), x.dtype) for f in (np.cos, np.sin)
    )
    return cosine, sine


def _along(values: np.ndarray, x: Array, axis: int) -> np.ndarray:
    """Reshape one-dimensional values to broadcast along one axis of x."""
    return np.expand_dims(values, tuple(a for a in range(-x.ndim, 0) if a != axis))


def _to_fft_order(x: Array) -> Array:
    """Order samples as 0, 2, 4, ..., 5, 3, 1 along the last two axes."""
    return _reorder(x, lambda order: order)


def _from_fft_order(x: Array) -> Array:
    """The inverse of `_to_fft_order`."""
    return _reorder(x, np.argsort)


def _reorder(x: Array, index: Callable[[np.ndarray], np.ndarray]) -> Array:
    for axis in (-1, -2):
        n = np.arange(x.shape[axis])
        x = _take(x, index(np.concatenate([n[::2], n[1::2][::-1]])), axis)
    return x


def _take(x: Array, index: np.ndarray, axis: int) -> Array:
    return jnp.take(x, np.asarray(index, np.int32), axis, mode="clip")


def _sine(x: Array) -> Array:
    """`dst` over the last axis."""
    n = x.shape[-1]
    # 0, x_0 ... x_(n-1), 0, -x_(n-1) ... -x_0; the sign 0 makes the zeros.
    index = np.concatenate([[0], np.arange(n), [0], np.arange(n)[::-1]])
    sign = np.concatenate([[0], np.ones(n), [0], -np.ones(n)])
    odd = _take(x, index, -1) * _along(sign, x, -1).astype(x.dtype)
    return -jnp.fft.rfft(odd).imag[..., 1:-1]
