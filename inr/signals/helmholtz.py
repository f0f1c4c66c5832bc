"""The Helmholtz equation in open space, solved by a field.

Notation. A source f that swings with e^(-i omega t) in a medium of slowness s (its wave
speed is 1 / s times that of the surroundings) makes the complex amplitude u,

    laplacian(u) + (k s)^2 u = -f,

on the square [-1, 1]^2 in (y, x), which waves leave and none enter. A field holds the
real and the imaginary part of u as its two features.

Open space ends in a perfectly matched layer, a frame of thickness L around the square
in which coords become complex: d/dx is (1 / e) d/dx there, e = 1 + i a (depth / L)^2,
so that waves decay and nothing is reflected where it begins (Berenger 1994; Sitzmann et
al. 2020, section 4.3). What has crossed it and come back is a 10,000th; on its outer
edge u = 0. (Without that a wave that grows outwards would solve the equation as well.)
"""

import os

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from inr import _checks
from inr._typing import Array, Field, Key, Params
from inr.calculus import axis_derivatives
from inr.fields import check_module
from inr.fitting import FitResult, Term
from inr.fitting.samples import check_features
from inr.fitting.terms import value_residual
from inr.fitting.verbs import Callback
from inr.signals.collocation import (
    Given,
    edge_points,
    fit_equation,
    spread_points,
    values_at,
)

_REFLECTION = 1e-4
_AMPLITUDE = 0.1  # of u, a wavelength or so from its source
_POOL = 2**15  # points of the equation, of which every step draws some


