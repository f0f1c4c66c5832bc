"""Coordinates of samples: pixel-center grids, regions, random points, interpolation.

Contract: coordinates are float32 on the last axis, in the order of the array's axes
((y, x), (z, y, x), (t, y, x)). Every axis spans [-1, 1] for any length, and sample i of
n is at the center of its cell, (2i + 1) / n - 1; so a coordinate is the same place in
grids of any size. A region is a pair of corners, as fractions in [0, 1].
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from inr import _checks, _kernels
from inr._typing import Array, ArrayLike, Key, Region, Size

Interpolation = Literal["linear", "quadratic", "cubic"]


def pitch(size: Size, *, region: Region | None = None) -> Array:
    """Distance between neighboring samples along each axis.

    Divide a difference per pixel by the pitch to get a derivative per unit of coords.

    Args:
      size: samples along each of the d axes.
      region: part of the signal that the samples span; None means all.

    Returns:
      `[d]`, equal to `2 / size` for the whole signal.
    """
    size = _checks.as_size("size", size)
    start, stop = _corners(region, len(size))
    return jnp.asarray(2 * (stop - start) / np.asarray(size), jnp.float32)


def grid(size: Size, *, region: Region | None = None) -> Array:
    """Centers of the cells of a regular grid.

    Args:
      size: samples along each of the d axes, `(h, w)` for an image.
      region: part of the signal to span; None means all.

    Returns:
      `[*size, d]`, in [-1, 1].

    Raises:
      ValueError: if a size is not a positive whole number, or the region is not inside
        the signal.
    """
    size = _checks.as_size("size", size)
    start, stop = _corners(region, len(size))
    # In float64 on the host, so that grids of different size agree to the last bit.
    axes = [
        2 * (a + (b - a) * (np.arange(n) + 0.5) / n) - 1
        for a, b, n in zip(start, stop, size, strict=True)
    ]
    mesh = jnp.meshgrid(*(jnp.asarray(x, jnp.float32) for x in axes), indexing="ij")
    return jnp.stack(mesh, axis=-1)


def cell_offsets(size: Size) -> np.ndarray:
    """Offsets of the samples of a subdivided cell from the cell's center.

    Args:
      size: samples along each of the d axes of the cell.

    Returns:
      `[*size, d]` NumPy float64, in cells, between -1/2 and 1/2.
    """
    size = _checks.as_size("size", size)
    axes = [(np.arange(n) + 0.5) / n - 0.5 for n in size]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1)


def region_size(
    size: Size,
    *,
    region: Region | None = None,
    scale: int | float | Sequence[int | float] = 1.0,
) -> Size:
    """Size of a region of a regular grid, at a magnification.

    Args:
      size: samples of the complete signal along each of the d axes.
      region: part of the signal; by default the complete signal.
      scale: magnification, one number or one for each axis.

    Returns:
      Samples along each axis, rounded, at least 1.

    Raises:
      ValueError: if a scale is not a positive number, or the region is not inside the
        signal.
    """
    size = _checks.as_size("size", size)
    start, stop = _checks.as_region("region", region, len(size))
    scales = tuple(scale) if isinstance(scale, Sequence) else (scale,) * len(size)
    if len(scales) != len(size):
        raise _checks.fail("scale", f"a number above 0, or {len(size)} of them", scale)
    scales = tuple(_checks.as_positive("scale", s) for s in scales)
    return tuple(
        max(round(s * (b - a) * n), 1)
        for s, a, b, n in zip(scales, start, stop, size, strict=True)
    )


def random_points(
    key: Key, num_points: int, *, ndim: int = 2, region: Region | None = None
) -> Array:
    """Draw points uniformly from the signal or a region of it.

    Args:
      key: PRNG key.
      num_points: number of points, n.
      ndim: number of axes, d.
      region: part of the signal to draw from; None means all.

    Returns:
      `[n, d]`, in [-1, 1].
    """
    num_points = _checks.as_count("num_points", num_points)
    ndim = _checks.as_count("ndim", ndim)
    start, stop = _corners(region, ndim)
    key = _checks.as_key("key", key)
    low, high = (jnp.asarray(2 * x - 1, jnp.float32) for x in (start, stop))
    return jax.random.uniform(key, (num_points, ndim), jnp.float32, low, high)


def quasirandom_points(
    key: Key, num_points: int, *, start: int | Array = 0, ndim: int = 2
) -> Array:
    """Points of a sequence that fills the signal evenly.

    Any part of the sequence is spread more evenly than random points are. Point i is
    s + i a modulo 1 along every axis, mapped to [-1, 1], where a_j = p^-j, p^(d+1) =
    p + 1 and s is random [Roberts 2018, "The unreasonable effectiveness of
    quasirandom sequences"].

    Args:
      key: PRNG key of s. Parts of one sequence have the same key.
      num_points: number of points, n.
      start: index of the first point; may be traced.
      ndim: number of axes, d.

    Returns:
      `[n, d]`, in [-1, 1).
    """
    num_points = _checks.as_count("num_points", num_points)
    ndim = _checks.as_count("ndim", ndim)
    is_index = partial(_checks.as_count, least=0, most=2**32 - 1)
    _checks.check_scalar("start", start, is_index)
    shift = jax.random.bits(_checks.as_key("key", key), (ndim,), jnp.uint32)
    # Integers modulo 2^32 are exact for any i; 24 bits of them fit a float32.
    p = 2.0
    for _ in range(60):
        p = (1 + p) ** (1 / (ndim + 1))
    a = jnp.asarray([round(p**-j * 2**32) for j in range(1, ndim + 1)], jnp.uint32)
    i = jnp.asarray(start, jnp.uint32) + jnp.arange(num_points, dtype=jnp.uint32)
    fraction = (shift[None] + i[:, None] * a[None]) >> 8
    return fraction.astype(jnp.float32) / 2**23 - 1


def sample_grid(
    values: Float[ArrayLike, "*size k"],
    coords: Float[ArrayLike, "*n d"],
    *,
    interpolation: Interpolation = "linear",
) -> Array:
    """Interpolate between the samples of a grid.

    Beyond the centers of the outermost cells, the edge value continues. Cubic means
    Keys' kernel with a = -1/2 (Keys 1981), as in Pillow and `jax.image.resize`.
    Quadratic means the B-spline of degree 2, which takes the values as coefficients
    and does not pass through them. Differentiable in both arrays.

    Args:
      values: `[*size, k]`, with d = `len(size)` axes.
      coords: `[..., d]`, in [-1, 1].
      interpolation: `"linear"`, from 2^d samples, `"quadratic"`, from 3^d, or
        `"cubic"`, from 4^d.

    Returns:
      `[..., k]`.

    Raises:
      ValueError: if d differs between the arrays, or the interpolation is unknown.
    """
    values = _checks.as_floating("values", values)
    _checks.check_not_empty("values", values)
    size = values.shape[:-1]
    coords = _as_points(coords, size, grid="values")
    _checks.check_choice("interpolation", interpolation, tuple(_KERNELS))
    result = jnp.zeros((), jnp.result_type(values, coords))
    for weight, index, _ in _neighbors(coords, size, interpolation):
        result = result + weight[..., None] * values[index]
    return result


def neighbors(
    coords: Float[ArrayLike, "*n d"],
    size: Sequence[int | Array],
    *,
    interpolation: Interpolation = "linear",
) -> Iterator[tuple[Array, tuple[Array, ...], Array]]:
    """Yield the grid cells around each point, with their interpolation weights.

    `sample_grid` is the sum of `weight * values[index]` over them. Models that decode a
    cell's features by the position relative to its center also use the distance. Beyond
    the centers of the outermost cells, those cells replace the missing neighbors.

    Args:
      coords: `[..., d]`, in [-1, 1].
      size: cells along each axis, d of them; may be traced.
      interpolation: `"linear"`, 2^d neighbors, `"quadratic"`, 3^d, or `"cubic"`, 4^d.

    Yields:
      For each neighbor: its weight `[...]` (the weights add up to 1), its index, d
      arrays `[...]`, and the distance of the point from its center, in cells,
      `[..., d]`.

    Raises:
      ValueError: for an unknown interpolation.
    """
    if _checks.is_concrete(size):
        size = _checks.as_size("size", size)
    coords = _as_points(coords, size, grid="size")
    _checks.check_choice("interpolation", interpolation, tuple(_KERNELS))
    yield from _neighbors(coords, size, interpolation)


def _as_points(coords: ArrayLike, size: Sequence[int | Array], grid: str) -> Array:
    coords = _checks.as_floating("coords", coords)
    if coords.ndim == 0 or coords.shape[-1] != len(size) or not size:
        expected = f"[..., {len(size)}], one for each axis of `{grid}`"
        raise _checks.fail("coords", expected, f"shape {coords.shape}")
    return coords


def _neighbors(
    coords: Array, size: Sequence[int | Array], interpolation: Interpolation
) -> Iterator[tuple[Array, tuple[Array, ...], Array]]:
    taps, kernel = _KERNELS[interpolation]
    position = [(coords[..., i] + 1) * n / 2 - 0.5 for i, n in enumerate(size)]
    base = [jnp.floor(p + 0.5 * (len(taps) % 2)) for p in position]
    for offset in itertools.product(taps, repeat=len(size)):
        weight = jnp.ones((), coords.dtype)
        index, distance = [], []
        for p, b, o, n in zip(position, base, offset, size, strict=True):
            weight = weight * kernel(jnp.abs(p - b - o))
            index.append(jnp.clip(b.astype(jnp.int32) + o, 0, n - 1))
            distance.append(p - index[-1])
        yield weight, tuple(index), jnp.stack(distance, -1)


def _corners(region: Region | None, ndim: int) -> tuple[np.ndarray, np.ndarray]:
    start, stop = _checks.as_region("region", region, ndim)
    return np.asarray(start), np.asarray(stop)


def _hat(distance: Array) -> Array:
    return jnp.maximum(1 - distance, 0)


def keys_cubic(distance: ArrayLike) -> Array:
    """Keys' cubic interpolation kernel with a = -1/2 [Keys 1981, eq. 15].

    Args:
      distance: distance from the sample, in samples, not negative; any shape.

    Returns:
      Weight of the sample: 1 at distance 0, 0 at 1 and from 2 on.
    """
    return _kernels.keys_cubic(_checks.as_array("distance", distance))


def _quadratic_spline(distance: Array) -> Array:
    """B-spline of degree 2, for distances up to 3/2."""
    near, far = 0.75 - distance**2, 0.5 * (1.5 - distance) ** 2
    return jnp.where(distance < 0.5, near, far)


# Offsets of the samples from the one before the point, or, for an odd number of them,
# from the nearest one.
_KERNELS = {
    "linear": ((0, 1), _hat),
    "quadratic": ((-1, 0, 1), _quadratic_spline),
    "cubic": ((-1, 0, 1, 2), keys_cubic),
}
