"""Encodings: fixed maps from coords to features of higher frequency.

Notation. p are coords `[..., d]`. A sinusoidal encoding with frequencies w_j, the
columns of a matrix `[d, m]` in radians per unit of coords, is (sin w_j.p, cos w_j.p),
`[..., 2 m]`. A cosine is a sine shifted by a quarter turn, so the encoding is one
affine map and one sine, which propagates `Streams` and, in closed form, `Cells`.
"""

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks
from inr._typing import Array, ArrayLike, Key
from inr.fields import streams
from inr.fields.sine import sine
from inr.fields.streams import Features


def sinusoids(
    x: Features, frequencies: ArrayLike, *, precision: str | None = "highest"
) -> Features:
    """(sin w_j.x, cos w_j.x) for the columns w_j of `frequencies`.

    Args:
      x: coords `[..., d]`, `Streams` or `Cells`.
      frequencies: `[d, m]`, in radians per unit of x.
      precision: precision of the product, as in `jax.lax.dot_general`.

    Returns:
      `[..., 2 m]`, of the same kind as `x`: the m sines, then the m cosines.
    """
    frequencies = _checks.as_floating("frequencies", frequencies)
    _checks.check_shape(
        "frequencies", frequencies, (streams.width(x), *frequencies.shape[1:2])
    )
    phase = jnp.repeat(
        jnp.asarray([0, jnp.pi / 2], frequencies.dtype), frequencies.shape[-1]
    )
    kernel = jnp.concatenate([frequencies, frequencies], axis=-1)
    return streams.pointwise(
        sine, streams.affine(x, kernel, phase, precision=precision)
    )


def octave_frequencies(ndim: int, num_frequencies: int) -> np.ndarray:
    """Frequencies pi 2^l, l = 0 .. num_frequencies - 1, along single axes.

    The positional encoding of Mildenhall et al. 2020 (NeRF, equation 4), for coords in
    [-1, 1]. Octave l has 2^l cycles from -1 to 1.

    Args:
      ndim: number of axes, d.
      num_frequencies: number of octaves.

    Returns:
      `[d, d * num_frequencies]` float32, with one nonzero entry in each column.
    """
    ndim = _checks.as_count("ndim", ndim)
    num_frequencies = _checks.as_count("num_frequencies", num_frequencies)
    octaves = np.pi * 2.0 ** np.arange(num_frequencies)
    return np.kron(np.eye(ndim), octaves[None]).astype(np.float32)


def gaussian_frequencies(
    key: Key, ndim: int, num_frequencies: int, sigma: float
) -> Array:
    """Frequencies from an isotropic Gaussian [Tancik et al. 2020, section 6.1].

    Args:
      key: PRNG key.
      ndim: number of axes, d.
      num_frequencies: number of frequencies, m.
      sigma: standard deviation along each axis, in cycles from -1 to 1. The numbers
        equal those of the paper, whose coords lie in [0, 1].

    Returns:
      `[d, m]` float32, in radians per unit of coords.
    """
    ndim = _checks.as_count("ndim", ndim)
    num_frequencies = _checks.as_count("num_frequencies", num_frequencies)
    sigma = _checks.as_positive("sigma", sigma)
    key = _checks.as_key("key", key)
    draws = jax.random.normal(key, (ndim, num_frequencies), jnp.float32)
    return jnp.pi * sigma * draws
