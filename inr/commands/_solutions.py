"""Exact solutions of the equations, with which the fits are compared."""

import jax.numpy as jnp
import numpy as np

from inr import coords as _coords
from inr._typing import Array
from inr.poisson import dst, idst

_PULSE_WIDTH, _PULSE_CENTER = 0.2, (-0.1, 0.2)


def point_source(
    wavenumber: float, source: tuple[float, float], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Helmholtz field of a source in open space, at pixel centers.

    Args:
      wavenumber: as for `fit_helmholtz`, with its default `source_width`.
      source: (y, x) of the source.
      size: `(h, w)` of the result.

    Returns:
      The field, complex `[h, w]`, and a mask, bool `[h, w]`. The field is exact where
      the mask is True: at half a wavelength or more from the source.
    """
    from scipy.special import hankel1

    coords = np.asarray(_coords.grid(size), np.float64)
    distance = np.linalg.norm(coords - np.asarray(source), axis=-1)
    waves = hankel1(0, wavenumber * np.maximum(distance, 1e-6))
    return 0.25j * waves * np.exp(-1 / 2), distance > np.pi / wavenumber


def standing_waves(initial: np.ndarray, time: float) -> np.ndarray:
    """Wave of speed 1 that starts at rest in a square with fixed edges.

    Args:
      initial: displacement `[n, n]` at time 0, at `inner_points(n)`.
      time: time of the result.

    Returns:
      Displacement `[n, n]`, from the sine series of `initial`.
    """
    wavenumbers = np.pi / 2 * np.arange(1, len(initial) + 1)
    frequencies = np.hypot(wavenumbers[:, None], wavenumbers[None])
    coefficients = np.asarray(dst(initial)) * np.cos(frequencies * time)
    return np.asarray(idst(coefficients.astype(initial.dtype)))


def inner_points(n: int) -> np.ndarray:
    """Points `[n, n, 2]` of a regular grid inside [-1, 1]^2, without the edges."""
    axis = np.linspace(-1, 1, n + 2)[1:-1]
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), -1)


def pulse(coords: Array) -> Array:
    """Gaussian pulse at coords `[n, 2]` in (y, x)."""
    center = jnp.asarray(_PULSE_CENTER, coords.dtype)[None]
    return jnp.exp(-jnp.square((coords - center) / _PULSE_WIDTH).sum(-1) / 2)
