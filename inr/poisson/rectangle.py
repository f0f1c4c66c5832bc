"""Direct solvers of Poisson's equation on a rectangle, by fast transforms.

Notation. Delta is the five-point Laplacian of `differences`, per square pixel, whose
eigenvalues along an axis of n pixels are -4 sin^2(a_k): a_k = pi k / 2n for the Neumann
boundary (no flux out of the image), pi (k + 1) / 2 (n + 1) for the Dirichlet boundary
(known values just outside), pi k / n for the periodic one. The form 2 cos - 2 would
lose a digit in float32 to cancellation [Press et al., ch. 20.4].
"""

import functools
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.poisson.differences import (
    Boundary,
    as_grid,
    grid_divergence,
    grid_gradient,
)
from inr.poisson.transforms import Gain, dst, filter_cosine, idst

_LOW_FREQUENCIES = 16

_AnyBoundary = Literal["neumann", "dirichlet", "periodic"]


def solve(
    rhs: Float[ArrayLike, "h w c"],
    *,
    boundary: _AnyBoundary = "neumann",
    boundary_values: Float[ArrayLike, "h+2 w+2 c"] | None = None,
    screening: float | Float[ArrayLike, ""] = 0.0,
) -> Array:
    """u with Delta u - screening u = rhs on a rectangle.

    Without screening the Neumann and the periodic problem determine u up to a constant
    and are solvable for a right side of mean zero. The mean of `rhs` is then ignored,
    which gives the least-squares solution, and u has mean zero.

    Args:
      rhs: `[h, w, c]`, per square pixel.
      boundary: `"neumann"`, `"dirichlet"` or `"periodic"`.
      boundary_values: `[h + 2, w + 2, c]`, for `"dirichlet"`: the outermost frame is u
        around the rectangle, the rest is not read. Zero by default.
      screening: a number, not negative; may be traced.

    Returns:
      `[h, w, c]`.

    Raises:
      ValueError: for an array of another shape, an unknown boundary, boundary values
        without a Dirichlet boundary, or NaN.
    """
    rhs = as_grid("rhs", rhs, "[h, w, c]")
    _checks.check_choice("boundary", boundary, get_args(_AnyBoundary))
    _checks.check_finite("rhs", rhs)
    _checks.check_scalar("screening", screening, _checks.as_not_negative)
    if boundary_values is not None:
        rhs = rhs - _boundary_terms(boundary_values, rhs.shape, boundary)
    return _solve(rhs, jnp.asarray(screening, rhs.dtype), boundary=boundary)


def integrate(
    guidance: Float[ArrayLike, "h w 2 c"],
    *,
    boundary: Boundary = "neumann",
    mean: float | Float[ArrayLike, "..."] = 0.0,
) -> Array:
    """The image whose gradient is nearest to a gradient field, in least squares.

    Minimizes |grad u - guidance|^2 over the edges of the image [Perez et al. 2003;
    Fattal et al. 2002]. The inverse of `grid_gradient`, up to the mean.

    Args:
      guidance: `[h, w, 2, c]`, differences per pixel.
      boundary: `"neumann"` or `"periodic"`.
      mean: a number or `[c]`, the mean of the result; a gradient does not determine it.

    Returns:
      `[h, w, c]`.

    Raises:
      ValueError: for an array of another shape, an unknown boundary, or NaN.
    """
    guidance = as_grid("guidance", guidance, "[h, w, 2, c]")
    _checks.check_choice("boundary", boundary, get_args(Boundary))
    _checks.check_finite("guidance", guidance)
    mean = _checks.as_real("mean", mean).astype(guidance.dtype)
    if mean.shape not in ((), guidance.shape[-1:]):
        raise _checks.fail("mean", "a number or [c]", f"shape {mean.shape}")
    return _integrate(guidance, mean, boundary=boundary)


def integrate_screened(
    guidance: Float[ArrayLike, "h w 2 c"],
    data: Float[ArrayLike, "h w c"],
    screening: float | Float[ArrayLike, ""],
    *,
    boundary: Boundary = "neumann",
) -> Array:
    """The image closest to both `data` and a gradient field.

    Minimizes |grad u - guidance|^2 + screening |u - data|^2 [Bhat et al. 2008].

    Args:
      guidance: `[h, w, 2, c]`, differences per pixel.
      data: `[h, w, c]`.
      screening: weight of the data term, not negative; may be traced.
      boundary: `"neumann"` or `"periodic"`.

    Returns:
      `[h, w, c]`.

    Raises:
      ValueError: for arrays that do not fit together, an unknown boundary, or NaN.
    """
    data = as_grid("data", data, "[h, w, c]")
    _checks.check_finite("data", data)
    _checks.check_scalar("screening", screening, _checks.as_not_negative)
    rhs = grid_divergence(guidance, boundary=boundary)
    _checks.check_finite("guidance", guidance)
    _checks.check_shape("data", data, rhs.shape)
    screening = jnp.asarray(screening, jnp.result_type(rhs, data))
    return _solve(rhs - screening * data, screening, boundary=boundary)


