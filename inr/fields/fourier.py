"""Perceptrons with ReLUs on a sinusoidal encoding of the coords.

The encoding, which is not trained, takes the place of the first layer of a SIREN: here
`depth` counts the hidden layers after it, and depth 0 puts the linear layer right on
the encoding. A field is then linear in sines, so that `BoundField.cell_mean` is exact.

ReLUs make second derivatives piecewise: they come from the encoding alone and jump
between pieces. Fit Laplacians with `Siren` or another smooth family.
"""

from typing import Any, ClassVar

import jax

from inr import _checks
from inr.fields import encodings, streams
from inr.fields.base import FieldModule
from inr.fields.layers import perceptron
from inr.fields.streams import Features


class FourierFeatures(FieldModule):
    """ReLU perceptron on Gaussian Fourier features [Tancik et al. 2020].

    The random frequencies are kept in the collection `frequencies`, which `fit` leaves
    as it is.

    Attributes:
      features: output features, k.
      width: units of every hidden layer.
      depth: hidden layers after the encoding.
      num_frequencies: random frequencies; the encoding is twice as wide.
      sigma: standard deviation of the frequencies along each axis, in cycles from -1
        to 1. It sets the bandwidth: too low blurs, too high gives noise between
        samples.
      precision: of the matmuls, as in `Siren`.
      dtype: of the hidden matmuls' inputs, as in `Siren`; the encoding is always taken
        in float32 at least.
    """

    learning_rate: ClassVar[float] = 5e-3

    width: int = 256
    depth: int = 3
    num_frequencies: int = 128
    sigma: float = 10.0
    precision: str | None = "highest"
    dtype: Any = None

    def __post_init__(self):
        super().__post_init__()
        _checks.as_count("num_frequencies", self.num_frequencies)
        _checks.as_positive("sigma", self.sigma)

    def network(self, x: Features) -> Features:
        ndim = jax.tree.leaves(x)[0].shape[-1]

        def draw():
            key = self.make_rng("params")
            return encodings.gaussian_frequencies(
                key, ndim, self.num_frequencies, self.sigma
            )

        frequencies = self.variable("frequencies", "kernel", draw).value
        return perceptron(
            encodings.sinusoids(x, frequencies, precision=self.precision),
            jax.nn.relu,
            features=self.features,
            width=self.width,
            depth=self.depth,
            precision=self.precision,
            dtype=self.dtype,
        )


class PositionalEncoding(FieldModule):
    """ReLU perceptron on NeRF's positional encoding [Mildenhall et al. 2020].

    The network also sees the coords themselves, as in the authors' code: every octave
    takes equal values at -1 and 1, where an image does not.

    Attributes:
      features: output features, k.
      width: units of every hidden layer.
      depth: hidden layers after the encoding.
      num_frequencies: octaves along each axis; the highest has 2^(num_frequencies - 1)
        cycles from -1 to 1. Half as many cycles as samples is the Nyquist rate.
      precision: of the matmuls, as in `Siren`.
      dtype: of the hidden matmuls' inputs, as in `Siren`; the encoding is always taken
        in float32 at least.
    """

    learning_rate: ClassVar[float] = 1e-2

    width: int = 256
    depth: int = 3
    num_frequencies: int = 8
    precision: str | None = "highest"
    dtype: Any = None

    def __post_init__(self):
        super().__post_init__()
        _checks.as_count("num_frequencies", self.num_frequencies)

    def network(self, x: Features) -> Features:
        ndim = jax.tree.leaves(x)[0].shape[-1]
        octaves = encodings.octave_frequencies(ndim, self.num_frequencies)
        encoded = encodings.sinusoids(x, octaves, precision=self.precision)
        return perceptron(
            streams.concatenate([x, encoded]),
            jax.nn.relu,
            features=self.features,
            width=self.width,
            depth=self.depth,
            precision=self.precision,
            dtype=self.dtype,
        )
