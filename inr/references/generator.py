"""Decoder of a texture transformer: image features and textures to a residual.

Streams of features at the image's resolution and at finer ones run side by side and
exchange features [Yang et al. 2020, TTSR, arXiv:2006.04139, section 3.3].
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr._typing import Array
from inr.models import Block, FlatEncoder
from inr.references.attention import Match


class Textures(NamedTuple):
    """Features transferred from the references.

    Attributes:
      match: of the cells of level 3.
      transferred: `[h_i, w_i, k_i]` at each level that the model uses, finest first.
    """

    match: Match
    transferred: tuple[Array, ...]


class Generator(nn.Module):
    """Residual streams at the image's resolution and at finer ones.

    Attributes:
      width: channels of every stream.
      blocks: residual blocks; see `TextureTransformer`.
    """

    width: int
    blocks: tuple[int, ...]

    @nn.compact
    def __call__(self, image: Array, textures: Textures | None) -> Array:
        """Residual `[s h, s w, 3]` of an image `[h, w, c]` with values in [0, 1]."""
        conv = self._conv
        streams = [FlatEncoder(self.width, self.blocks[0], name="image")(image - 0.5)]
        last = len(self.blocks) - 2
        for s in range(last + 1):
            if s > 0:
                finer = conv(f"finer_{s}", 4 * self.width)(streams[-1])
                streams.append(nn.relu(_pixel_shuffle(finer)))
            if textures is not None:
                # Stream s has the resolution of texture level `last - s`.
                transferred = textures.transferred[last - s]
                weight = self._weight(s, textures.match.relevance)
                update = self._update(s, streams[-1], transferred)
                weight = resized_to(weight[..., None], transferred.shape)
                streams[-1] = streams[-1] + update * weight
            streams = self._exchange(s, streams)
            streams = [
                self._residual_blocks(f"stage_{s}_{i}", x, self.blocks[s + 1])
                for i, x in enumerate(streams)
            ]
        size = streams[-1].shape
        x = jnp.concatenate([resized_to(x, size) for x in streams], -1)
        x = nn.relu(conv("merge")(x))
        x = nn.relu(conv("tail", self.width // 2)(x))
        small = nn.initializers.variance_scaling(1e-4, "fan_in", "truncated_normal")
        return nn.Conv(3, (1, 1), kernel_init=small, name="output")(x)

    def _conv(self, name: str, features: int | None = None) -> nn.Conv:
        return nn.Conv(features or self.width, (3, 3), name=name)

    def _weight(self, s: int, relevance: Array) -> Array:
        """S^p of the relevance S, with a learned p; 0 where S is not above 0."""
        p = self.param(f"power_{s}", nn.initializers.ones, ())
        positive = relevance > 0
        return jnp.where(positive, jnp.where(positive, relevance, 1) ** p, 0)

    def _update(self, s: int, x: Array, transferred: Array) -> Array:
        return self._conv(f"bring_{s}")(jnp.concatenate([x, transferred], -1))

    def _exchange(self, s: int, streams: list[Array]) -> list[Array]:
        """Each stream merged with all others, resampled to its resolution."""
        if len(streams) == 1:
            return streams
        merged = []
        for i, own in enumerate(streams):
            parts = []
            for j, part in enumerate(streams):
                for k in range(j, i, -1):
                    down = nn.Conv(
                        self.width, (3, 3), strides=2, name=f"down_{s}_{i}_{j}_{k}"
                    )
                    part = nn.relu(down(part))
                if j < i:
                    up = nn.Conv(self.width, (1, 1), name=f"up_{s}_{i}_{j}")
                    part = nn.relu(up(resized_to(part, own.shape)))
                parts.append(part)
            merge = self._conv(f"exchange_{s}_{i}")
            merged.append(nn.relu(merge(jnp.concatenate(parts, -1))))
        return merged

    def _residual_blocks(self, name: str, x: Array, count: int) -> Array:
        y = x
        for i in range(count):
            y = Block(self.width, nn.relu, name=f"{name}_{i}")(y)
        return x + self._conv(f"{name}_end")(y)


def _pixel_shuffle(x: Array) -> Array:
    """`[h, w, 4 c]` to `[2 h, 2 w, c]`."""
    h, w, c = x.shape
    return x.reshape(h, w, 2, 2, c // 4).swapaxes(1, 2).reshape(2 * h, 2 * w, c // 4)


def resized_to(x: Array, shape: Sequence[int]) -> Array:
    """Bicubic interpolation of `[h, w, c]` to the first two sizes of a shape."""
    return jax.image.resize(x, (*shape[:2], x.shape[-1]), "cubic")
