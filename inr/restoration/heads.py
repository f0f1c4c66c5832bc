"""What a pixel says about the points around it, for an upscaler.

Notation. d is the distance from a pixel's center, in pixels, and f the pixel's function
of it: RGB that is added to the image's. `prepare` makes its coefficients from the
encoder's features, once a pixel; a call evaluates it, for means over boxes.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr._typing import Array
from inr.fields.sine import sine

# Of the waves at first, in radians a pixel: the finest that 3 pixels in place of one
# can hold. They are learned.
_HIGHEST = 3 * np.pi


class WaveHead(nn.Module):
    """A pixel's function as a sum of waves with frequencies that all pixels share.

    f(d) = c_0 + sum_j a_j cos(w_j . d) + b_j sin(w_j . d), its mean over a box of size
    s in closed form: each wave times the product over the axes of sinc(w_j s / 2). The
    coefficients are the encoder's; the frequencies are learned, as in Thera [Becker et
    al. 2025, arXiv:2311.17643], whose waves decay with the scale instead, as heat does.

    Attributes:
      waves: how many.
    """

    waves: int

    def setup(self):
        self.frequencies = self.param("frequencies", _spiral, (self.waves, 2))
        small = nn.initializers.variance_scaling(1e-4, "fan_in", "truncated_normal")
        self.coefficients = nn.Dense(3 * (2 * self.waves + 1), kernel_init=small)

    def prepare(self, features: Array) -> Array:
        """Coefficients `[h, w, 3 (2 waves + 1)]` of features `[h, w, k]`."""
        return self.coefficients(nn.relu(features))

    def __call__(self, coefficients: Array, distance: Array, cell: Array) -> Array:
        """`[..., k]` at distances `[..., 2]`, as means over boxes of size cell.

        k is 3, or less for coefficients of fewer channels.
        """
        basis = self.basis(distance, cell)
        return (self._by_channel(coefficients) * basis[..., None, :]).sum(-1)

    def basis(self, distance: Array, cell: Array) -> Array:
        """1 and the damped waves at distances `[..., 2]`, `[..., 2 waves + 1]`."""
        w = self.frequencies
        phase = distance @ w.T
        damping = 1.0
        for axis in range(2):
            widths = cell[..., axis : axis + 1] @ w[:, axis : axis + 1].T
            damping = damping * jnp.sinc(widths / (2 * np.pi))
        waves = (damping * sine(phase + np.pi / 2), damping * sine(phase))
        return jnp.concatenate([jnp.ones_like(phase[..., :1]), *waves], -1)

    def pixels(self, coefficients: Array, scale: tuple[int, int]) -> Array:
        """The ensemble's means over the pixels of a finer grid, see `Upscaler.pixels`.

        A finer pixel lies in its pixel as others do in theirs, so that one matrix has
        the weights and waves of all places, for each of 3 x 3 neighbors.
        """
        h, w, _ = coefficients.shape
        place = np.meshgrid(*(_offsets(s) for s in scale), indexing="ij")
        tap = np.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij")
        distance = np.stack(place, -1) - np.stack(tap, -1)[:, :, None, None]
        weight = np.maximum(1 - np.abs(distance), 0).prod(-1, keepdims=True)
        distance, weight = (jnp.asarray(x, jnp.float32) for x in (distance, weight))
        cell = jnp.asarray(1 / np.asarray(scale), jnp.float32).reshape(1, 1, 1, 1, 2)
        made = jnp.einsum(
            "hwkj,abyxj->abhywxk",
            self._continued(self._by_channel(coefficients)),
            weight * self.basis(distance, cell),
            precision=jax.lax.Precision.HIGHEST,
        )
        total = sum(
            made[a, b, a : a + h, :, b : b + w] for a in range(3) for b in range(3)
        )
        return total.reshape(h * scale[0], w * scale[1], -1)

    def _by_channel(self, coefficients: Array) -> Array:
        """`[..., k (2 waves + 1)]` as `[..., k, 2 waves + 1]`."""
        return coefficients.reshape(*coefficients.shape[:-1], -1, 2 * self.waves + 1)

    def _continued(self, coefficients: Array) -> Array:
        """With one more pixel at each border, whose function is its neighbor's."""
        for axis in range(2):
            ends = [
                jax.lax.slice_in_dim(coefficients, *span, axis=axis)
                for span in ((0, 1), (-1, None))
            ]
            first, last = (
                self._seen_from(end, step * np.eye(2)[axis])
                for end, step in zip(ends, (-1, 1), strict=True)
            )
            coefficients = jnp.concatenate([first, coefficients, last], axis)
        return coefficients

    def _seen_from(self, coefficients: Array, step: np.ndarray) -> Array:
        """Those of d -> f(d + step)."""
        constant, a, b = jnp.split(coefficients, [1, 1 + self.waves], -1)
        phase = (self.frequencies * jnp.asarray(step, jnp.float32)[None]).sum(-1)
        cos, sin = (
            x.reshape((1,) * (a.ndim - 1) + x.shape)
            for x in (sine(phase + np.pi / 2), sine(phase))
        )
        return jnp.concatenate([constant, a * cos + b * sin, b * cos - a * sin], -1)


class MLPHead(nn.Module):
    """A pixel's function as a small network of distance and cell [Chen et al. 2021].

    The features of the 3 x 3 pixels around are its input too.

    Attributes:
      units: of each of three layers.
    """

    units: int

    def setup(self):
        # A dense layer on the 3 x 3 pixels' features, at the pixels, which are fewer
        # than the points.
        self.around = nn.Conv(self.units, (3, 3))
        self.place = nn.Dense(self.units)
        self.layers = [nn.Dense(self.units) for _ in range(2)]
        small = nn.initializers.variance_scaling(1e-4, "fan_in", "truncated_normal")
        self.color = nn.Dense(3, kernel_init=small)

    def prepare(self, features: Array) -> Array:
        """The first layer's part that does not depend on the point, `[h, w, units]`."""
        return self.around(nn.relu(features))

    def __call__(self, around: Array, distance: Array, cell: Array) -> Array:
        """`[..., 3]` at distances `[..., 2]`, as pixels of size cell."""
        cell = jnp.broadcast_to(cell, distance.shape)
        x = nn.relu(around + self.place(jnp.concatenate([distance, cell], -1)))
        for layer in self.layers:
            x = nn.relu(layer(x))
        return self.color(x)


def _spiral(key: Array, shape: tuple[int, int]) -> Array:
    """Frequencies spread evenly over half a disc; the other half is the same waves."""
    del key
    j = np.arange(shape[0]) + 0.5
    radius = _HIGHEST * np.sqrt(j / shape[0])
    angle = np.pi * (j * (math.sqrt(5) - 1) / 2 % 1)
    at = np.stack([radius * np.sin(angle), radius * np.cos(angle)], -1)
    return jnp.asarray(at, jnp.float32)


def _offsets(scale: int) -> np.ndarray:
    """Of the pixels of a finer grid from the center of the pixel that they lie in."""
    return (2 * np.arange(scale) + 1) / (2 * scale) - 0.5