@functools.partial(jax.jit, static_argnames="boundary")
def _integrate(guidance: Array, mean: Array, *, boundary: Boundary) -> Array:
    rhs = grid_divergence(guidance, boundary=boundary)
    u = solve(rhs, boundary=boundary) + jnp.broadcast_to(mean, rhs.shape)
    if boundary == "neumann" and u.dtype == jnp.float32:
        u = u + _solve_low_frequencies(grid_divergence(guidance - grid_gradient(u)))
    return u


def _solve_low_frequencies(rhs: Array) -> Array:
    """The lowest frequencies of the Neumann solution, by products with thin matrices.

    Rounding errors of the right side are divided by the eigenvalue, which is 1e-5 or
    less for the lowest frequencies of a large image: they dominate the error in
    float32. A second solve for the residual of the gradient removes them.
    """
    bases, eigenvalues = [], []
    for n in rhs.shape[:2]:
        k = np.arange(min(_LOW_FREQUENCIES, n))[:, None]
        basis = np.cos(np.pi * k * (2 * np.arange(n) + 1) / (2 * n))
        basis *= np.sqrt(np.where(k == 0, 1, 2) / n)
        bases.append(jnp.asarray(basis, rhs.dtype))
        eigenvalues.append(_EIGENVALUES["neumann"](n)[k[:, 0]])
    values = eigenvalues[0][:, None] + eigenvalues[1]
    values[0, 0] = np.inf  # The constant is not determined.
    product = functools.partial(jnp.einsum, precision=lax.Precision.HIGHEST)
    spectrum = product("hwc,kh,lw->klc", rhs, *bases)
    spectrum = spectrum / jnp.asarray(values[..., None], rhs.dtype)
    return product("klc,kh,lw->hwc", spectrum, *bases)


@functools.partial(jax.jit, static_argnames="boundary")
def _solve(rhs: Array, screening: Array, *, boundary: _AnyBoundary) -> Array:
    h, w = rhs.shape[:2]
    eigenvalues = [_EIGENVALUES[boundary](n) for n in (h, w)]

    def gain(row: np.ndarray, column: np.ndarray) -> Array:
        along_y, along_x = (
            jnp.asarray(values[index], rhs.dtype)
            for values, index in zip(eigenvalues, (row, column), strict=True)
        )
        values = along_y + along_x - screening
        # The eigenvalue of the constant is zero: it is not determined, and set to zero.
        is_zero = values == 0
        return jnp.where(is_zero, 0, 1 / jnp.where(is_zero, 1, values))

    planes = jnp.moveaxis(rhs, -1, 0)
    return jnp.moveaxis(_FILTERS[boundary](planes, gain), 0, -1)


def _filter_sine(x: Array, gain: Gain) -> Array:
    h, w = x.shape[-2:]
    factors = gain(np.arange(h)[:, None], np.arange(w)[None])
    return idst(dst(x, axes=(-2, -1)) * factors[None], axes=(-2, -1))


def _filter_periodic(x: Array, gain: Gain) -> Array:
    h, w = x.shape[-2:]
    factors = gain(np.arange(h)[:, None], np.arange(w // 2 + 1)[None])
    return jnp.fft.irfft2(jnp.fft.rfft2(x) * factors[None], s=(h, w))


def _boundary_terms(
    values: ArrayLike, shape: tuple[int, ...], boundary: _AnyBoundary
) -> Array:
    """Contribution of the known values just outside to Delta u at adjacent pixels."""
    if boundary != "dirichlet":
        raise _checks.fail(
            "boundary_values",
            f"None where boundary={boundary!r}",
            "an array",
            "Boundary values need boundary='dirichlet'.",
        )
    values = as_grid("boundary_values", values, "[h + 2, w + 2, c]")
    h, w, c = shape
    if values.shape != (h + 2, w + 2, c):
        raise _checks.fail(
            "boundary_values", f"of shape {(h + 2, w + 2, c)}", f"shape {values.shape}"
        )
    _checks.check_finite("boundary_values", values[:: h + 1])
    _checks.check_finite("boundary_values", values[:, :: w + 1])
    terms = jnp.zeros(shape, values.dtype)
    terms = terms.at[0].add(values[0, 1:-1]).at[-1].add(values[-1, 1:-1])
    return terms.at[:, 0].add(values[1:-1, 0]).at[:, -1].add(values[1:-1, -1])


_FILTERS = {
    "neumann": filter_cosine,
    "dirichlet": _filter_sine,
    "periodic": _filter_periodic,
}
_EIGENVALUES = {
    "neumann": lambda n: -4 * np.sin(np.pi * np.arange(n) / (2 * n)) ** 2,
    "dirichlet": lambda n: -4 * np.sin(np.pi * np.arange(1, n + 1) / (2 * n + 2)) ** 2,
    "periodic": lambda n: -4 * np.sin(np.pi * np.arange(n) / n) ** 2,
}
