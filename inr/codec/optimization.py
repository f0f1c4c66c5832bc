"""Latents of an image, by gradient descent through soft rounding.

Rounding has no derivative. So the descent sees a smooth staircase with noise, which
becomes steeper step by step (Agustsson & Theis 2020, arXiv:2006.09952), and at the end
the rounded latents themselves, with the derivative of the identity. The loss is the
mean squared error of RGB plus `weight` times the bits a pixel.
"""

from typing import NamedTuple, cast

import jax
import jax.numpy as jnp

from inr._typing import Array, Key, Params, Size
from inr.codec.entropy import Entropy
from inr.codec.networks import Networks
from inr.codec.pyramid import LEVELS, Latents, grid_sizes, planes
from inr.codec.synthesis import Synthesis, enlarge
from inr.color import rgb_to_ycbcr

# Shares of the steps, and settings at the first and the last of them.
_SOFT_SHARE = 0.85
_TEMPERATURES = (0.3, 0.1)
_NOISE = (0.2, 0.1)
_SOFT_RATES = (0.15, 0.01)
_HARD_RATE = 0.005
_DECAYS = (0.9, 0.99)
_DEAD_ZONES = (0.7, 0.5, 0.3, 0.2, 0.0, 0.0, 0.0)


class Score(NamedTuple):
    """Mean squared error of RGB, and bits of each level a pixel `[7]`."""

    error: Array
    bits: Array

    def loss(self, weight: Array | float) -> Array:
        return self.error + weight * self.bits.sum()


def score(networks: Networks, latents: Latents, image: Array) -> Score:
    """Error and bits of the image `[h, w, 3]` that latents stand for."""
    rgb = Synthesis().apply(networks.synthesis, latents, method="pixels")
    bits = Entropy().apply(networks.entropy, latents, method="bits")
    pixels = image.shape[0] * image.shape[1]
    error = jnp.square(cast(Array, rgb) - image).mean()
    return Score(error, cast(Array, bits) / pixels)


def soft_round(x: Array, temperature: Array | float) -> Array:
    """A smooth staircase; rounds as the temperature falls to 0."""
    middle = jnp.floor(x) + 0.5
    return middle + 0.5 * jnp.tanh((x - middle) / temperature) / jnp.tanh(
        0.5 / temperature
    )


def round_softly(
    key: Key, latents: Latents, temperature: Array | float, noise: Array | float
) -> Latents:
    """Soft rounding, Gaussian noise, and soft rounding again."""
    keys = jax.random.split(key, len(latents))

    def one(key: Key, x: Array) -> Array:
        deviation = noise * jax.random.normal(key, x.shape, x.dtype)
        return soft_round(soft_round(x, temperature) + deviation, temperature)

    return tuple(one(k, x) for k, x in zip(keys, latents, strict=True))


def round_straight(latents: Latents) -> Latents:
    """Rounding with the derivative of the identity."""
    return tuple(x + jax.lax.stop_gradient(jnp.round(x) - x) for x in latents)


class Descent(NamedTuple):
    """Latents under Adam (Kingma & Ba 2015).

    Attributes:
      latents: real numbers; rounded at the end.
      mean: running mean of the gradients.
      square: running mean of their squares.
      count: steps taken; one for each image of a batch.
    """

    latents: Latents
    mean: Latents
    square: Latents
    count: Array

    def step(self, gradients: Latents, rate: Array | float) -> "Descent":
        count = self.count + 1
        mean = _mix(self.mean, gradients, _DECAYS[0])
        square = _mix(self.square, jax.tree.map(jnp.square, gradients), _DECAYS[1])

        def move(x: Array, m: Array, s: Array) -> Array:
            n = count.reshape(count.shape + (1,) * (x.ndim - count.ndim))
            m, s = m / (1 - _DECAYS[0] ** n), s / (1 - _DECAYS[1] ** n)
            return x - rate * m / (jnp.sqrt(s) + 1e-12)

        latents = jax.tree.map(move, self.latents, mean, square)
        return Descent(latents, mean, square, count)


def start_descent(latents: Latents, count: Array) -> Descent:
    zeros = jax.tree.map(jnp.zeros_like, latents)
    return Descent(latents, zeros, zeros, count)


def _mix(old: Latents, new: Latents, decay: float) -> Latents:
    return jax.tree.map(lambda a, b: decay * a + (1 - decay) * b, old, new)


def initial_latents(synthesis: Params, image: Array) -> Latents:
    """Laplacian pyramid of luma and chroma, with small numbers set to 0."""
    means = [rgb_to_ycbcr(image - 0.5)]
    sizes = grid_sizes(image.shape[:2])
    for size in sizes[1:]:
        means.append(_halve(means[-1], size))
    latents, sums = [], None
    for k in reversed(range(LEVELS)):
        level = synthesis["params"][f"levels_{k}"]
        steps = jnp.exp(level["log_step"])[None, None]
        if sums is None:
            sums = jnp.zeros_like(means[k])
        else:
            sums = enlarge(sums, level["filter"], sizes[k])
        n = planes(k)
        residual = (means[k] - sums)[..., :n] / steps
        shrunk = jnp.maximum(jnp.abs(residual) - _DEAD_ZONES[k], 0)
        latents.append(jnp.sign(residual) * shrunk)
        sums = sums.at[..., :n].add(jnp.round(latents[-1]) * steps)
    return tuple(latents[::-1])


def _halve(grid: Array, size: Size) -> Array:
    h, w, c = grid.shape
    grid = jnp.pad(grid, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge")
    return grid.reshape(size[0], 2, size[1], 2, c).mean((1, 3))
