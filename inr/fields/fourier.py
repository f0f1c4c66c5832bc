"""ReLU perceptrons on a sinusoidal encoding of the coords.

The encoding is not trained and replaces the first layer of a SIREN. `depth` counts the
hidden layers after it. With depth 0 the linear layer follows the encoding directly: the
field is then linear in sines, and `BoundField.cell_mean` is exact.

With ReLUs, second derivatives come from the encoding only and are discontinuous. Fit
Laplacians with `Siren` or another smooth family.
"""

from typing import ClassVar

import jax
from jax.typing import DTypeLike

from inr import _checks
from inr._registry import register
from inr.fields import encodings, streams
from inr.fields.base import FieldModule
from inr.fields.layers import perceptron
from inr.fields.streams import Features

_MAX_OCTAVES = 126  # whose highest frequency is finite in float32


@register("FourierFeatures")
class FourierFeatures(FieldModule):
    """ReLU perceptron on Gaussian Fourier features [Tancik et al. 2020].

    The random frequencies are in the collection `frequencies`, which a fit does not
    change.

    Attributes:
      features: output features, k.
      width: units of every hidden layer.
      depth: hidden layers after the encoding.
      num_frequencies: number of random frequencies. The encoding has twice as many
        features.
      sigma: standard deviation of the frequencies along each axis, in cycles from -1
        to 1. It sets the bandwidth: a low value blurs, a high value adds noise between
        the samples.
      precision: precision of matrix products, as in `Siren`.
      dtype: dtype of the inputs of hidden matrix products, as in `Siren`. The encoding
        is computed in float32 or wider.
    """

    default_learning_rate: ClassVar[float] = 5e-3

    width: int = 256
    depth: int = 3
    num_frequencies: int = 128
    sigma: float = 10.0
    precision: str | None = "highest"
    dtype: DTypeLike | None = None

    def __post_init__(self):
        super().__post_init__()
        _checks.as_count("num_frequencies", self.num_frequencies)
        _checks.as_positive("sigma", self.sigma)

    def network(self, x: Features) -> Features:
        ndim = streams.width(x)

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


@register("PositionalEncoding")
class PositionalEncoding(FieldModule):
    """ReLU perceptron on NeRF's positional encoding [Mildenhall et al. 2020].

    The coords themselves are an input of the network too, as in the authors' code:
    every octave has equal values at -1 and 1, and an image does not.

    Attributes:
      features: output features, k.
      width: units of every hidden layer.
      depth: hidden layers after the encoding.
      num_frequencies: octaves along each axis. The highest has 2^(num_frequencies - 1)
        cycles from -1 to 1; the Nyquist limit of n samples is n / 2 cycles.
      precision: precision of matrix products, as in `Siren`.
      dtype: dtype of the inputs of hidden matrix products, as in `Siren`. The encoding
        is computed in float32 or wider.
    """

    default_learning_rate: ClassVar[float] = 1e-2

    width: int = 256
    depth: int = 3
    num_frequencies: int = 8
    precision: str | None = "highest"
    dtype: DTypeLike | None = None

    def __post_init__(self):
        super().__post_init__()
        if _checks.as_count("num_frequencies", self.num_frequencies) > _MAX_OCTAVES:
            expected = f"at most {_MAX_OCTAVES}"
            raise _checks.fail("num_frequencies", expected, self.num_frequencies)

    def network(self, x: Features) -> Features:
        ndim = streams.width(x)
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
