"""Decoder of an upscaler: around each pixel of the input, a sum of waves.

Notation. d is the distance of a point from the center of an input pixel, in input
pixels, and f(d) that pixel's function: RGB that is added to the interpolated image.
`prepare` computes the coefficients of f from the encoder's features, once a pixel.
`__call__` evaluates f, or its mean over a box.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr._typing import Array
from inr.coords import cell_offsets
from inr.fields import sine

# Highest initial frequency, in radians a pixel: the Nyquist frequency of an output that
# is three times as fine. Training changes the frequencies.
_HIGHEST = 3 * np.pi

# Scales at which `WaveHead.gains` are parameters.
_GAIN_SCALES = (1, 2, 3, 4)


class WaveHead(nn.Module):
    """A function of distance for each pixel: waves with frequencies that all share.

    f(d) = c_0 + sum_j a_j cos(w_j . d) + b_j sin(w_j . d). The mean of f over a box of
    size s multiplies each wave by the product over the axes of sinc(w_j s / 2). The
    encoder predicts the coefficients; the frequencies are parameters. Thera [Becker et
    al. 2025, arXiv:2311.17643] is similar, and lets waves decay with the scale by the
    heat equation.

    Bicubic reduction does not compute means over boxes. With `gains`, the constant and
    each wave are also multiplied by an amplitude that depends on the scale.

    Attributes:
      waves: number of waves.
      gains: adds amplitudes. They are parameters at the scales 1, 2, 3 and 4 (the scale
        is one over the side of the box), linear in between and constant beyond, and 1
        at `init`.
    """

    waves: int
    gains: bool = False

    def setup(self):
        self.frequencies = self.param("frequencies", _spiral, (self.waves, 2))
        if self.gains:
            shape = (len(_GAIN_SCALES), 1 + self.waves)
            self.gain = self.param("gain", nn.initializers.ones, shape)
        small = nn.initializers.variance_scaling(1e-4, "fan_in", "truncated_normal")
        self.coefficients = nn.Dense(3 * (2 * self.waves + 1), kernel_init=small)

    def prepare(self, features: Array) -> Array:
        """Coefficients `[h, w, 3 (2 waves + 1)]` from features `[h, w, k]`."""
        return self.coefficients(nn.relu(features))

    def __call__(self, coefficients: Array, distance: Array, cell: Array) -> Array:
        """Mean of f over boxes of size `cell` `[..., 2]` at distances `[..., 2]`.

        Returns:
          `[..., k]`; k is 3, or 1 for coefficients of luma alone.
        """
        basis = self.basis(distance, cell)
        return (self._by_channel(coefficients) * basis[..., None, :]).sum(-1)

    def basis(self, distance: Array, cell: Array) -> Array:
        """The constant 1 and the damped waves at distances `[..., 2]`, with the gains.

        Returns:
          `[..., 2 waves + 1]`.
        """
        w = self.frequencies
        phase = distance @ w.T
        damping = 1.0
        for axis in range(2):
            widths = cell[..., axis : axis + 1] @ w[:, axis : axis + 1].T
            damping = damping * jnp.sinc(widths / (2 * np.pi))
        constant = jnp.ones_like(phase[..., :1])
        if self.gains:
            gain = self._gain(cell)
            constant, damping = constant * gain[..., :1], damping * gain[..., 1:]
        waves = (damping * sine(phase + np.pi / 2), damping * sine(phase))
        return jnp.concatenate([constant, *waves], -1)

    def pixels(self, coefficients: Array, scale: tuple[int, int]) -> Array:
        """Means over the pixels of a grid that is finer by whole numbers.

        Every input pixel holds the same pattern of output pixels. So one matrix holds
        the interpolation weights and waves of all of them, for each of 3 x 3 neighbors.

        Args:
          coefficients: `[h, w, k (2 waves + 1)]`.
          scale: output pixels to an input pixel, along rows and columns.

        Returns:
          `[scale[0] h, scale[1] w, k]`, the weighted sum of the four nearest functions.
        """
        h, w, _ = coefficients.shape
        neighbor = np.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij")
        distance = cell_offsets(scale) - np.stack(neighbor, -1)[:, :, None, None]
        weight = np.maximum(1 - np.abs(distance), 0).prod(-1, keepdims=True)
        distance, weight = (jnp.asarray(x, jnp.float32) for x in (distance, weight))
        cell = jnp.asarray(1 / np.asarray(scale), jnp.float32).reshape(1, 1, 1, 1, 2)
        # The sum comes before the transposition, which is then of a ninth of the data.
        parts = jnp.einsum(
            "hwkj,abyxj->hwkabyx",
            self._extended(self._by_channel(coefficients)),
            weight * self.basis(distance, cell),
            precision=jax.lax.Precision.HIGHEST,
        )
        shifted = (
            parts[a : a + h, b : b + w, :, a, b] for a in range(3) for b in range(3)
        )
        total = functools.reduce(jnp.add, shifted).transpose(0, 3, 1, 4, 2)
        return total.reshape(h * scale[0], w * scale[1], -1)

    def continued(self, coefficients: Array, inside: Array) -> Array:
        """Coefficients with those of the border beyond each border of a rectangle.

        Args:
          coefficients: `[h, w, 3 (2 waves + 1)]`.
          inside: bool `[h, w]`, True in the rectangle. The pixels next to it receive
            the functions of its border, as `pixels` continues those of an image.
        """
        shape = coefficients.shape
        coefficients = self._by_channel(coefficients)
        for axis in range(2):
            edges = borders(inside, axis)
            for edge, step in zip(edges, (-1, 1), strict=True):
                border = jax.lax.dynamic_slice_in_dim(coefficients, edge, 1, axis)
                beyond = self._translated(border, step * np.eye(2)[axis])
                index = jnp.arange(shape[axis]) == edge + step
                index = index.reshape((-1, *(1,) * (3 - axis)))
                coefficients = jnp.where(index, beyond, coefficients)
        return coefficients.reshape(shape)

    def _gain(self, cell: Array) -> Array:
        """Amplitudes `[..., 1 + waves]` for boxes of size `[..., 2]`."""
        low, high = _GAIN_SCALES[0], _GAIN_SCALES[-1]
        area = cell.prod(-1, keepdims=True).clip(1 / high**2, 1 / low**2)
        knots = jnp.asarray(_GAIN_SCALES, area.dtype)
        knots = knots.reshape((1,) * (area.ndim - 1) + knots.shape)
        return jnp.maximum(1 - jnp.abs(area**-0.5 - knots), 0) @ self.gain

    def _by_channel(self, coefficients: Array) -> Array:
        """`[..., k (2 waves + 1)]` as `[..., k, 2 waves + 1]`."""
        return coefficients.reshape(*coefficients.shape[:-1], -1, 2 * self.waves + 1)

    def _extended(self, coefficients: Array) -> Array:
        """One more pixel at each border, with the function of the border pixel."""
        for axis in range(2):
            first, last = (
                self._translated(
                    jax.lax.slice_in_dim(coefficients, *span, axis=axis),
                    step * np.eye(2)[axis],
                )
                for span, step in (((0, 1), -1), ((-1, None), 1))
            )
            coefficients = jnp.concatenate([first, coefficients, last], axis)
        return coefficients

    def _translated(self, coefficients: Array, step: np.ndarray) -> Array:
        """Coefficients of d -> f(d + step)."""
        constant, a, b = jnp.split(coefficients, [1, 1 + self.waves], -1)
        phase = (self.frequencies * jnp.asarray(step, jnp.float32)[None]).sum(-1)
        cos, sin = (
            x.reshape((1,) * (a.ndim - 1) + x.shape)
            for x in (sine(phase + np.pi / 2), sine(phase))
        )
        return jnp.concatenate([constant, a * cos + b * sin, b * cos - a * sin], -1)


def borders(inside: Array, axis: int) -> tuple[Array, Array]:
    """First and last index of a rectangle, bool `[h, w]`, along an axis."""
    line = inside.any(1 - axis)
    return line.argmax(), line.size - 1 - line[::-1].argmax()


def _spiral(key: Array, shape: tuple[int, int]) -> Array:
    """Frequencies spread evenly over half a disk; the other half adds no waves."""
    del key
    j = np.arange(shape[0]) + 0.5
    radius = _HIGHEST * np.sqrt(j / shape[0])
    angle = np.pi * (j * (math.sqrt(5) - 1) / 2 % 1)
    frequencies = np.stack([radius * np.sin(angle), radius * np.cos(angle)], -1)
    return jnp.asarray(frequencies, jnp.float32)
