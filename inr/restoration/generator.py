"""From an image and textures that were found for it to what it lacks.

Streams of features at the image's resolution, and at finer ones, work side by side and
tell each other what they have (the cross-scale integration of Yang et al. 2020, TTSR,
arXiv:2006.04139, section 3.3).
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr._typing import Array
from inr.restoration.attention import Match
from inr.restoration.encoder import Block, FlatEncoder


class Textures(NamedTuple):
    """What was found in the references, and how like it is.

    Attributes:
      match: of the cells of level 3.
      transferred: features at each level that the model uses, the finest first.
    """

    match: Match
    transferred: tuple[Array, ...]


class Generator(nn.Module):
    """Streams at the image's resolution and at finer ones, and textures brought in.

    Attributes:
      width: channels of every stream.
      blocks: as of `TextureTransformer`.
    """

    width: int
    blocks: tuple[int, ...]

    @nn.compact
    def __call__(self, image: Array, textures: Textures | None) -> Array:
        """What is missing from bicubic interpolation."""
        conv = self._conv
        streams = [FlatEncoder(self.width, self.blocks[0], name="image")(image - 0.5)]
        last = len(self.blocks) - 2
        for s in range(last + 1):
            if s > 0:
                finer = conv(f"finer_{s}", 4 * self.width)(streams[-1])
                streams.append(nn.relu(_shuffled(finer)))
            if textures is not None:
                # Level s of the streams is level `last - s` of the textures.
                found = textures.transferred[last - s]
                weight = self._weight(s, textures.match.relevance)
                streams[-1] = streams[-1] + self._brought(s, streams[-1], found) * (
                    resized_to(weight[..., None], found.shape)
                )
            streams = self._exchanged(s, streams)
            streams = [
                self._worked(f"stage_{s}_{i}", x, self.blocks[s + 1])
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
        """S^p with a learned p: how soon what is less alike counts for nothing."""
        p = self.param(f"power_{s}", nn.initializers.ones, ())
        some = relevance > 0
        return jnp.where(some, jnp.where(some, relevance, 1) ** p, 0)

    def _brought(self, s: int, x: Array, found: Array) -> Array:
        return self._conv(f"bring_{s}")(jnp.concatenate([x, found], -1))

    def _exchanged(self, s: int, streams: list[Array]) -> list[Array]:
        """Each stream with what all the others have, at its own resolution."""
        if len(streams) == 1:
            return streams
        made = []
        for i, own in enumerate(streams):
            parts = []
            for j, other in enumerate(streams):
                for k in range(j, i, -1):
                    down = nn.Conv(
                        self.width, (3, 3), strides=2, name=f"down_{s}_{i}_{j}_{k}"
                    )
                    other = nn.relu(down(other))
                if j < i:
                    up = nn.Conv(self.width, (1, 1), name=f"up_{s}_{i}_{j}")
                    other = nn.relu(up(resized_to(other, own.shape)))
                parts.append(other)
            merge = self._conv(f"exchange_{s}_{i}")
            made.append(nn.relu(merge(jnp.concatenate(parts, -1))))
        return made

    def _worked(self, name: str, x: Array, blocks: int) -> Array:
        y = x
        for i in range(blocks):
            y = Block(self.width, nn.relu, name=f"{name}_{i}")(y)
        return x + self._conv(f"{name}_end")(y)


def _shuffled(x: Array) -> Array:
    """`[h, w, 4 c]` to `[2 h, 2 w, c]`."""
    h, w, c = x.shape
    return x.reshape(h, w, 2, 2, c // 4).swapaxes(1, 2).reshape(2 * h, 2 * w, c // 4)


def resized_to(x: Array, shape: Sequence[int]) -> Array:
    """By bicubic interpolation, to the first two numbers of a shape."""
    return jax.image.resize(x, (*shape[:2], x.shape[-1]), "cubic")
