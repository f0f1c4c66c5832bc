"""A multigrid V-cycle for the Laplacian on the unknown pixels of a mask.

Notation. A = -Delta restricted to the unknown pixels, known ones being zero and the
array's border natural: (A u)_p = sum over neighbors q in the array of (u_p - u_q),
plus screening u_p. P interpolates bilinearly from every second pixel of every second
row and is zero outside the mask. Coarse operators are the Galerkin products P^T A P,
nine-point stencils with varying coefficients, which represent boundaries of any shape
and small holes as on the finest grid [Trottenberg et al. 2001, ch. 7].

The smoother is a polynomial in A / l1, where l1 is the sum of absolute values of a row.
A <= l1 holds for every symmetric A [Baker et al. 2011], so the smoother converges even
where the mask makes coarse basis functions nearly dependent. Equal sweeps before and
after the coarse correction keep the cycle symmetric, which conjugate gradients require.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from inr._typing import Array

_COARSEST_POINTS = 100


def _chebyshev_steps(low: float, high: float, degree: int) -> tuple[float, ...]:
    """Step sizes that minimize the largest error factor over [low, high]."""
    angles = np.pi * (np.arange(degree) + 0.5) / degree
    roots = (low + high) / 2 + (high - low) / 2 * np.cos(angles)
    return tuple(float(x) for x in 1 / roots)


# Eigenvalues of the errors that a coarse grid cannot represent lie in [1/4, 1] on the
# finest grid and in [3/8, 3/4] on the others, in units of l1.
_STEPS = _chebyshev_steps(0.25, 1.0, 2)


class Fine(NamedTuple):
    """The operator on the pixels.

    Its diagonal, the number of neighbors plus the screening, is stored as a sum of
    vectors and a scalar where possible, because memory bandwidth limits the speed.
    """

    mask: Array  # bool [h, w], True at unknowns
    rows: Array  # [h, 1], neighbors above and below
    columns: Array  # [1, w], neighbors left and right
    screening: Array  # [1, 1] or [h, w]
    inverse_l1: Array  # [h, w], 0 at known pixels


class Coarse(NamedTuple):
    """A Galerkin operator: (A u)_p = sum over offsets o of stencil_o[p] u_(p + o)."""

    stencil: Array  # [3, 3, h, w]
    inverse_l1: Array  # [h, w], 0 at points without unknown pixels around them


class Hierarchy(NamedTuple):
    """Operators from fine to coarse, and the inverse of the last."""

    levels: tuple[Fine | Coarse, ...]
    inverse: Array  # [n, n] over the coarsest points


def fine_operator(mask: Array, screening: Array) -> Fine:
    """A on the unknown pixels of a mask `[h, w]`, in the dtype of `screening`."""
    rows, columns = (
        jnp.asarray(2.0 - (index == 0) - (index == n - 1), screening.dtype)
        for index, n in zip(
            np.ogrid[tuple(map(slice, mask.shape))], mask.shape, strict=True
        )
    )
    screening = jnp.atleast_2d(screening)
    l1 = rows + columns + screening + _sum_neighbors(mask.astype(screening.dtype))
    return Fine(mask, rows, columns, screening, jnp.where(mask, 1 / l1, 0))


def apply(level: Fine | Coarse, u: Array) -> Array:
    """A u, `[h, w]`; on the finest level u must be zero at known pixels."""
    product = _product(level, u)
    return jnp.where(level.mask, product, 0) if isinstance(level, Fine) else product


def _product(level: Fine | Coarse, u: Array) -> Array:
    """A u at unknown pixels, and anything at known ones."""
    if isinstance(level, Fine):
        diagonal = level.rows + level.columns + level.screening
        return diagonal * u - _sum_neighbors(u)
    h, w = u.shape
    padded = jnp.pad(u, 1)
    total = jnp.zeros_like(u)
    for i, j in np.ndindex(3, 3):
        total = total + level.stencil[i, j] * padded[i : i + h, j : j + w]
    return total


def build(fine: Fine) -> Hierarchy:
    """Coarsen the operator down to at most 100 points."""
    levels: list[Fine | Coarse] = [fine]
    while levels[-1].inverse_l1.size > _COARSEST_POINTS:
        levels.append(_coarsen(levels[-1]))
    return Hierarchy(tuple(levels), _pseudo_inverse(levels[-1]))


def cycle(hierarchy: Hierarchy, b: Array) -> Array:
    """One V-cycle from zero: a symmetric approximation of A^-1 b."""
    return _cycle(hierarchy.levels, hierarchy.inverse, b)


def _cycle(levels: tuple[Fine | Coarse, ...], inverse: Array, b: Array) -> Array:
    level, *coarser = levels
    if not coarser:
        solved = jnp.dot(inverse, b.ravel(), precision=lax.Precision.HIGHEST)
        return solved.reshape(b.shape)
    # Known pixels have no effect: `inverse_l1` and the mask in P^T are zero there.
    first, *rest = _STEPS
    x = first * level.inverse_l1 * b
    for step in rest:
        x = x + step * level.inverse_l1 * (b - _product(level, x))
    residual = b - _product(level, x)
    correction = _cycle(tuple(coarser), inverse, _restrict(level, residual))
    x = x + _prolong(level, correction)
    for step in reversed(_STEPS):
        x = x + step * level.inverse_l1 * (b - _product(level, x))
    return x


def _coarsen(level: Fine | Coarse) -> Coarse:
    """P^T A P, from its products with nine combs of points three apart."""
    h, w = _coarse_size(level.inverse_l1.shape)
    row, column = np.ogrid[:h, :w]

    def act(color: Array) -> Array:
        comb = (row % 3 == color[0]) & (column % 3 == color[1])
        return _restrict(
            level,
            _product(level, _prolong(level, comb.astype(level.inverse_l1.dtype))),
        )

    colors = jnp.asarray(np.indices((3, 3)).reshape(2, 9).T, jnp.int32)
    products = lax.map(act, colors).reshape(3, 3, h, w)
    # The 3x3 neighborhood of each point has exactly one point of each comb.
    rows, columns = (
        jnp.asarray(index % 3, jnp.int32) + jnp.zeros((h, w), jnp.int32)
        for index in (row, column)
    )
    by_row = [_select_comb(rows, i, products) for i in range(3)]
    stencil = jnp.stack(
        [
            jnp.stack([_select_comb(columns, j, row_products) for j in range(3)])
            for row_products in by_row
        ]
    )
    return Coarse(stencil, _reciprocal(jnp.abs(stencil).sum((0, 1))))


def _select_comb(remainder: Array, neighbor: int, products: Array) -> Array:
    """From `[3, ...]`, the comb of the previous (0), same (1) or next (2) point."""
    combs = jnp.roll(products, 1 - neighbor, 0)
    index = jnp.broadcast_to(remainder, combs.shape[1:])
    return lax.select_n(index, *combs)


def _coarse_size(size: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n // 2 + 1 for n in size)


def _prolong(level: Fine | Coarse, coarse: Array) -> Array:
    """P u; coarse point i lies at fine point 2 i."""
    fine = _interpolate(
        _interpolate(coarse, level.inverse_l1.shape[0], 0),
        level.inverse_l1.shape[1],
        1,
    )
    return jnp.where(level.mask, fine, 0) if isinstance(level, Fine) else fine


def _restrict(level: Fine | Coarse, fine: Array) -> Array:
    """P^T u."""
    if isinstance(level, Fine):
        fine = jnp.where(level.mask, fine, 0)
    return _interpolate_adjoint(_interpolate_adjoint(fine, 1), 0)


def _interpolate(coarse: Array, n: int, axis: int) -> Array:
    """Coarse values and the means of neighbors, interleaved: n fine points."""
    coarse = jnp.moveaxis(coarse, axis, 0)
    between = (coarse[:-1] + coarse[1:]) / 2
    fine = jnp.stack([coarse[:-1], between], 1).reshape(-1, *coarse.shape[1:])
    fine = jnp.concatenate([fine, coarse[-1:]])[:n]
    return jnp.moveaxis(fine, 0, axis)


def _interpolate_adjoint(fine: Array, axis: int) -> Array:
    """The adjoint of `_interpolate`: each value plus half of both neighbors."""
    n = fine.shape[axis]
    size = n // 2 + 1
    padding = [(0, 0)] * fine.ndim
    padding[axis] = (1, 2 * size - n)
    padded = jnp.pad(fine, padding)
    before, at, after = (
        lax.slice_in_dim(padded, i, i + 2 * size - 1, 2, axis) for i in range(3)
    )
    return at + (before + after) / 2


def _sum_neighbors(u: Array) -> Array:
    """Sum over the neighbors above, below, left and right that exist."""
    padded = jnp.pad(u, 1)
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]


def _reciprocal(x: Array) -> Array:
    return jnp.where(x > 0, 1 / jnp.where(x > 0, x, 1), 0)


def _pseudo_inverse(level: Fine | Coarse) -> Array:
    """Dense inverse of the coarsest operator, which may be singular.

    Rows and columns are scaled by the square root of 1 / l1 first.
    """
    n, shape = level.inverse_l1.size, level.inverse_l1.shape
    points = jnp.eye(n, dtype=level.inverse_l1.dtype).reshape(n, *shape)
    root = jnp.sqrt(level.inverse_l1).ravel()
    matrix = jax.vmap(functools.partial(apply, level))(points).reshape(n, n)
    scaled = root[:, None] * matrix * root[None]
    inverse = jnp.linalg.pinv((scaled + scaled.T) / 2, hermitian=True)
    return root[:, None] * inverse * root[None]
