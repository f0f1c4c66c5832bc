"""Cosine and sine transforms of real arrays, through real FFTs.

Contract: any axes, float32 or float64, differentiable, unnormalized as `scipy.fft` is
by default; the inverses undo them exactly. With n samples x_j along an axis,

    dct (type II)    X_k = 2 sum_j x_j cos(pi k (2j + 1) / (2n))
    dst (type I)     X_k = 2 sum_j x_j sin(pi (k + 1) (j + 1) / (n + 1)).

Two axes of a cosine transform share one two-dimensional FFT of the same size, with the
samples in the order 0, 2, 4, ..., 5, 3, 1 [Makhoul 1980]. Write v[k, l] for that FFT,
l in its half, and u[k, l] = v[-k, l]: the four coefficients X[+-k, +-l] are linear in
these two numbers alone (`_coefficients`, `_half_spectrum`). A sine transform is the FFT
of the odd extension, of length 2 (n + 1).

Samples are reordered by `jnp.take`: XLA makes slow loops of strided slices, flips and
concatenations on a CPU, and of complex products too.
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
    """Cosine transform of type II, as `scipy.fft.dctn`.

    Args:
      x: real array.
      axes: the axes to transform; by default the rows and columns of an image.

    Returns:
      Array of the same shape.

    Raises:
      ValueError: for integers, or for axes that do not exist or repeat.
    """
    x, axes = _checked(x, axes)
    return _over_pairs(x, axes, _cosine_pair, 2.0)


def idct(x: Float[ArrayLike, "..."], *, axes: Sequence[int] = (0, 1)) -> Array:
    """Inverse of `dct`, as `scipy.fft.idctn`.

    Args:
      x: cosine coefficients.
      axes: the axes to transform.

    Returns:
      Array of the same shape.

    Raises:
      ValueError: for integers, or for axes that do not exist or repeat.
    """
    x, axes = _checked(x, axes)
    return _over_pairs(x, axes, _inverse_cosine_pair, 0.5)


def dst(x: Float[ArrayLike, "..."], *, axes: Sequence[int] = (0, 1)) -> Array:
    """Sine transform of type I, as `scipy.fft.dstn(type=1)`.

    Args:
      x: real array, zero beyond both ends of each axis.
      axes: the axes to transform; by default the rows and columns of an image.

    Returns:
      Array of the same shape.

    Raises:
      ValueError: for integers, or for axes that do not exist or repeat.
    """
    x, axes = _checked(x, axes)
    for axis in axes:
        x = jnp.moveaxis(_sine(jnp.moveaxis(x, axis, -1)), -1, axis)
    return x


def idst(x: Float[ArrayLike, "..."], *, axes: Sequence[int] = (0, 1)) -> Array:
    """Inverse of `dst`: the same transform, divided by 2 (n + 1) for each axis.

    Args:
      x: sine coefficients.
      axes: the axes to transform.

    Returns:
      Array of the same shape.

    Raises:
      ValueError: for integers, or for axes that do not exist or repeat.
    """
    x, axes = _checked(x, axes)
    scale = np.prod([2.0 * (x.shape[axis] + 1) for axis in axes])
    return dst(x, axes=axes) / scale.astype(x.dtype)


def _checked(x: ArrayLike, axes: Sequence[int]) -> tuple[Array, list[int]]:
    x = _checks.as_floating("x", x)
    _checks.check_not_empty("x", x)
    if not all(-x.ndim <= axis < x.ndim for axis in axes):
        raise _checks.fail("axes", f"axes of an array of rank {x.ndim}", tuple(axes))
    axes = [axis % x.ndim for axis in axes]
    if len(set(axes)) != len(axes):
        raise _checks.fail("axes", "different axes", tuple(axes))
    return x, axes


def filter_cosine(x: Array, gain: Gain) -> Array:
    """`idct(gain * dct(x))` over the last two axes, without ever ordering coefficients.

    Args:
      x: `[..., h, w]`.
      gain: of rows k `[h, 1]` and columns l `[1, n]`, the factor of the coefficient
        X[k, l], `[h, n]`.

    Returns:
      `[..., h, w]`.
    """
    h, w = x.shape[-2:]
    v = jnp.fft.rfft2(_folded(x))
    row, column = np.arange(h)[:, None], np.arange(w // 2 + 1)[None]
    indices = [(k, j) for k in (row, -row % h) for j in (column, -column % w)]
    four = _coefficients(v, _take(v, -np.arange(h) % h, -2), column[0], w)
    rank = (1,) * (x.ndim - 2)
    four = [
        z * gain(*index).reshape(*rank, h, -1)
        for z, index in zip(four, indices, strict=True)
    ]
    return _unfolded(jnp.fft.irfft2(_half_spectrum(*four, w), s=(h, w)))


def _over_pairs(x: Array, axes: list[int], pair: Callable, alone: float) -> Array:
    for first in range(0, len(axes), 2):
        both = axes[first : first + 2]
        last = range(-len(both), 0)
        moved = jnp.moveaxis(x, both, last)
        if len(both) == 2:
            moved = pair(moved)
        else:
            # A pair whose other axis has one sample, which comes out doubled.
            moved = pair(moved[..., None, :])[..., 0, :] / alone
        x = jnp.moveaxis(moved, last, both)
    return x


def _cosine_pair(x: Array) -> Array:
    """`dct` over the last two axes."""
    h, w = x.shape[-2:]
    v = jnp.fft.rfft2(_folded(x))
    column = np.arange(w)
    mirrored = column > w // 2
    column = np.where(mirrored, w - column, column)
    v = _take(v, column, -1)
    left, right, _, _ = _coefficients(v, _take(v, -np.arange(h) % h, -2), column, w)
    return jnp.where(_along(mirrored, x, -1), right, left)


def _inverse_cosine_pair(x: Array) -> Array:
    """`idct` over the last two axes."""
    h, w = x.shape[-2:]
    half, row = np.arange(w // 2 + 1), -np.arange(h) % h
    a, b = x[..., : half.size], _take(x, -half % w, -1)
    v = _half_spectrum(a, b, _take(a, row, -2), _take(b, row, -2), w)
    return _unfolded(jnp.fft.irfft2(v, s=(h, w)))


def _coefficients(
    v: Array, u: Array, column: np.ndarray, w: int
) -> tuple[Array, Array, Array, Array]:
    """X[k, l], X[k, -l], X[-k, l], X[-k, -l] from v = V[k, l] and u = V[-k, l].

    Along one axis X_k = 2 Re(t_k V_k) and X_-k = -2 Im(t_k V_k), with
    t_k = exp(-i pi k / 2n).
    """
    c1, s1 = _turn(np.arange(v.shape[-2]), v.shape[-2], v.real, -2)
    c2, s2 = _turn(column, w, v.real, -1)
    a, b = v.real * c2 + v.imag * s2, v.imag * c2 - v.real * s2
    p, q = u.real * c2 + u.imag * s2, u.imag * c2 - u.real * s2
    return (
        2 * (c1 * (a + p) + s1 * (b - q)),
        2 * (s1 * (a - p) - c1 * (b + q)),
        2 * (s1 * (a + p) - c1 * (b - q)),
        -2 * (c1 * (a - p) + s1 * (b + q)),
    )


def _half_spectrum(a: Array, b: Array, p: Array, q: Array, w: int) -> Array:
    """V[k, l] from X[k, l], X[k, -l], X[-k, l], X[-k, -l], those at -0 being zero.

    Along one axis V_k = (X_k - i X_-k) / (2 t_k).
    """
    h, half = a.shape[-2:]
    c1, s1 = _turn(np.arange(h), h, a, -2)
    c2, s2 = _turn(np.arange(half), w, a, -1)
    inner = _along(np.arange(half) > 0, a, -1).astype(a.dtype)
    below = _along(np.arange(h) > 0, a, -2).astype(a.dtype)
    b, p, q = b * inner, p * below, q * inner * below
    real = (c2 * a + s2 * b) + (s2 * p - c2 * q)
    imag = (s2 * a - c2 * b) - (c2 * p + s2 * q)
    return jax.lax.complex((c1 * real - s1 * imag) / 4, (s1 * real + c1 * imag) / 4)


def _turn(index: np.ndarray, n: int, x: Array, axis: int) -> tuple[Array, Array]:
    """Cosine and sine of pi k / 2n along an axis, in the rank and dtype of x."""
    angle = np.pi * index / (2 * n)
    cosine, sine = (
        jnp.asarray(_along(f(angle), x, axis), x.dtype) for f in (np.cos, np.sin)
    )
    return cosine, sine


def _along(values: np.ndarray, x: Array, axis: int) -> np.ndarray:
    """One-dimensional values with the rank of x, along one of its axes."""
    return np.expand_dims(values, tuple(a for a in range(-x.ndim, 0) if a != axis))


def _folded(x: Array) -> Array:
    """Samples in the order 0, 2, 4, ..., 5, 3, 1 along the last two axes."""
    return _reordered(x, lambda order: order)


def _unfolded(x: Array) -> Array:
    """The inverse of `_folded`."""
    return _reordered(x, np.argsort)


def _reordered(x: Array, index: Callable[[np.ndarray], np.ndarray]) -> Array:
    for axis in (-1, -2):
        n = np.arange(x.shape[axis])
        x = _take(x, index(np.concatenate([n[::2], n[1::2][::-1]])), axis)
    return x


def _take(x: Array, index: np.ndarray, axis: int) -> Array:
    return jnp.take(x, np.asarray(index, np.int32), axis, mode="clip")


def _sine(x: Array) -> Array:
    """`dst` over the last axis."""
    n = x.shape[-1]
    # 0, x_0 ... x_(n-1), 0, -x_(n-1) ... -x_0; what stands for the zeros is not read.
    index = np.concatenate([[0], np.arange(n), [0], np.arange(n)[::-1]])
    sign = np.concatenate([[0], np.ones(n), [0], -np.ones(n)])
    odd = _take(x, index, -1) * _along(sign, x, -1).astype(x.dtype)
    return -jnp.fft.rfft(odd).imag[..., 1:-1]
