"""Poisson's equation on the unknown pixels of a mask of any shape.

Notation. The mask is True at unknown pixels. The others keep their values (Dirichlet);
a side of the mask on the image's border is natural (no flux, Neumann). The unknown of
the linear system is the correction v to the given values, zero at known pixels:

    -Delta v + screening v = b,   b = Delta values - screening values - rhs.

The correction, unlike the image, is smooth or small, so that float32 rounding affects
only the correction and not the image.
"""

import functools
from collections.abc import Callable
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Bool, Float

from inr import _checks
from inr._masks import check_mask
from inr._typing import Array, ArrayLike
from inr.poisson.boxes import mask_box
from inr.poisson.conjugate_gradients import Solver, choose_solver, solve_correction
from inr.poisson.differences import (
    as_grid,
    grid_divergence,
    grid_gradient,
    grid_laplacian,
)
from inr.poisson.solution import Solution, raise_unless_converged


def solve_masked(
    rhs: Float[ArrayLike, "h w c"],
    mask: Bool[ArrayLike, "h w"],
    values: Float[ArrayLike, "h w c"],
    *,
    screening: float | Float[ArrayLike, "..."] = 0.0,
    solver: Solver = "auto",
    rtol: float = 1e-6,
    max_steps: int = 1000,
) -> Solution:
    """u with Delta u - screening u = rhs where the mask is True, u = values elsewhere.

    A concrete mask is solved on `mask_box(mask)`, a traced one on the whole image.

    Args:
      rhs: `[h, w, c]`, per square pixel; read where the mask is True.
      mask: bool `[h, w]`, True at unknown pixels.
      values: `[h, w, c]`, the known pixels, and an initial guess for the others.
      screening: a number or `[h, w]`, not negative.
      solver: preconditioner of conjugate gradients: `"cg"` (the diagonal), `"dst"` (a
        sine transform), `"multigrid"`, or `"auto"`: `"cg"` for a concrete mask that
        consists of small holes, else `"multigrid"`.
      rtol: norm of the residual, relative to the first, at which to stop.
      max_steps: largest number of iterations.

    Returns:
      `Solution`, whose value equals `values` outside the mask, bit by bit.

    Raises:
      ValueError: for arrays that do not fit together, for NaN, and for a mask that is
        not boolean, has no unknown pixel, or (without screening) no known pixel.
      NotConverged: if concrete arguments did not reach `rtol`. Under `jit` check
        `residual` instead.
    """
    rhs = as_grid("rhs", rhs, "[h, w, c]")
    _checks.check_finite("rhs", rhs)
    options = (solver, rtol, max_steps)
    return _solve(_residual_of_rhs, rhs, mask, values, screening, *options)


def integrate_masked(
    guidance: Float[ArrayLike, "h w 2 c"],
    mask: Bool[ArrayLike, "h w"],
    values: Float[ArrayLike, "h w c"],
    *,
    solver: Solver = "auto",
    rtol: float = 1e-6,
    max_steps: int = 1000,
) -> Solution:
    """u with the gradient nearest to a guidance field, u = values outside the mask.

    Minimizes |grad u - guidance|^2 over the edges that touch the mask
    [Perez et al. 2003, eq. 7]. If the guidance is the gradient of `values`, the result
    equals `values` without any rounding.

    Args:
      guidance: `[h, w, 2, c]`, differences per pixel.
      mask: bool `[h, w]`, True at unknown pixels.
      values: `[h, w, c]`, the known pixels, and an initial guess for the others.
      solver: preconditioner, as in `solve_masked`.
      rtol: norm of the residual, relative to the first, at which to stop.
      max_steps: largest number of iterations.

    Returns:
      `Solution`, whose value equals `values` outside the mask, bit by bit.

    Raises:
      ValueError: as `solve_masked`.
      NotConverged: as `solve_masked`.
    """
    guidance = as_grid("guidance", guidance, "[h, w, 2, c]")
    _checks.check_finite("guidance", guidance)
    options = (solver, rtol, max_steps)
    return _solve(_residual_of_guidance, guidance, mask, values, 0.0, *options)


