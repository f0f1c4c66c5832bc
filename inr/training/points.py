"""Where to look at an image in training: random points, more or less evenly spread."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, coords as _coords
from inr._typing import Array, Key

SAMPLERS = ("uniform", "halton", "shifted", "jittered")

_PRIMES = (2, 3, 5, 7, 11, 13)


def draw_points(key: Key, num_points: int, *, sampler: str = "uniform") -> Array:
    """Random points of an image; each of them is uniform on [-1, 1]^2.

    Samplers differ in how the points of one draw lie to each other:
      `"uniform"`: independently.
      `"halton"`: as the first points of Halton's sequence, moved together by a random
        amount around the torus [Cranley and Patterson 1976].
      `"shifted"`: on a square grid with one random shift of less than a cell.
      `"jittered"`: one in each cell of a square grid, independently.

    Args:
      key: PRNG key.
      num_points: how many, n; a square number for the two grids.
      sampler: one of those above.

    Returns:
      `[n, 2]`, coords (y, x) in [-1, 1].

    Raises:
      ValueError: for an unknown sampler, or a grid of n points that is not square.
    """
    num_points = _checks.as_count("num_points", num_points)
    _checks.check_choice("sampler", sampler, SAMPLERS)
    if sampler == "uniform":
        return _coords.random_points(key, num_points)
    if sampler == "halton":
        start = jnp.asarray(halton(num_points), jnp.float32)
        shift = jax.random.uniform(key, (1, 2), jnp.float32)
        return 2 * ((start + shift) % 1) - 1
    side = math.isqrt(num_points)
    if side * side != num_points:
        fix = f"Take {side * side} or {(side + 1) ** 2}, or another sampler."
        raise _checks.fail("num_points", "a square number", num_points, fix)
    centers = _coords.grid((side, side)).reshape(-1, 2)
    draws = 1 if sampler == "shifted" else num_points
    jitter = jax.random.uniform(key, (draws, 2), jnp.float32, -1, 1)
    return centers + jitter / side


def halton(num_points: int, *, ndim: int = 2) -> np.ndarray:
    """The first points of Halton's sequence, in the bases 2, 3, 5, ... [Halton 1960].

    Coordinate j of point i is the radical inverse of i in the j-th prime: its digits
    mirrored at the point.

    Args:
      num_points: how many, n.
      ndim: number of coordinates d, at most 6: the sequence is uneven in more.

    Returns:
      `[n, d]` float64, in [0, 1).

    Raises:
      ValueError: if a number is no count or there are too many coordinates.
    """
    num_points = _checks.as_count("num_points", num_points)
    if _checks.as_count("ndim", ndim) > len(_PRIMES):
        raise _checks.fail("ndim", f"at most {len(_PRIMES)}", ndim)
    points = np.zeros((num_points, ndim))
    for j, base in enumerate(_PRIMES[:ndim]):
        rest, weight = np.arange(num_points), 1.0
        while rest.any():
            weight /= base
            points[:, j] += weight * (rest % base)
            rest //= base
    return points
