"""The entropy model in integers, so that every machine computes the same tables.

A decoder must repeat the encoder's probabilities bit for bit, which floating sums do
not do. Here weights are multiples of 2^-12 and activations of 2^-8. The arithmetic is
float64, on integers only: all sums stay below 2^53, where float64 is exact, so the
order of a sum does not matter.
"""

from typing import NamedTuple

import numpy as np

from inr._typing import Params
from inr.codec.entropy import SCALES, UNITS, Grids, visible

_WEIGHT = 2.0**12
_ACTIVATION = 2.0**8
_LARGEST_INPUT = 2.0**14
_LARGEST_ACTIVATION = 2.0**22
_ROWS = 32  # of a strip, whose activations fit into the cache

FRACTIONS = 16
"""Means are multiples of 1/16."""
SCALES_PER_OCTAVE = 4
NUM_SCALES = 1 + SCALES_PER_OCTAVE * round(np.log2(SCALES[1] / SCALES[0]))

# From the output's natural logarithm to the index of a scale.
_INDEX_PER_LOG = np.rint(SCALES_PER_OCTAVE / np.log(2) * _ACTIVATION)


class Tables(NamedTuple):
    """Indices of the distributions of some latents, integers `[..., n]`.

    Attributes:
      mean: mean, in sixteenths.
      scale: index of the scale, 2^(-4 + index / 4).
    """

    mean: np.ndarray
    scale: np.ndarray


class FixedPointNetwork:
    """The network of one level and kind of latents, for one phase at a time."""

    def __init__(self, params: Params, level: int):
        params = {key: np.asarray(x, np.float64) for key, x in params.items()}
        self._unit = UNITS[level]
        self._hidden = params["second_kernel"].shape[1]
        num_planes = params["output_kernel"].shape[-1] // 2
        num_context = params["kernel"].shape[2] - 4 * num_planes
        mask = visible(num_context, num_planes, self._hidden)
        self._kernel = _integers(params["kernel"] * mask, _WEIGHT / self._unit)
        self._bias = _integers(params["bias"], _WEIGHT)
        local = params.get("local_kernel", np.zeros((0, self._kernel.shape[-1])))
        self._local = _integers(local, _WEIGHT / self._unit)
        self._second = _integers(params["second_kernel"], _WEIGHT)
        self._second_bias = _integers(params["second_bias"], _WEIGHT * _ACTIVATION)
        self._output = _integers(params["output_kernel"], _WEIGHT)
        self._output_bias = _integers(params["output_bias"], _WEIGHT * _ACTIVATION)

    def tables(self, grids: Grids, phase: int) -> Tables:
        """Distributions of one phase, `[h', w', n]`; later phases are ignored."""
        h, w, _, n = grids.own.shape
        inputs = np.concatenate([grids.context, grids.own.reshape(h, w, -1)], -1)
        padded = np.pad(inputs, ((1, 1), (1, 1), (0, 0)))
        strips = [
            self._strip(padded[i : i + _ROWS + 2], grids.local[i : i + _ROWS], phase, n)
            for i in range(0, h, _ROWS)
        ]
        return Tables(*map(np.concatenate, zip(*strips, strict=True)))

    def _strip(
        self, padded: np.ndarray, local: np.ndarray, phase: int, n: int
    ) -> Tables:
        """Some rows of `tables`, from inputs with a cell more on every side."""
        columns = slice(phase * self._hidden, (phase + 1) * self._hidden)
        x = _convolve(_limit(padded), self._kernel[..., columns]) + self._bias[columns]
        x = x + _limit(local) @ self._local[:, columns]
        x = _activate(x * (_ACTIVATION / _WEIGHT))
        x = x @ self._second[phase] + self._second_bias[phase]
        x = _activate(x / _WEIGHT)
        x = np.floor((x @ self._output[phase] + self._output_bias[phase]) / _WEIGHT)
        mean = np.floor(x[..., :n] * (self._unit * FRACTIONS / _ACTIVATION) + 0.5)
        octaves = np.log2(self._unit / SCALES[0])
        index = x[..., n:] * _INDEX_PER_LOG / _ACTIVATION**2 + 0.5
        index = np.floor(index) + SCALES_PER_OCTAVE * octaves
        limit = FRACTIONS * _LARGEST_INPUT
        return Tables(
            np.clip(mean, -limit, limit).astype(np.int32),
            np.clip(index, 0, NUM_SCALES - 1).astype(np.int32),
        )


def _integers(weights: np.ndarray, scale: float) -> np.ndarray:
    return np.rint(weights * scale)


def _limit(inputs: np.ndarray) -> np.ndarray:
    return np.clip(inputs, -_LARGEST_INPUT, _LARGEST_INPUT).astype(np.float64)


def _activate(x: np.ndarray) -> np.ndarray:
    return np.clip(np.floor(x), 0, _LARGEST_ACTIVATION)


def _convolve(padded: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Correlation of `[h + 2, w + 2, c]` with `[3, 3, c, k]`, `[h, w, k]`."""
    h, w = padded.shape[0] - 2, padded.shape[1] - 2
    total = np.zeros((h, w, kernel.shape[-1]))
    for i in range(3):
        for j in range(3):
            total += padded[i : i + h, j : j + w] @ kernel[i, j]
    return total
