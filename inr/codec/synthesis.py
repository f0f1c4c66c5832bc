"""Synthesis: from grids of latents to colors at any point.

The grids are enlarged by two and summed, from the coarsest to the finest, in `width`
channels: the first three are luma and chroma, the others carry texture. A small network
turns the channels at a point into its color.
"""

import math

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr._typing import Array, Params, Size
from inr.codec import shader
from inr.codec.pyramid import LEVELS, Latents, planes
from inr.color import ycbcr_to_rgb
from inr.coords import sample_grid
from inr.fields import ShaderLayer
from inr.models import ConditionalModel

_FILTER = (-0.0234375, 0.2265625, 0.8671875, -0.0703125)
"""Keys' cubic kernel at distances 1.75, .75, .25 and 1.25, the first filter."""


class Synthesis(ConditionalModel):
    """Colors at any point from latents.

    `encode` takes `Latents` in place of an image. Its feature map is interpolated by
    cubics, which are exact at the pixel centers, and the network follows. So the
    feature map is all that a field of an image needs.

    Attributes:
      width: channels of the feature map, at least 3.
      hidden: width of the network at a point.
    """

    width: int = 8
    hidden: int = 16
    task = "decompress"

    def setup(self):
        # An error of a coarse latent reaches many pixels, so its step is smaller.
        self.levels = [
            _Level(self.width, planes(k), math.log(max(0.08 / 2**k, 0.005)))
            for k in range(LEVELS)
        ]
        self.textures = [_Texture(self.width) for _ in range(2)]
        self.hidden_layer = nn.Dense(self.hidden)
        self.output = nn.Dense(
            3, use_bias=False, kernel_init=nn.initializers.normal(0.03)
        )

    def encode(self, latents: Latents) -> Array:
        """Feature map `[h, w, width]` of latents."""
        features = None
        for k in reversed(range(LEVELS)):
            features = self.levels[k](features, latents[k])
            if k < len(self.textures):
                features = self.textures[k](features)
        assert features is not None
        return features

    def colors(self, features: Array) -> Array:
        """RGB `[..., 3]` from features `[..., width]`."""
        residual = self.output(self.hidden_values(features))
        return 0.5 + ycbcr_to_rgb(features[..., :3] + residual)

    def hidden_values(self, features: Array) -> Array:
        """Values of the hidden layer, `[..., hidden]`, from features `[..., width]`."""
        return nn.gelu(self.hidden_layer(features))

    def pixels(self, latents: Latents) -> Array:
        """RGB at the pixel centers, `[h, w, 3]`."""
        return self.colors(self.encode(latents))

    def __call__(self, coords: Array, feature_map: Array | Latents) -> Array:
        """RGB `[..., 3]` at coords `[..., 2]`, not clipped."""
        if isinstance(feature_map, tuple):
            feature_map = self.encode(feature_map)
        features = sample_grid(feature_map, coords, interpolation="cubic")
        return self.colors(features)

    def shader_layers(self, params: Params) -> tuple[ShaderLayer, ...]:
        """Layers from features to RGB, by which `to_html` draws a decoded field."""
        return shader.shader_layers(params)


class _Level(nn.Module):
    """Enlarges the features of the coarser level, and adds a grid of latents."""

    width: int
    planes: int
    first_log_step: float

    @nn.compact
    def __call__(self, coarser: Array | None, latents: Array) -> Array:
        log_step = self.param(
            "log_step", nn.initializers.constant(self.first_log_step), (self.planes,)
        )
        basis = self.param("basis", _first_basis, (self.planes, self.width))
        details = latents @ (jnp.exp(log_step)[:, None] * basis)
        if coarser is None:
            return details
        kernel = self.param("filter", lambda _: jnp.array(_FILTER))
        return enlarge(coarser, kernel, latents.shape[:2]) + details


class _Texture(nn.Module):
    """Adds what depends on the features around each cell."""

    width: int

    @nn.compact
    def __call__(self, features: Array) -> Array:
        padded = jnp.pad(features, ((1, 1), (1, 1), (0, 0)), mode="edge")
        around = nn.Conv(self.width, (3, 3), padding="VALID", name="around")
        zeros = nn.initializers.zeros
        details = nn.Dense(
            self.width, use_bias=False, kernel_init=zeros, name="details"
        )
        return features + details(nn.relu(around(padded)))


def _first_basis(key: Array, shape: tuple[int, int]) -> Array:
    """Latents are luma and chroma at first; textures are small."""
    noise = 0.1 * nn.initializers.normal(1.0)(key, shape)
    return jnp.eye(*shape) + noise * (np.arange(shape[1]) >= 3)[None]


def enlarge(grid: Array, kernel: Array, size: Size) -> Array:
    """Twice as many cells `[h, w, c]`, by a separable symmetric filter.

    Args:
      grid: `[ceil(h / 2), ceil(w / 2), c]`; its border is replicated.
      kernel: weights `[4]` of the cells at distances -1.75, -0.75, 0.25 and 1.25 from
        the center of the first of the two new cells.
      size: `(h, w)`.
    """
    for axis, length in enumerate(size):
        pad = [(2, 2) if i == axis else (0, 0) for i in range(3)]
        padded = jnp.pad(grid, pad, mode="edge")
        cells = [
            padded[(slice(None),) * axis + (slice(i, i + grid.shape[axis]),)]
            for i in range(5)
        ]
        first = sum(kernel[i] * cells[i] for i in range(4))
        second = sum(kernel[i] * cells[4 - i] for i in range(4))
        shape = (*grid.shape[:axis], 2 * grid.shape[axis], *grid.shape[axis + 1 :])
        both = jnp.stack([jnp.asarray(first), jnp.asarray(second)], axis + 1)
        grid = both.reshape(shape)[(slice(None),) * axis + (slice(length),)]
    return grid
