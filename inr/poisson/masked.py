"""Poisson's equation on the unknown pixels of a mask of any shape.

Notation. Unknown are the pixels where the mask is True; the others keep their values
(Dirichlet), and a side of the mask on the image's border is natural (no flux, Neumann).
Solved for is the correction v to the given values, zero at known pixels:

    -Delta v + screening v = b,   b = Delta values - rhs,

by conjugate gradients with one of three preconditioners: the pixel's own coefficient
(`"cg"`), the sine transform of the whole box (`"dst"`), a multigrid cycle
(`"multigrid"`). The correction, unlike the image, is smooth or small, and float32 then
keeps the image's own digits.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Bool, Float

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.poisson import multigrid
from inr.poisson.boxes import plan
from inr.poisson.differences import (
    as_grid,
    grid_divergence,
    grid_gradient,
    grid_laplacian,
)
from inr.poisson.rectangle import solve

METHODS = ("auto", "cg", "dst", "multigrid")


class Solution(NamedTuple):
    """What an iterative solve came to.

    Attributes:
      value: `[h, w, c]`.
      residual: `[c]`, norm of the residual over that of the first one, as the iteration
        counts it; above the tolerance, or NaN, where it did not converge.
      num_steps: `[c]`, iterations.
    """

    value: Array
    residual: Array
    num_steps: Array


class NotConverged(RuntimeError):
    """A solve ended above its tolerance. `solution` is what it had."""

    def __init__(self, message: str, solution: Solution):
        super().__init__(message)
        self.solution = solution


def solve_masked(
    rhs: Float[ArrayLike, "h w c"],
    mask: Bool[ArrayLike, "h w"],
    values: Float[ArrayLike, "h w c"],
    *,
    screening: float | Float[ArrayLike, "..."] = 0.0,
    method: str = "auto",
    rtol: float = 1e-6,
    max_steps: int = 1000,
) -> Solution:
    """u with Delta u - screening u = rhs where the mask is True, u = values elsewhere.

    Args:
      rhs: `[h, w, c]`, per square pixel; read where the mask is True.
      mask: bool `[h, w]`, True at unknown pixels. A mask whose values are known is cut
        out with its surroundings; one that is traced is solved on the whole image.
      values: `[h, w, c]`, the known pixels, and a first guess at the others.
      screening: a number or `[h, w]`, not negative.
      method: `"cg"`, `"dst"`, `"multigrid"`, or `"auto"`, which looks at the mask (and
        is `"multigrid"` where the mask is traced).
      rtol: the residual to reach, over the first one.
      max_steps: of conjugate gradients.

    Returns:
      `Solution`, whose value equals `values` outside the mask, bit by bit.

    Raises:
      ValueError: for arrays that do not fit together, a mask that is not boolean, has
        no unknown pixel, or no known pixel (without screening), or for NaN.
      NotConverged: where concrete arguments did not reach `rtol`; under `jit` only
        `residual` tells.
    """
    rhs = as_grid("rhs", rhs, "[h, w, c]")
    _checks.check_finite("rhs", rhs)
    options = (method, rtol, max_steps)
    return _solve(_from_rhs, rhs, mask, values, screening, *options)


def integrate_masked(
    guidance: Float[ArrayLike, "h w 2 c"],
    mask: Bool[ArrayLike, "h w"],
    values: Float[ArrayLike, "h w c"],
    *,
    method: str = "auto",
    rtol: float = 1e-6,
    max_steps: int = 1000,
) -> Solution:
    """u with the gradient nearest to a guidance field, u = values outside the mask.

    Minimizes |grad u - guidance|^2 over the edges that touch the mask
    [Perez et al. 2003, eq. 7]. Where the guidance is the gradient of `values`, nothing
    is lost to rounding.

    Args:
      guidance: `[h, w, 2, c]`, differences per pixel.
      mask: bool `[h, w]`, True at unknown pixels.
      values: `[h, w, c]`, the known pixels, and a first guess at the others.
      method: as in `solve_masked`.
      rtol: the residual to reach, over the first one.
      max_steps: of conjugate gradients.

    Returns:
      `Solution`, whose value equals `values` outside the mask, bit by bit.

    Raises:
      ValueError: as `solve_masked`.
      NotConverged: as `solve_masked`.
    """
    guidance = as_grid("guidance", guidance, "[h, w, 2, c]")
    _checks.check_finite("guidance", guidance)
    options = (method, rtol, max_steps)
    return _solve(_from_guidance, guidance, mask, values, 0.0, *options)


def _from_rhs(values: Array, rhs: Array) -> Array:
    return grid_laplacian(values) - rhs


def _from_guidance(values: Array, guidance: Array) -> Array:
    return -grid_divergence(guidance - grid_gradient(values))


def correction(
    b: Array,
    mask: Array,
    screening: Array,
    *,
    method: str,
    rtol: Array,
    max_steps: Array,
) -> Solution:
    """v with -Delta v + screening v = b at True pixels and zero elsewhere.

    Args:
      b: `[h, w, c]`; read where the mask is True.
      mask: bool `[h, w]`, True at unknown pixels; the array's border is natural.
      screening: `[]` or `[h, w]`, in the dtype of `b`.
      method: a preconditioner.
      rtol: `[]`, the residual to reach, over the first one.
      max_steps: `[]`, of conjugate gradients.

    Returns:
      `Solution`.
    """
    fine = multigrid.fine_operator(mask, screening)
    precondition = _PRECONDITIONERS[method](fine)

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


def raise_unless_converged(solution: Solution, rtol: float) -> None:
    """For concrete results; a traced one passes."""
    if not _checks.is_concrete(solution):
        return
    residual = np.asarray(solution.residual)
    if not np.all(residual <= rtol):
        raise NotConverged(
            f"The Poisson solve ended at a residual of {residual.max():.3g} after "
            f"{np.max(solution.num_steps)} steps, above rtol={rtol:g}. Give more "
            "`max_steps`, another `method`, a larger `rtol`, or float64; "
            "`.solution` of this exception is what it had.",
            solution,
        )


def check_mask(mask: ArrayLike, size: tuple[int, ...]) -> None:
    """A bool array of this size; if concrete, True somewhere."""
    if getattr(mask, "dtype", None) != np.bool_:
        dtype = getattr(mask, "dtype", type(mask).__name__)
        raise _checks.fail("mask", "a bool array", dtype, "Use `mask > 127`.")
    if mask.shape != size:
        raise _checks.fail("mask", f"of shape {size}", f"shape {mask.shape}")
    if _checks.is_concrete(mask) and not np.asarray(mask).any():
        raise _checks.fail("mask", "True somewhere", "an empty mask")


def check_known(mask: ArrayLike) -> None:
    """False somewhere, if concrete: the solution is not determined otherwise."""
    if _checks.is_concrete(mask) and np.asarray(mask).all():
        raise _checks.fail(
            "mask",
            "False somewhere in the image",
            "no known pixel",
            "For a whole image use `inr.poisson.integrate`, which fixes the mean.",
        )


def _solve(
    correction_rhs: Callable[[Array, Array], Array],
    data: Array,
    mask: ArrayLike,
    values: ArrayLike,
    screening: ArrayLike,
    method: str,
    rtol: float,
    max_steps: int,
) -> Solution:
    values = as_grid("values", values, "[h, w, c]")
    _checks.check_finite("values", values)
    _checks.check_choice("method", method, METHODS)
    name = "guidance" if data.ndim == 4 else "rhs"
    if data.shape[:2] + data.shape[-1:] != values.shape:
        expected = f"of shape {(*values.shape[:2], '...', values.shape[2])}"
        raise _checks.fail(name, expected, f"shape {data.shape}")
    size = values.shape[:2]
    dtype = jnp.result_type(values, data)
    screening = jnp.asarray(screening, dtype)
    if screening.shape not in ((), size):
        raise _checks.fail(
            "screening", f"a number or of shape {size}", f"shape {screening.shape}"
        )
    check_mask(mask, size)
    if _checks.is_concrete(screening) and not bool((screening > 0).any()):
        check_known(mask)
    _checks.as_positive("rtol", rtol)
    box, method = plan(mask, method)
    solution = _solve_in_box(
        data.astype(dtype),
        jnp.asarray(mask),
        values.astype(dtype),
        screening,
        np.asarray(box.corner, np.int32),
        jnp.asarray(rtol, dtype),
        np.int32(_checks.as_count("max_steps", max_steps)),
        correction_rhs=correction_rhs,
        size=box.size,
        method=method,
    )
    raise_unless_converged(solution, rtol)
    return solution


@functools.partial(jax.jit, static_argnames=("correction_rhs", "size", "method"))
def _solve_in_box(
    data: Array,
    mask: Array,
    values: Array,
    screening: Array,
    corner: Array,
    rtol: Array,
    max_steps: Array,
    *,
    correction_rhs: Callable[[Array, Array], Array],
    size: tuple[int, int],
    method: str,
) -> Solution:
    def cropped(x: Array) -> Array:
        starts = [*corner, *[jnp.int32(0)] * (x.ndim - 2)]
        return lax.dynamic_slice(x, starts, (*size, *x.shape[2:]))

    known, unknown = cropped(values), cropped(mask)
    b = correction_rhs(known, cropped(data))
    if screening.ndim:
        screening = cropped(screening)
    # -Delta v + s v = Delta values - s values - rhs.
    b = b - jnp.atleast_3d(screening) * known
    v, residual, num_steps = correction(
        b, unknown, screening, method=method, rtol=rtol, max_steps=max_steps
    )
    changed = jnp.where(unknown[..., None], known + v, known)
    value = lax.dynamic_update_slice(values, changed, [*corner, jnp.int32(0)])
    return Solution(value, residual, num_steps)


def _conjugate_gradients(
    matvec: Callable[[Array], Array],
    precondition: Callable[[Array], Array],
    b: Array,
    rtol: Array,
    max_steps: Array,
) -> tuple[Array, tuple[Array, Array]]:
    """x with matvec(x) = b from x = 0, the final residual over the first, the steps."""
    first = jnp.vdot(b, b)

    def unfinished(state: tuple[Array, ...]) -> Array:
        _, r, _, _, step = state
        return (jnp.vdot(r, r) > rtol**2 * first) & (step < max_steps)

    def advance(state: tuple[Array, ...]) -> tuple[Array, ...]:
        x, r, direction, rz_last, step = state
        z = precondition(r)
        rz = jnp.vdot(r, z)
        direction = z + rz / rz_last * direction
        image = matvec(direction)
        length = rz / jnp.vdot(direction, image)
        return x + length * direction, r - length * image, direction, rz, step + 1

    zero = jnp.zeros_like(b)
    state = (zero, b, zero, jnp.full((), jnp.inf, b.dtype), jnp.int32(0))
    x, r, _, _, num_steps = lax.while_loop(unfinished, advance, state)
    residual = jnp.sqrt(jnp.vdot(r, r) / jnp.where(first == 0, 1, first))
    return x, (residual, num_steps)


def _by_coefficient(fine: multigrid.Fine) -> Callable[[Array], Array]:
    return lambda r: r * fine.scale


def _by_sine_transform(fine: multigrid.Fine) -> Callable[[Array], Array]:
    """The Dirichlet problem of the whole box, which is the mask's if it fills it."""
    return lambda r: jnp.where(
        fine.mask, -solve(r[..., None], boundary="dirichlet")[..., 0], 0
    )


def _by_multigrid(fine: multigrid.Fine) -> Callable[[Array], Array]:
    return functools.partial(multigrid.cycle, multigrid.build(fine))


_PRECONDITIONERS = {
    "cg": _by_coefficient,
    "dst": _by_sine_transform,
    "multigrid": _by_multigrid,
}
