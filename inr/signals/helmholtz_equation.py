"""Terms of the Helmholtz equation in open space.

Notation. A source f that oscillates with e^(-i omega t) in a medium of slowness s (its
wave speed is 1 / s times that of the surroundings) causes the complex amplitude u,

    laplacian(u) + (k s)^2 u = -f,

on the square [-1, 1]^2 in (y, x), which waves leave and none enter. The two features of
a field are the real and the imaginary part of u.

Open space ends in a perfectly matched layer, a frame of thickness L around the square
in which coords become complex: d/dx is (1 / e) d/dx there, e = 1 + i a (depth / L)^2,
so that waves decay without a reflection at the inner edge (Berenger 1994; Sitzmann et
al. 2020, section 4.3). A wave that crosses the layer twice has 1e-4 of its amplitude;
on the outer edge u = 0. (Without that condition a wave that grows outwards would solve
the equation as well.)
"""

import jax.numpy as jnp
import numpy as np
from jax import lax

from inr import _checks
from inr._typing import Array, Field
from inr.calculus import axis_derivatives
from inr.fitting import Term, value_residual
from inr.signals.collocation import (
    PlaneData,
    check_above_zero,
    edge_points,
    spread_points,
    values_at,
)

_REFLECTION = 1e-4
_POOL = 2**15  # points of the equation, from which every step draws


def helmholtz_terms(
    wavenumber: float,
    *,
    source: tuple[float, float] = (0.0, 0.0),
    source_width: float | None = None,
    slowness: PlaneData | None = None,
    thickness: float | None = None,
    batch_size: int = 3072,
) -> tuple[Term, ...]:
    """Terms of the Helmholtz equation: everywhere, near the source, on the outer edge.

    The source is a Gaussian of integral 1. Away from it, where s = 1, its field is that
    of a point source: u = (i / 4) H0(k r) exp(-(k source_width)^2 / 2), H0 the Hankel
    function of the first kind.

    Args:
      wavenumber: k per unit of coords, where slowness is 1: the square [-1, 1]^2 is
        k / pi wavelengths wide.
      source: (y, x) of the source, inside the square.
      source_width: standard deviation of the source; by default 1 / k, a sixth
        of a wavelength. A narrower one needs a larger model.
      slowness: slowness of the medium, relative to its surroundings: an image `[h, w]`
        of the square, or a function of coords `[n, 2]` to `[n]`. By default 1.
      thickness: thickness of the layer around the square; by default a wavelength, at
        most 1.
      batch_size: rows in every step. A quarter of these points are near
        the source, and a tenth as many on the edge.

    Returns:
      Terms, for `fit` or `fit_least_squares`.

    Raises:
      ValueError: for numbers that are not positive and finite, a layer thicker than the
        square, a source outside it, and for a slowness that is not a positive, finite
        image or function.
    """
    k = _checks.as_positive("wavenumber", wavenumber)
    thickness = layer_thickness(k, thickness)
    width = 1 / k if source_width is None else source_width
    width = _checks.as_positive("source_width", width)
    center = _as_inner_point("source", source)
    batch_size = _checks.as_count("batch_size", batch_size, least=16)
    half = 1 + thickness
    anywhere = half * (2 * spread_points(_POOL, 2) - 1)
    near = center + width * _disc(_POOL // 4)
    edge = half * edge_points(spread_points(_POOL // 16, 1)[:, 0])[0]

    def equation(points: np.ndarray) -> tuple[Array, ...]:
        s = np.ones(len(points))
        if slowness is not None:
            s = values_at("slowness", slowness, points)
            check_above_zero("slowness", s)
        first, second = _stretched(points, k, thickness)
        square = np.square(points - center).sum(-1)
        density = np.exp(-square / (2 * width**2)) / (2 * np.pi * width**2)
        # Divided by k^2, the residual has the unit of u.
        real = [points, s**2, density / k**2]
        complex_ = [first / k**2, second / k**2]
        return (
            *(jnp.asarray(x, jnp.float32) for x in real),
            *(jnp.asarray(x, jnp.complex64) for x in complex_),
        )

    zero = jnp.zeros((len(edge), 2), jnp.float32)
    num_near, num_edge = batch_size // 4, batch_size // 10
    return (
        Term(helmholtz_residual, equation(anywhere), batch_size=batch_size - num_near),
        Term(helmholtz_residual, equation(near), batch_size=num_near),
        Term(
            value_residual, (jnp.asarray(edge, jnp.float32), zero), batch_size=num_edge
        ),
    )


def helmholtz_residual(field: Field, batch: tuple[Array, ...]) -> Array:
    """b u_yy + c u_xx + p u_y + q u_x + m u + f as two numbers; a residual for `Term`.

    Args:
      field: function of coords `[n, 2]`, with the real and the imaginary part of u.
      batch: coords `[n, 2]`, m `[n]`, f `[n]`, and complex (p, q) `[n, 2]` and (b, c)
        `[n, 2]`.

    Returns:
      `[n, 2]`, real and imaginary part.
    """
    names = ("coords", "mass", "source", "first", "second")
    coords, mass, source, first, second = _checks.as_batch(batch, *names)
    value, slope, curvature = (
        lax.complex(x[..., 0], x[..., 1]) for x in axis_derivatives(field, coords)
    )
    r = (first * slope + second * curvature).sum(-1) + mass * value + source
    return jnp.stack([r.real, r.imag], -1)


def _stretched(
    points: np.ndarray, k: float, thickness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return factors `[n, 2]` of u_x and u_xx in (1 / e) d/dx ((1 / e) du/dx)."""
    # A wave decays by exp(-k a L / 3) outwards, and again after its reflection.
    strength = 1.5 * np.log(1 / _REFLECTION) / (k * thickness)
    depth = np.maximum(np.abs(points) - 1, 0) / thickness
    e = 1 + 1j * strength * depth**2
    slope = 2j * strength * depth / thickness * np.sign(points)
    return -slope / e**3, 1 / e**2


def _disc(num_points: int) -> np.ndarray:
    """Return points `[n, 2]`, densest around 0, at distances up to 5."""
    radius, turn = spread_points(num_points, 2).T
    angle = 2 * np.pi * turn
    return 5 * radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], -1)


def layer_thickness(k: float, thickness: float | None) -> float:
    """Return the checked thickness of the layer; by default a wavelength, at most 1."""
    if thickness is None:
        return min(2 * np.pi / k, 1.0)
    thickness = _checks.as_positive("thickness", thickness)
    if thickness > 2:
        raise _checks.fail(
            "thickness", "at most 2, the side of the square", repr(thickness)
        )
    return thickness


def _as_inner_point(argument: str, point: tuple[float, float]) -> np.ndarray:
    """Return a point (y, x) inside the square."""
    array = _checks.as_float64(argument, point)
    if array.shape != (2,) or not (np.abs(array) < 1).all():
        raise _checks.fail(argument, "(y, x) inside (-1, 1)", repr(point))
    return array
