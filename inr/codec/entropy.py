"""The entropy model: how probable each latent is, given those coded before it.

Grids are coded from the coarsest to the finest, luma before chroma, and each grid in
four phases. For each phase a small network sees 3x3 cells of the phases before it and
of the two coarser grids, and for chroma the magnitudes of the luma in its cell. It
predicts the mean and the scale of a Laplace distribution, and a latent has the
probability of the interval of length 1 around it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr._typing import Array, Size
from inr.codec.pyramid import LEVELS, HostLatents, Latents, to_phases

UNITS = (1, 1, 2, 4, 8, 8, 8)
"""Latents of a level, divided by this, are inputs and outputs of its networks."""

SCALES = (2.0**-4, 2.0**8)
"""Smallest and largest scale of a distribution."""

_LEAST_PROBABILITY = 1e-6


class Grids(NamedTuple):
    """One kind of latents of one level, and what its network sees besides.

    Attributes:
      own: `[h', w', 4, n]`, by phase.
      context: `[h', w', m]`, of which a network sees 3x3 cells.
      local: `[h', w', l]`, of which it sees one; l may be 0.
    """

    own: Any
    context: Any
    local: Any


class Entropy(nn.Module):
    """Distributions of all latents.

    Attributes:
      luma_hidden: units for each phase of luma.
      chroma_hidden: units for each phase of chroma.
    """

    luma_hidden: int = 32
    chroma_hidden: int = 24

    def setup(self):
        self.luma = [_Network(self.luma_hidden, unit) for unit in UNITS]
        self.chroma = [_Network(self.chroma_hidden, unit) for unit in UNITS[1:]]

    def network(self, level: int, kind: str) -> "_Network":
        return self.luma[level] if kind == "luma" else self.chroma[level - 1]

    def bits(self, latents: Latents) -> Array:
        """Bits of each level `[7]`."""
        return jnp.stack([self._level_bits(latents, k) for k in range(LEVELS)])

    def _level_bits(self, latents: Latents, level: int) -> Array:
        total = jnp.zeros((), latents[level].dtype)
        for kind in ("luma", "chroma")[: 1 if level == 0 else 2]:
            grids = grids_of(latents, level, kind)
            mean, scale = self.network(level, kind)(*grids)
            bits = laplace_bits(grids.own, mean, scale)
            cells = to_phases(np.ones((*latents[level].shape[:2], 1), bool))
            total = total + bits.sum(where=cells)
        return total


class _Network(nn.Module):
    """Means and scales `[h', w', 4, n]` of the latents of one level and kind."""

    hidden: int
    unit: int

    @nn.compact
    def __call__(self, own: Array, context: Array, local: Array) -> tuple[Array, Array]:
        h, w, _, n = own.shape
        inputs = jnp.concatenate([context, own.reshape(h, w, 4 * n)], -1) / self.unit
        normal = nn.initializers.variance_scaling(0.25, "fan_in", "normal")
        kernel = self.param("kernel", normal, (3, 3, inputs.shape[-1], 4 * self.hidden))
        bias = self.param("bias", nn.initializers.zeros, (4 * self.hidden,))
        kernel = kernel * visible(context.shape[-1], n, self.hidden)[None, None]
        first = [kernel.reshape(-1, 4 * self.hidden)]
        around = _around(inputs)
        if local.shape[-1]:
            shape = (local.shape[-1], 4 * self.hidden)
            first.append(self.param("local_kernel", normal, shape))
            around = jnp.concatenate([around, local / self.unit], -1)
        kernel = jnp.concatenate(first).reshape(-1, 4, self.hidden).swapaxes(0, 1)
        layers = (
            (kernel, bias.reshape(4, self.hidden)),
            self._by_phase("second", self.hidden, self.hidden),
            self._by_phase("output", self.hidden, 2 * n),
        )
        x = jax.vmap(_perceptron, (None, 0), 2)(around, layers)
        scale = jnp.exp(jnp.clip(x[..., n:], -6.0, 6.0))
        return self.unit * x[..., :n], jnp.clip(self.unit * scale, *SCALES)

    def _by_phase(self, name: str, inputs: int, width: int) -> tuple[Any, Any]:
        """Kernel and bias of a linear layer of its own for each phase."""
        normal = nn.initializers.lecun_normal(batch_axis=(0,))
        kernel = self.param(f"{name}_kernel", normal, (4, inputs, width))
        bias = self.param(f"{name}_bias", nn.initializers.zeros, (4, width))
        return kernel, bias


def _perceptron(x: Array, layers: Sequence[tuple[Any, Any]]) -> Array:
    (kernel, bias), *others = layers
    x = x @ kernel + bias[None, None]
    for kernel, bias in others:
        x = nn.relu(x) @ kernel + bias[None, None]
    return x


def _around(grid: Array) -> Array:
    """The 3x3 cells around each cell, `[h, w, 9 c]`; zeros beyond the border."""
    h, w, _ = grid.shape
    padded = jnp.pad(grid, ((1, 1), (1, 1), (0, 0)))
    cells = [padded[i : i + h, j : j + w] for i in range(3) for j in range(3)]
    return jnp.concatenate(cells, -1)


def visible(num_context: int, num_planes: int, hidden: int) -> np.ndarray:
    """Which inputs a phase's units see, `[m + 4n, 4 hidden]`: phases before its own."""
    before = np.triu(np.ones((4, 4), np.float32), 1)
    own = np.repeat(np.repeat(before, num_planes, 0), hidden, 1)
    return np.concatenate([np.ones((num_context, 4 * hidden), np.float32), own])


def grids_of(latents: Latents | HostLatents, level: int, kind: str) -> Grids:
    """The latents of one level and kind, and their context.

    Only coarser levels, and for chroma the luma of the level, are in the context.
    """
    channels = slice(0, 1) if kind == "luma" else slice(1, 3)
    phases = to_phases(latents[level])
    own = phases[..., channels]
    h, w = own.shape[:2]
    coarse = [_coarser(latents, level, i, (h, w))[..., channels] for i in (1, 2)]
    local = abs(phases[..., 0])[..., : 4 if kind == "chroma" else 0]
    return Grids(own, own.__array_namespace__().concatenate(coarse, -1), local)


def _coarser(latents: Latents | HostLatents, level: int, steps: int, size: Size) -> Any:
    """Latents `steps` levels above, at the size of the next coarser grid."""
    xp: Any = latents[level].__array_namespace__()
    if level + steps >= LEVELS:
        return xp.zeros((*size, 3), latents[level].dtype)
    grid = latents[level + steps]
    for axis in (0, 1):
        grid = xp.repeat(grid, 2 ** (steps - 1), axis)
    return grid[: size[0], : size[1]]


def laplace_bits(value: Any, mean: Any, scale: Any) -> Any:
    """Bits of the interval of length 1 around a value; for NumPy and JAX arrays."""
    xp: Any = value.__array_namespace__()
    distance = abs(value - mean)
    near = xp.minimum(distance, 0.5)
    inside = 1 - 0.5 * (xp.exp((near - 0.5) / scale) + xp.exp((-near - 0.5) / scale))
    far = xp.maximum(distance, 0.5)
    outside = 0.5 * xp.exp((0.5 - far) / scale) * -xp.expm1(-1 / scale)
    probability = xp.where(distance < 0.5, inside, outside)
    return -xp.log2(xp.maximum(probability, _LEAST_PROBABILITY))
