"""Placement of random points in an image, more or less evenly spread."""

import math
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, coords as _coords
from inr._typing import Array, Key

Points = Literal["uniform", "halton", "shifted", "jittered"]
"""Placements of random points; see `draw_points`."""

_PRIMES = (2, 3, 5, 7, 11, 13)


def draw_points(key: Key, num_points: int, *, points: Points = "uniform") -> Array:
    """Random points of an image; each point alone is uniform on [-1, 1]^2.

    The placements differ in the joint distribution of the points:

    - `"uniform"`: independent points.
    - `"halton"`: the first points of Halton's sequence, shifted together by a random
      amount around the torus [Cranley and Patterson 1976].
    - `"shifted"`: a square grid with one random shift within a cell.
    - `"jittered"`: one independent point in each cell of a square grid.

    Args:
      key: PRNG key.
      num_points: n; a square number for `"shifted"` and `"jittered"`.
      points: placement of the points.

    Returns:
      `[n, 2]`, coords (y, x) in [-1, 1].

    Raises:
      ValueError: if `points` is unknown, or n is not a square number where it must be.
    """
    num_points = _checks.as_count("num_points", num_points)
    _checks.check_choice("points", points, get_args(Points))
    key = _checks.as_key("key", key)
    if points == "uniform":
        return _coords.random_points(key, num_points)
    if points == "halton":
        sequence = jnp.asarray(halton(num_points), jnp.float32)
        shift = jax.random.uniform(key, (1, 2), jnp.float32)
        return 2 * ((sequence + shift) % 1) - 1
    side = math.isqrt(num_points)
    if side * side != num_points:
        fix = f"Use {side * side} or {(side + 1) ** 2}, or other `points`."
        raise _checks.fail("num_points", "a square number", num_points, fix)
    centers = _coords.grid((side, side)).reshape(-1, 2)
    draws = 1 if points == "shifted" else num_points
    jitter = jax.random.uniform(key, (draws, 2), jnp.float32, -1, 1)
    return centers + jitter / side


def halton(num_points: int, *, ndim: int = 2) -> np.ndarray:
    """The first points of Halton's sequence, in the bases 2, 3, 5, ... [Halton 1960].

    Coordinate j of point i is the radical inverse of i in the j-th prime: its digits,
    mirrored at the radix point.

    Args:
      num_points: number of points, n.
      ndim: number of coordinates d, at most 6; the sequence is uneven in more.

    Returns:
      `[n, d]` float64, in [0, 1).

    Raises:
      ValueError: if an argument is not a count, or `ndim` is too large.
    """
    num_points = _checks.as_count("num_points", num_points)
    if _checks.as_count("ndim", ndim) > len(_PRIMES):
        raise _checks.fail("ndim", f"at most {len(_PRIMES)}", ndim)
    points = np.zeros((num_points, ndim))
    for j, base in enumerate(_PRIMES[:ndim]):
        digits, weight = np.arange(num_points), 1.0
        while digits.any():
            weight /= base
            points[:, j] += weight * (digits % base)
            digits //= base
    return points
