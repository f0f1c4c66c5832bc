"""Poisson's equation on a rectangle, directly by fast transforms.

Notation. Delta is the five-point Laplacian of `differences`, per square pixel, whose
eigenvalues along an axis of n pixels are -4 sin^2(a_k): a_k = pi k / 2n for the Neumann
boundary (no flux out of the image), pi (k + 1) / 2 (n + 1) for the Dirichlet boundary
(known values just outside), pi k / n for the periodic one. They are written as sines
because 2 cos - 2 cancels: in float32 that costs a digit [Press et al., ch. 20.4].
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.poisson.differences import (
    BOUNDARIES,
    as_grid,
    grid_divergence,
    grid_gradient,
)
from inr.poisson.transforms import Gain, dst, filter_cosine, idst

_SLOW_WAVES = 16


def solve(
    rhs: Float[ArrayLike, "h w c"],
    *,
    boundary: str = "neumann",
    boundary_values: Float[ArrayLike, "h+2 w+2 c"] | None = None,
    screening: float | Float[ArrayLike, ""] = 0.0,
) -> Array:
    """u with Delta u - screening u = rhs on a rectangle.

    Without screening the Neumann and the periodic problem determine u up to a constant
    and want a right side of mean zero: the mean of `rhs` is dropped, which gives the
    least-squares solution, and u has mean zero.

    Args:
      rhs: `[h, w, c]`, per square pixel.
      boundary: `"neumann"`, `"dirichlet"` or `"periodic"`.
      boundary_values: `[h + 2, w + 2, c]`, for `"dirichlet"`: its outermost frame holds
        u around the rectangle, the rest is not read. Zero by default.
      screening: not negative; may be traced.

    Returns:
      `[h, w, c]`.

    Raises:
      ValueError: for an array of another shape, an unknown boundary, boundary values
        without a Dirichlet boundary, or NaN.
    """
    rhs = as_grid("rhs", rhs, "[h, w, c]")
    _checks.check_choice("boundary", boundary, (*BOUNDARIES, "dirichlet"))
    _checks.check_finite("rhs", rhs)
    if _checks.is_concrete(screening) and not screening >= 0:
        raise _checks.fail("screening", "at least 0", screening)
    if boundary_values is not None:
        rhs = rhs - _from_frame(boundary_values, rhs.shape, boundary)
    return _solve(rhs, jnp.asarray(screening, rhs.dtype), boundary=boundary)


def integrate(
    guidance: Float[ArrayLike, "h w 2 c"],
    *,
    boundary: str = "neumann",
    mean: float | Float[ArrayLike, "..."] = 0.0,
) -> Array:
    """The image whose gradient is nearest to a gradient field, in least squares.

    Minimizes |grad u - guidance|^2 over the edges of the image [Perez et al. 2003;
    Fattal et al. 2002]. Undoes `grid_gradient` for a field that is a gradient.

    Args:
      guidance: `[h, w, 2, c]`, differences per pixel.
      boundary: `"neumann"` or `"periodic"`.
      mean: of the result, a number or `[c]`: no gradient knows it.

    Returns:
      `[h, w, c]`.

    Raises:
      ValueError: for an array of another shape, an unknown boundary, or NaN.
    """
    guidance = as_grid("guidance", guidance, "[h, w, 2, c]")
    _checks.check_choice("boundary", boundary, BOUNDARIES)
    _checks.check_finite("guidance", guidance)
    mean = jnp.asarray(mean, guidance.dtype)
    if mean.shape not in ((), guidance.shape[-1:]):
        raise _checks.fail("mean", "a number or [c]", f"shape {mean.shape}")
    return _integrate(guidance, mean, boundary=boundary)


def integrate_screened(
    guidance: Float[ArrayLike, "h w 2 c"],
    data: Float[ArrayLike, "h w c"],
    screening: float | Float[ArrayLike, ""],
    *,
    boundary: str = "neumann",
) -> Array:
    """The image near `data` whose gradient is near a gradient field.

    Minimizes |grad u - guidance|^2 + screening |u - data|^2 [Bhat et al. 2008].

    Args:
      guidance: `[h, w, 2, c]`, differences per pixel.
      data: `[h, w, c]`.
      screening: weight of the data per pixel, not negative; may be traced.
      boundary: `"neumann"` or `"periodic"`.

    Returns:
      `[h, w, c]`.

    Raises:
      ValueError: for arrays that do not fit together, an unknown boundary, or NaN.
    """
    data = as_grid("data", data, "[h, w, c]")
    rhs = grid_divergence(guidance, boundary=boundary)
    if rhs.shape != data.shape:
        raise _checks.fail("data", f"of shape {rhs.shape}", f"shape {data.shape}")
    rhs = rhs - screening * data
    return solve(rhs, boundary=boundary, screening=screening)


@functools.partial(jax.jit, static_argnames="boundary")
def _integrate(guidance: Array, mean: Array, *, boundary: str) -> Array:
    rhs = grid_divergence(guidance, boundary=boundary)
    u = solve(rhs, boundary=boundary) + jnp.broadcast_to(mean, rhs.shape)
    if boundary == "neumann" and u.dtype == jnp.float32:
        left = grid_divergence(guidance - grid_gradient(u))
        u = u + _slow_part(left)
    return u


def _slow_part(rhs: Array) -> Array:
    """The slowest waves of the Neumann solution, by products with thin matrices.

    The right side's rounding errors are divided by the eigenvalue, 1e-5 and less for
    the slowest waves of a large image: all of float32's error is there. Solved a second
    time, for what is left of the gradient, they come out right.
    """
    bases, eigenvalues = [], []
    for n in rhs.shape[:2]:
        k = np.arange(min(_SLOW_WAVES, n))[:, None]
        basis = np.cos(np.pi * k * (2 * np.arange(n) + 1) / (2 * n))
        basis *= np.sqrt(np.where(k == 0, 1, 2) / n)
        bases.append(jnp.asarray(basis, rhs.dtype))
        eigenvalues.append(_EIGENVALUES["neumann"](n)[k[:, 0]])
    values = eigenvalues[0][:, None] + eigenvalues[1]
    values[0, 0] = np.inf  # no constant is determined
    product = functools.partial(jnp.einsum, precision=lax.Precision.HIGHEST)
    spectrum = product("hwc,kh,lw->klc", rhs, *bases)
    spectrum = spectrum / jnp.asarray(values[..., None], rhs.dtype)
    return product("klc,kh,lw->hwc", spectrum, *bases)


@functools.partial(jax.jit, static_argnames="boundary")
def _solve(rhs: Array, screening: Array, *, boundary: str) -> Array:
    h, w = rhs.shape[:2]
    eigenvalues = [_EIGENVALUES[boundary](n) for n in (h, w)]

    def gain(row: np.ndarray, column: np.ndarray) -> Array:
        along_y, along_x = (
            jnp.asarray(values[index], rhs.dtype)
            for values, index in zip(eigenvalues, (row, column), strict=True)
        )
        values = along_y + along_x - screening
        # The constant's eigenvalue is zero: no constant is determined, none is made.
        free = values == 0
        return jnp.where(free, 0, 1 / jnp.where(free, 1, values))

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


def _from_frame(values: ArrayLike, shape: tuple[int, ...], boundary: str) -> Array:
    """What the known values just outside add to Delta u at the pixels beside them."""
    if boundary != "dirichlet":
        raise ValueError(
            f"`boundary_values` belong to boundary='dirichlet', not to {boundary!r}."
        )
    values = as_grid("boundary_values", values, "[h + 2, w + 2, c]")
    h, w, c = shape
    if values.shape != (h + 2, w + 2, c):
        raise _checks.fail(
            "boundary_values", f"of shape {(h + 2, w + 2, c)}", f"shape {values.shape}"
        )
    _checks.check_finite("boundary_values", values[:: h + 1])
    _checks.check_finite("boundary_values", values[:, :: w + 1])
    added = jnp.zeros(shape, values.dtype)
    added = added.at[0].add(values[0, 1:-1]).at[-1].add(values[-1, 1:-1])
    return added.at[:, 0].add(values[1:-1, 0]).at[:, -1].add(values[1:-1, -1])


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
