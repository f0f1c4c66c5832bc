"""Preconditioned conjugate gradients on the unknown pixels of a mask.

Solves -Delta v + screening v = b at unknown pixels, with v = 0 at known ones and a
natural boundary (no flux) at the border of the array, by one of three preconditioners:
the diagonal (`"cg"`), the sine transform of the whole rectangle (`"dst"`), or a
multigrid cycle (`"multigrid"`).
"""

import functools
from collections.abc import Callable
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import lax

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.poisson import multigrid
from inr.poisson.rectangle import solve
from inr.poisson.solution import Solution

Solver = Literal["auto", "cg", "dst", "multigrid"]

# Above this ratio of perimeter to area the unknown regions are a few pixels wide, and
# plain conjugate gradients are as fast as multigrid.
_PERIMETER_OF_HOLES = 0.5


def choose_solver(mask: ArrayLike, solver: Solver) -> Solver:
    """Replace `"auto"` by a solver that suits the mask; multigrid if it is traced."""
    if solver != "auto":
        return solver
    if not _checks.is_concrete(mask):
        return "multigrid"
    mask = np.asarray(mask)
    perimeter = sum(np.count_nonzero(np.diff(mask, axis=axis)) for axis in (0, 1))
    has_holes = perimeter > _PERIMETER_OF_HOLES * np.count_nonzero(mask)
    return "cg" if has_holes else "multigrid"


def solve_correction(
    b: Array,
    mask: Array,
    screening: Array,
    *,
    solver: Solver,
    rtol: Array,
    max_steps: Array,
) -> Solution:
    """v with -Delta v + screening v = b at True pixels and v = 0 elsewhere.

    Args:
      b: `[h, w, c]`; read where the mask is True.
      mask: bool `[h, w]`, True at unknown pixels; the array's border is natural.
      screening: `[]` or `[h, w]`, in the dtype of `b`.
      solver: a preconditioner, not `"auto"`.
      rtol: `[]`, norm of the residual, relative to the first, at which to stop.
      max_steps: `[]`, largest number of iterations.

    Returns:
      `Solution`.
    """
    fine = multigrid.fine_operator(mask, screening)
    precondition = _PRECONDITIONERS[solver](fine)

    def solve_channel(b: Array) -> tuple[Array, Array, Array]:
        v, (residual, num_steps) = lax.custom_linear_solve(
            functools.partial(multigrid.apply, fine),
            jnp.where(mask, b, 0),
            lambda matvec, b: _conjugate_gradients(
                matvec, precondition, b, rtol, max_steps
            ),
            symmetric=True,
            has_aux=True,
        )
        return jnp.where(mask, v, 0), residual, num_steps

    v, residual, num_steps = lax.map(solve_channel, jnp.moveaxis(b, -1, 0))
    return Solution(jnp.moveaxis(v, 0, -1), residual, num_steps)


def _conjugate_gradients(
    matvec: Callable[[Array], Array],
    precondition: Callable[[Array], Array],
    b: Array,
    rtol: Array,
    max_steps: Array,
) -> tuple[Array, tuple[Array, Array]]:
    """x with matvec(x) = b, from x = 0; the relative residual and number of steps."""
    first = jnp.vdot(b, b)

    def is_unfinished(state: tuple[Array, ...]) -> Array:
        _, r, _, _, step = state
        return (jnp.vdot(r, r) > rtol**2 * first) & (step < max_steps)

    def advance(state: tuple[Array, ...]) -> tuple[Array, ...]:
        x, r, direction, rz_last, step = state
        z = precondition(r)
        rz = jnp.vdot(r, z)
        direction = z + rz / rz_last * direction
        product = matvec(direction)
        length = rz / jnp.vdot(direction, product)
        return x + length * direction, r - length * product, direction, rz, step + 1

    zero = jnp.zeros_like(b)
    state = (zero, b, zero, jnp.full((), jnp.inf, b.dtype), jnp.int32(0))
    x, r, _, _, num_steps = lax.while_loop(is_unfinished, advance, state)
    residual = jnp.sqrt(jnp.vdot(r, r) / jnp.where(first == 0, 1, first))
    return x, (residual, num_steps)


def _diagonal(fine: multigrid.Fine) -> Callable[[Array], Array]:
    return lambda r: r * fine.inverse_l1


def _sine_transform(fine: multigrid.Fine) -> Callable[[Array], Array]:
    """The Dirichlet problem of the whole rectangle, exact if the mask fills it."""
    return lambda r: jnp.where(
        fine.mask, -solve(r[..., None], boundary="dirichlet")[..., 0], 0
    )


def _multigrid_cycle(fine: multigrid.Fine) -> Callable[[Array], Array]:
    return functools.partial(multigrid.cycle, multigrid.build(fine))


_PRECONDITIONERS = {
    "cg": _diagonal,
    "dst": _sine_transform,
    "multigrid": _multigrid_cycle,
}
