"""A multigrid V-cycle for the Laplacian on the unknown pixels of a mask.

Notation. A = -Delta restricted to the unknown pixels, known ones being zero and the
array's border natural: (A u)_p = sum over neighbors q in the array of (u_p - u_q),
plus screening u_p. P interpolates bilinearly from every second pixel of every second
row and is cut off at the mask; coarse operators are the Galerkin products P^T A P, so
that boundaries of any shape and small holes are represented as the finest grid sees
them [Trottenberg et al. 2001, ch. 7]. Coarse operators are nine-point stencils with
varying coefficients.

The smoother is a polynomial in A / l1, where l1 is the sum of absolute values of a row:
A <= l1 holds for every symmetric A [Baker et al. 2011], so it converges even where
coarse functions cut off by the mask have become nearly dependent. Equal sweeps before
and after the coarse correction keep the cycle symmetric, as conjugate gradients want.
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
    """Step sizes whose sweeps are least, in the maximum, over [low, high]."""
    angles = np.pi * (np.arange(degree) + 0.5) / degree
    roots = (low + high) / 2 + (high - low) / 2 * np.cos(angles)
    return tuple(float(x) for x in 1 / roots)


# What a coarse grid cannot show lies in [1/4, 1] on the finest grid, in [3/8, 3/4] on
# the others, in units of l1.
_STEPS = _chebyshev_steps(0.25, 1.0, 2)


class Fine(NamedTuple):
    """The operator on the pixels themselves.

    Its diagonal, the number of neighbors plus the screening, is a sum of vectors and
    a scalar where it can be: a pass over the pixels is as slow as what it reads.
    """

    mask: Array  # bool [h, w], True at unknowns
    rows: Array  # [h, 1], neighbors above and below
    columns: Array  # [1, w], neighbors left and right
    screening: Array  # [1, 1] or [h, w]
    scale: Array  # [h, w], 1 / l1, 0 at known pixels


class Coarse(NamedTuple):
    """A Galerkin operator: (A u)_p = sum over offsets o of stencil_o[p] u_(p + o)."""

    stencil: Array  # [3, 3, h, w]
    scale: Array  # [h, w], 1 / l1, 0 where no unknown pixel is seen


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
    l1 = rows + columns + screening + _neighbors(mask.astype(screening.dtype))
    return Fine(mask, rows, columns, screening, jnp.where(mask, 1 / l1, 0))


def apply(level: Fine | Coarse, u: Array) -> Array:
    """A u, `[h, w]`; on the finest level u must be zero at known pixels."""
    product = _product(level, u)
    return jnp.where(level.mask, product, 0) if isinstance(level, Fine) else product


def _product(level: Fine | Coarse, u: Array) -> Array:
    """A u at unknown pixels, and anything at known ones."""
    if isinstance(level, Fine):
        diagonal = level.rows + level.columns + level.screening
        return diagonal * u - _neighbors(u)
    h, w = u.shape
    padded = jnp.pad(u, 1)
    return sum(
        level.stencil[i, j] * padded[i : i + h, j : j + w]
        for i in range(3)
        for j in range(3)
    )


def build(fine: Fine) -> Hierarchy:
    """All levels under the finest one."""
    levels = [fine]
    while levels[-1].scale.size > _COARSEST_POINTS:
        levels.append(_coarsened(levels[-1]))
    return Hierarchy(tuple(levels), _pseudo_inverse(levels[-1]))


def cycle(hierarchy: Hierarchy, b: Array) -> Array:
    """One V-cycle from zero: a symmetric approximation of A^-1 b."""
    return _cycle(hierarchy.levels, hierarchy.inverse, b)


def _cycle(levels: tuple[Fine | Coarse, ...], inverse: Array, b: Array) -> Array:
    level, *coarser = levels
    if not coarser:
        solved = jnp.dot(inverse, b.ravel(), precision=lax.Precision.HIGHEST)
        return solved.reshape(b.shape)
    # Sweeps and P^T look at unknown pixels only: the scale and the mask see to that.
    first, *rest = _STEPS
    x = first * level.scale * b
    for step in rest:
        x = x + step * level.scale * (b - _product(level, x))
    residual = b - _product(level, x)
    correction = _cycle(tuple(coarser), inverse, _restricted(level, residual))
    x = x + _prolonged(level, correction)
    for step in reversed(_STEPS):
        x = x + step * level.scale * (b - _product(level, x))
    return x


def _coarsened(level: Fine | Coarse) -> Coarse:
    """P^T A P, read off its action on nine combs of points three apart."""
    h, w = _coarse_size(level.scale.shape)
    row, column = np.ogrid[:h, :w]

    def act(color: Array) -> Array:
        comb = (row % 3 == color[0]) & (column % 3 == color[1])
        return _restricted(
            level, _product(level, _prolonged(level, comb.astype(level.scale.dtype)))
        )

    colors = jnp.asarray(np.stack(np.mgrid[:3, :3], -1).reshape(9, 2), jnp.int32)
    answers = lax.map(act, colors).reshape(3, 3, h, w)
    # Each point sees one point of each comb among its neighbors and itself.
    rows, columns = (
        jnp.asarray(index % 3, jnp.int32) + jnp.zeros((h, w), jnp.int32)
        for index in (row, column)
    )
    by_row = [_chosen(rows, i, answers) for i in range(3)]
    stencil = jnp.stack(
        [
            jnp.stack([_chosen(columns, j, row_answers) for j in range(3)])
            for row_answers in by_row
        ]
    )
    return Coarse(stencil, _reciprocal(jnp.abs(stencil).sum((0, 1))))


def _chosen(remainder: Array, neighbor: int, answers: Array) -> Array:
    """The answers `[3, ...]` to the comb of the neighbor before, at or after."""
    combs = jnp.roll(answers, 1 - neighbor, 0)
    which = jnp.broadcast_to(remainder, combs.shape[1:])
    return lax.select_n(which, *combs)


def _coarse_size(size: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n // 2 + 1 for n in size)


def _prolonged(level: Fine | Coarse, coarse: Array) -> Array:
    """P: coarse point i stands at fine point 2 i."""
    fine = _interpolated(
        _interpolated(coarse, level.scale.shape[0], 0), level.scale.shape[1], 1
    )
    return jnp.where(level.mask, fine, 0) if isinstance(level, Fine) else fine


def _restricted(level: Fine | Coarse, fine: Array) -> Array:
    """P^T."""
    if isinstance(level, Fine):
        fine = jnp.where(level.mask, fine, 0)
    return _gathered(_gathered(fine, 1), 0)


def _interpolated(coarse: Array, n: int, axis: int) -> Array:
    """Coarse values and, between them, their means: n fine points."""
    coarse = jnp.moveaxis(coarse, axis, 0)
    between = (coarse[:-1] + coarse[1:]) / 2
    fine = jnp.stack([coarse[:-1], between], 1).reshape(-1, *coarse.shape[1:])
    fine = jnp.concatenate([fine, coarse[-1:]])[:n]
    return jnp.moveaxis(fine, 0, axis)


def _gathered(fine: Array, axis: int) -> Array:
    """The adjoint of `_interpolated`: half of each neighbor and all of the point."""
    n = fine.shape[axis]
    size = n // 2 + 1
    padding = [(0, 0)] * fine.ndim
    padding[axis] = (1, 2 * size - n)
    padded = jnp.pad(fine, padding)
    before, at, after = (
        lax.slice_in_dim(padded, i, i + 2 * size - 1, 2, axis) for i in range(3)
    )
    return at + (before + after) / 2


def _neighbors(u: Array) -> Array:
    """Sum over the neighbors above, below, left and right that exist."""
    padded = jnp.pad(u, 1)
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]


def _reciprocal(x: Array) -> Array:
    return jnp.where(x > 0, 1 / jnp.where(x > 0, x, 1), 0)


def _pseudo_inverse(level: Fine | Coarse) -> Array:
    """Dense, of the coarsest operator, which may be singular: scaled to unit rows."""
    n, shape = level.scale.size, level.scale.shape
    points = jnp.eye(n, dtype=level.scale.dtype).reshape(n, *shape)
    root = jnp.sqrt(level.scale).ravel()
    matrix = jax.vmap(functools.partial(apply, level))(points).reshape(n, n)
    scaled = root[:, None] * matrix * root[None]
    inverse = jnp.linalg.pinv((scaled + scaled.T) / 2, hermitian=True)
    return root[:, None] * inverse * root[None]
