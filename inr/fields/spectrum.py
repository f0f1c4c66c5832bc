"""Frequency factor of a SIREN from the spectrum of its signal."""

import math

import numpy as np
from jaxtyping import Float

from inr import _checks
from inr._typing import ArrayLike

# Share of the energy below the band edge. The highest frequency of the first layer is
# this fraction of the band edge, because hidden layers add harmonics.
_ENERGY = 0.95
_FRACTION = 0.25
_MINIMUM = 8.0
_PER_OCTAVE = 4


def suggest_omega(signal: Float[ArrayLike, "*size k"]) -> float:
    """First-layer `omega` of a `Siren` for a regularly sampled signal.

    The first layer of a SIREN has angular frequencies up to omega / d along each of d
    axes, per unit of coords, which should match the signal. This function sets them to
    a quarter of the spectral radius that contains 95 % of the energy about the mean;
    hidden layers add harmonics. A quarter minimized the error between the samples on
    band-limited noise and on photographs. The result is rounded to a quarter of an
    octave, so that fits of similar signals share compiled programs.

    Args:
      signal: `[*size, k]`, samples at pixel centers, the longest axis spanning [-1, 1].

    Returns:
      `omega`, a python float of at least 8.

    Raises:
      ValueError: for a signal that is empty, not finite or an integer array.
    """
    _checks.check_concrete("signal", signal)
    values = np.asarray(_checks.as_floating("signal", signal), np.float64)
    _checks.check_not_empty("signal", values)
    _checks.check_finite("signal", values)
    size = values.shape[:-1]
    if not size:
        raise _checks.fail("signal", "[*size, k]", f"shape {values.shape}")
    axes = tuple(range(len(size)))
    values = values - values.mean(axes)
    for axis, n in enumerate(size):
        # Without a window the jump between opposite borders would count as detail.
        window = np.hanning(n + 2)[1:-1]
        values = values * np.expand_dims(window, _other_axes(axis, values.ndim))
    energy = np.square(np.abs(np.fft.fftn(values, axes=axes))).sum(-1).ravel()
    if not energy.sum() > 0:
        return _MINIMUM
    pitch = 2 / max(size)
    frequencies = [2 * np.pi * np.fft.fftfreq(n) / pitch for n in size]
    squares = np.meshgrid(*[f**2 for f in frequencies], indexing="ij")
    radius = np.sqrt(sum(squares)).ravel()
    order = np.argsort(radius)
    share = np.cumsum(energy[order]) / energy.sum()
    edge = radius[order][np.searchsorted(share, _ENERGY)]
    omega = max(float(len(size) * _FRACTION * edge), _MINIMUM)
    return 2 ** (round(_PER_OCTAVE * math.log2(omega)) / _PER_OCTAVE)


def _other_axes(axis: int, ndim: int) -> tuple[int, ...]:
    return tuple(i for i in range(ndim) if i != axis)