def fit_helmholtz(
    key: Key,
    model: nn.Module,
    wavenumber: float,
    *,
    source: tuple[float, float] = (0.0, 0.0),
    source_width: float | None = None,
    slowness: Given | None = None,
    thickness: float | None = None,
    num_steps: int = 100,
    batch_size: int = 3072,
    params: Params | None = None,
    target_loss: float = 0.0,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Solves the Helmholtz equation for a source in open space, by a field.

    The fit is `fit_least_squares`, for a small model; for a large one give
    `helmholtz_terms` to `fit`.

    Args:
      key: PRNG key of the initialization and the batches.
      model: a Linen module with 2 features, the real and the imaginary part, such as
        `Siren(features=2, width=32, depth=2, omega=1.5 * (wavenumber + 2 * pi))`.
      wavenumber: as for `helmholtz_terms`, and so for `source`, `source_width`,
        `slowness`, `thickness` and `batch_size`.
      source: where it is.
      source_width: its standard deviation.
      slowness: of the medium.
      thickness: of the layer.
      num_steps: as for `fit_least_squares`.
      batch_size: points of the equation drawn in every step.
      params: as for `fit_least_squares`.
      target_loss: as for `fit_least_squares`.
      checkpoint: as for `fit_least_squares`.
      progress: as for `fit_least_squares`.
      callback: as for `fit_least_squares`.

    Returns:
      A `FitResult`; its history is the equation's mean square, as a part of
      k^2 u.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: as `helmholtz_terms`, and for a model with other than 2 features.
    """
    check_module(model)
    check_features(model, 2)
    terms = helmholtz_terms(
        wavenumber,
        source=source,
        source_width=source_width,
        slowness=slowness,
        thickness=thickness,
        batch_size=batch_size,
    )
    half = 1 + _thickness_of(wavenumber, thickness)
    affines = {
        "coords_scale": jnp.full((2,), 1 / half, jnp.float32),
        "features_scale": jnp.full((2,), _AMPLITUDE, jnp.float32),
    }
    return fit_equation(
        key,
        model,
        terms,
        affines,
        num_steps=num_steps,
        params=params,
        target_loss=target_loss,
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
    )


def helmholtz_terms(
    wavenumber: float,
    *,
    source: tuple[float, float] = (0.0, 0.0),
    source_width: float | None = None,
    slowness: Given | None = None,
    thickness: float | None = None,
    batch_size: int = 3072,
) -> tuple[Term, ...]:
    """The Helmholtz equation as terms: everywhere, near the source, on the outer edge.

    The source is a Gaussian of integral 1. Away from it, where s = 1, its field is that
    of a point: u = (i / 4) H0(k r) exp(-(k source_width)^2 / 2), H0 the Hankel function
    of the first kind.

    Args:
      wavenumber: k per unit of coords, where slowness is 1: the square [-1, 1]^2 is
        k / pi wavelengths wide.
      source: (y, x) of the source, inside the square.
      source_width: standard deviation of the source; by default 1 / k, a sixth
        of a wavelength. A narrower one needs a larger model.
      slowness: of the medium, relative to its surroundings: an image `[h, w]` of the
        square, or a function of coords `[n, 2]` to `[n]`. By default 1.
      thickness: of the layer around the square; by default a wavelength, at most 1.
      batch_size: points of the equation drawn in every step; a quarter of them are near
        the source, and a tenth as many on the edge.

    Returns:
      Terms, for `fit` or `fit_least_squares`.

    Raises:
      ValueError: for numbers that are not positive and finite, a layer thicker than the
        square, a source outside it, and for a slowness that is not a positive, finite
        image or function.
    """
    k = _checks.as_positive("wavenumber", wavenumber)
    thickness = _thickness_of(k, thickness)
    width = 1 / k if source_width is None else source_width
    width = _checks.as_positive("source_width", width)
    source = _inside("source", source)
    batch_size = _checks.as_count("batch_size", batch_size, least=16)
    half = 1 + thickness
    anywhere = half * (2 * spread_points(_POOL, 2) - 1)
    near = source + width * _disc(_POOL // 4)
    edge = half * edge_points(spread_points(_POOL // 16, 1)[:, 0])[0]

    def equation(points: np.ndarray) -> tuple[Array, ...]:
        slow = np.ones(len(points))
        if slowness is not None:
            slow = values_at("slowness", slowness, points)
            if not (slow > 0).all():
                raise _checks.fail(
                    "slowness", "above 0", f"a minimum of {slow.min():.3g}"
                )
        first, second = _stretched(points, k, thickness)
        away = np.square(points - source).sum(-1)
        density = np.exp(-away / (2 * width**2)) / (2 * np.pi * width**2)
        # Divided by k^2: the residual is then measured as u is.
        real = [points, slow**2, density / k**2]
        complex_ = [first / k**2, second / k**2]
        return (
            *(jnp.asarray(x, jnp.float32) for x in real),
            *(jnp.asarray(x, jnp.complex64) for x in complex_),
        )

    zero = jnp.zeros((len(edge), 2), jnp.float32)
    near_it, few = batch_size // 4, batch_size // 10
    return (
        Term(helmholtz_residual, equation(anywhere), batch_size=batch_size - near_it),
        Term(helmholtz_residual, equation(near), batch_size=near_it),
        Term(value_residual, (jnp.asarray(edge, jnp.float32), zero), batch_size=few),
    )


def helmholtz_residual(field: Field, batch: tuple[Array, ...]) -> Array:
    """b u_yy + c u_xx + p u_y + q u_x + m u + f as two numbers; a residual for `Term`.

    Args:
      field: of coords `[n, 2]`, with the real and the imaginary part of u.
      batch: coords `[n, 2]`, m `[n]`, f `[n]`, and complex (p, q) `[n, 2]` and (b, c)
        `[n, 2]`.

    Returns:
      `[n, 2]`, real and imaginary part.
    """
    coords, mass, source, first, second = batch
    value, slope, curvature = (
        lax.complex(x[..., 0], x[..., 1]) for x in axis_derivatives(field, coords)
    )
    r = (first * slope + second * curvature).sum(-1) + mass * value + source
    return jnp.stack([r.real, r.imag], -1)


def _stretched(
    points: np.ndarray, k: float, thickness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Factors `[n, 2]` of u_x and u_xx in (1 / e) d/dx ((1 / e) du/dx)."""
    # A wave decays by exp(-k a L / 3) on its way out, and as much on its way back.
    strength = 1.5 * np.log(1 / _REFLECTION) / (k * thickness)
    depth = np.maximum(np.abs(points) - 1, 0) / thickness
    e = 1 + 1j * strength * depth**2
    slope = 2j * strength * depth / thickness * np.sign(points)
    return -slope / e**3, 1 / e**2


def _disc(num_points: int) -> np.ndarray:
    """Points `[n, 2]`, densest about 0, up to 5 from it."""
    radius, turn = spread_points(num_points, 2).T
    angle = 2 * np.pi * turn
    return 5 * radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], -1)


def _thickness_of(k: float, thickness: float | None) -> float:
    if thickness is None:
        return min(2 * np.pi / k, 1.0)
    thickness = _checks.as_positive("thickness", thickness)
    if thickness > 2:
        raise _checks.fail(
            "thickness", "at most 2, the side of the square", repr(thickness)
        )
    return thickness


def _inside(argument: str, point: tuple[float, float]) -> np.ndarray:
    """A point (y, x) inside the square."""
    array = np.asarray(point, np.float64)
    if array.shape != (2,) or not (np.abs(array) < 1).all():
        raise _checks.fail(argument, "(y, x) inside (-1, 1)", repr(point))
    return array
