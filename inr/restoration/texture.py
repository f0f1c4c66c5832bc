"""Super-resolution by references: textures found in other photographs are brought in.

Notation. The image is LR `[h, w, 3]` in [0, 1], the result s times as large, s = 4 or
2. An extractor of textures gives features at levels 1, 2, 3, as fine as the result, and
2 and 4 times coarser. Queries are level 3 of the image enlarged, keys level 3 of each
reference reduced and enlarged as much, so that both lack the same detail; values are
all levels of the reference as it is. What `match_patches` finds is brought in at every
level, weighted by its relevance S [Yang et al. 2020, TTSR, arXiv:2006.04139]:

    F + conv(F, T) S

and streams of all resolutions tell each other what they have. Unlike there the network
says what is missing from bicubic interpolation.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike, Params
from inr.metrics.perceptual import VGG_MEAN, VGG_STD
from inr.restoration.attention import Match, match_patches, transfer
from inr.restoration.encoder import Block

_COARSEST = 4  # pixels of the result along a cell of level 3


class Textures(NamedTuple):
    """What was found in the references, and how like it is.

    Attributes:
      match: of the cells of level 3.
      transferred: features at each level that the model uses, the finest first.
    """

    match: Match
    transferred: tuple[Array, ...]


class TextureExtractor(nn.Module):
    """The first five convolutions of VGG, which learn along; see `vgg_textures`.

    Attributes:
      widths: channels of the three levels.
    """

    widths: tuple[int, int, int] = (64, 128, 256)

    @nn.compact
    def __call__(self, image: Array) -> tuple[Array, Array, Array]:
        """Features `[h, w, k_1]`, `[h / 2, w / 2, k_2]`, `[h / 4, w / 4, k_3]`."""
        mean, deviation = (
            jnp.asarray(x, jnp.float32).reshape(1, 1, 3) for x in (VGG_MEAN, VGG_STD)
        )
        x = (2 * image - 1 - mean) / deviation
        levels = []
        for i, width in enumerate(self.widths):
            if i > 0:
                before = self.widths[i - 1]
                x = nn.relu(nn.Conv(before, (3, 3), name=f"conv_{2 * i - 1}")(x))
                x = nn.max_pool(x, (2, 2), (2, 2))
            x = nn.relu(nn.Conv(width, (3, 3), name=f"conv_{2 * i}")(x))
            levels.append(x)
        return tuple(levels)


def vgg_textures(weights: Mapping[str, ArrayLike]) -> Params:
    """VGG16's weights for a `TextureExtractor` of the default widths.

    Args:
      weights: `VGG16_0/Conv_i/kernel` and `/bias` for i from 0 to 4, as
        `inr.metrics.lpips` takes them.

    Returns:
      `{"conv_i": {"kernel", "bias"}}`, float32, to put in place of the extractor's.

    Raises:
      ValueError: if an array is missing.
    """
    found = {}
    for i in range(5):
        names = {part: f"VGG16_0/Conv_{i}/{part}" for part in ("kernel", "bias")}
        missing = [name for name in names.values() if name not in weights]
        if missing:
            raise _checks.fail("weights", "those of VGG16", f"none named {missing[0]}")
        found[f"conv_{i}"] = {k: np.float32(weights[v]) for k, v in names.items()}
    return found


class TextureTransformer(nn.Module):
    """An image and references to the image at four times, or twice, its size.

    Attributes:
      scale: s, 4 or 2.
      width: channels of every stream.
      blocks: residual blocks on the image alone, and of the streams after each
        exchange: at the image's own resolution, then with one that is twice as fine,
        and for s = 4 with a third. The published ones are (16, 16, 8, 4).
      textures: channels of the extractor's levels.
    """

    scale: int = 4
    width: int = 64
    blocks: tuple[int, ...] = (16, 16, 8, 4)
    textures: tuple[int, int, int] = (64, 128, 256)

    def __post_init__(self):
        super().__post_init__()
        _checks.check_choice("scale", self.scale, (2, 4))
        if len(self.blocks) != self._streams + 1:
            expected = f"{self._streams + 1} numbers for a scale of {self.scale}"
            raise _checks.fail("blocks", expected, self.blocks)

    @property
    def _streams(self) -> int:
        return self.scale.bit_length()

    def setup(self):
        self.extractor = TextureExtractor(self.textures)
        self.generator = Generator(self.width, self.blocks)

    def find(self, image: Array, references: Sequence[Array]) -> Textures:
        """What references `[h', w', 3]` have for an image `[h, w, 3]`.

        Their sizes in pixels must be divisible by 4, and the result's.
        """
        queries = self.extractor(_resized(image, self.scale))[-1]
        blurred = [_blurred(x, self.scale) for x in references]
        keys = [self.extractor(x)[-1] for x in blurred]
        levels = [self.extractor(x) for x in references]
        match = match_patches(queries, keys)
        used = range(self._streams)
        transferred = tuple(
            transfer(match, [x[i] for x in levels], cell=_COARSEST >> i) for i in used
        )
        return Textures(match, transferred)

    def generate(self, image: Array, textures: Textures | None) -> Array:
        """The result `[s h, s w, 3]`, not clipped; without textures if None."""
        missing = self.generator(image, textures)
        return _resized(image, self.scale) + missing

    def __call__(self, image: Array, references: Sequence[Array]) -> Array:
        """RGB `[s h, s w, 3]`, not clipped, of RGB `[h, w, 3]` and references."""
        return self.generate(image, self.find(image, references))


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
        first = nn.relu(conv("input")(image - 0.5))
        x = first
        for i in range(self.blocks[0]):
            x = Block(self.width, nn.relu, name=f"image_{i}")(x)
        streams = [first + conv("image_end")(x)]
        last = len(self.blocks) - 2
        for s in range(last + 1):
            if s > 0:
                finer = conv(f"finer_{s}", 4 * self.width)(streams[-1])
                streams.append(nn.relu(_shuffled(finer)))
            if textures is not None:
                # Level s of the streams is level `last - s` of the textures.
                found = textures.transferred[last - s]
                streams[-1] = streams[-1] + self._brought(s, streams[-1], found) * (
                    _resized_to(textures.match.relevance[..., None], found.shape)
                )
            streams = self._exchanged(s, streams)
            streams = [
                self._worked(f"stage_{s}_{i}", x, self.blocks[s + 1])
                for i, x in enumerate(streams)
            ]
        size = streams[-1].shape
        x = jnp.concatenate([_resized_to(x, size) for x in streams], -1)
        x = nn.relu(conv("merge")(x))
        x = nn.relu(conv("tail", self.width // 2)(x))
        small = nn.initializers.variance_scaling(1e-4, "fan_in", "truncated_normal")
        return nn.Conv(3, (1, 1), kernel_init=small, name="output")(x)

    def _conv(self, name: str, features: int | None = None) -> nn.Conv:
        return nn.Conv(features or self.width, (3, 3), name=name)

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
                    other = nn.relu(up(_resized_to(other, own.shape)))
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


def _resized_to(x: Array, shape: Sequence[int]) -> Array:
    return jax.image.resize(x, (*shape[:2], x.shape[-1]), "cubic")


def _resized(x: Array, scale: int) -> Array:
    return _resized_to(x, (scale * x.shape[0], scale * x.shape[1]))


def _blurred(x: Array, scale: int) -> Array:
    """Reduced and enlarged again."""
    h, w, _ = x.shape
    return _resized_to(_resized_to(x, (h // scale, w // scale)), (h, w))