def _residual_of_rhs(values: Array, rhs: Array) -> Array:
    return grid_laplacian(values) - rhs


def _residual_of_guidance(values: Array, guidance: Array) -> Array:
    return -grid_divergence(guidance - grid_gradient(values))


def _solve(
    residual_fn: Callable[[Array, Array], Array],
    data: Array,
    mask: ArrayLike,
    values: ArrayLike,
    screening: ArrayLike,
    solver: Solver,
    rtol: float,
    max_steps: int,
) -> Solution:
    """Check the arguments and solve; `residual_fn(values, data)` is b unscreened."""
    values = as_grid("values", values, "[h, w, c]")
    _checks.check_finite("values", values)
    _checks.check_choice("solver", solver, get_args(Solver))
    size = values.shape[:2]
    if data.shape[:2] + data.shape[-1:] != values.shape:
        name = "guidance" if data.ndim == 4 else "rhs"
        shape = (*size, *data.shape[2:-1], values.shape[2])
        raise _checks.fail(name, f"of shape {shape}", f"shape {data.shape}")
    dtype = jnp.result_type(values, data)
    screening = _checks.as_real("screening", screening)
    if _checks.is_concrete(screening):  # in NumPy, which compiles nothing
        screening = np.asarray(screening)
    screening = screening.astype(dtype)
    if screening.shape not in ((), size):
        raise _checks.fail(
            "screening", f"a number or of shape {size}", f"shape {screening.shape}"
        )
    if _checks.is_concrete(screening) and bool((screening < 0).any()):
        raise _checks.fail("screening", "at least 0", f"{screening.min()}")
    check_mask("mask", mask, size)
    if _checks.is_concrete(screening) and not bool((screening > 0).any()):
        _check_known(mask)
    _checks.as_positive("rtol", rtol)
    box = mask_box(mask)
    solution = _solve_in_box(
        data.astype(dtype),
        mask if isinstance(mask, np.ndarray) else jnp.asarray(mask),
        values.astype(dtype),
        screening,
        np.asarray(box.corner, np.int32),
        np.asarray(rtol, dtype),
        np.int32(_checks.as_count("max_steps", max_steps)),
        residual_fn=residual_fn,
        size=box.size,
        solver=choose_solver(mask, solver),
    )
    raise_unless_converged(solution, rtol)
    return solution


def _check_known(mask: ArrayLike) -> None:
    """A concrete mask must be False somewhere: the solution is not unique otherwise."""
    if _checks.is_concrete(mask) and np.asarray(mask).all():
        raise _checks.fail(
            "mask",
            "False somewhere in the image",
            "no known pixel",
            "For a whole image use `inr.poisson.integrate`, which sets the mean.",
        )


@functools.partial(jax.jit, static_argnames=("residual_fn", "size", "solver"))
def _solve_in_box(
    data: Array,
    mask: Array,
    values: Array,
    screening: Array,
    corner: Array,
    rtol: Array,
    max_steps: Array,
    *,
    residual_fn: Callable[[Array, Array], Array],
    size: tuple[int, int],
    solver: Solver,
) -> Solution:
    def crop(x: Array) -> Array:
        starts = [*corner, *[jnp.int32(0)] * (x.ndim - 2)]
        return lax.dynamic_slice(x, starts, (*size, *x.shape[2:]))

    inside, is_unknown = crop(values), crop(mask)
    b = residual_fn(inside, crop(data))
    if screening.ndim:
        screening = crop(screening)
    b = b - jnp.atleast_3d(screening) * inside
    v, residual, num_steps = solve_correction(
        b, is_unknown, screening, solver=solver, rtol=rtol, max_steps=max_steps
    )
    inside = jnp.where(is_unknown[..., None], inside + v, inside)
    value = lax.dynamic_update_slice(values, inside, [*corner, jnp.int32(0)])
    return Solution(value, residual, num_steps)
