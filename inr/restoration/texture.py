"""Super-resolution and inpainting by references: textures found in other photographs.

Notation. The image is `[h, w, 3]` in [0, 1], the result s times as large, s = 4 or 2,
or s = 1 for an image with a hole. An extractor of textures gives features at levels 1,
2, 3, as fine as the result, and 2 and 4 times coarser. Queries are level 3 of the image
enlarged, keys level 3 of each reference reduced and enlarged as much, so that both lack
the same detail; values are all levels of the reference as it is. What `match_patches`
finds is brought in at every level, weighted by its relevance S [Yang et al. 2020, TTSR,
arXiv:2006.04139]:

    F + conv(F, T) S^p

with p = 1 there and learned here, and streams of all resolutions tell each other what
they have. Unlike there the network says what is missing from bicubic interpolation, or
from a smooth filling of the hole. An image with a hole is its own reference too: there,
and around it, nothing is taken.
"""

from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike, Params
from inr.metrics.perceptual import VGG_MEAN, VGG_STD
from inr.restoration.attention import match_patches, transfer
from inr.restoration.generator import Generator, Textures, resized_to
from inr.restoration.holes import fill_holes, whole_cells

_COARSEST = 4  # pixels of the result along a cell of level 3


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

    Or, of a scale of 1, to the image without its hole.

    Attributes:
      scale: s: 4, 2 or 1.
      width: channels of every stream.
      blocks: residual blocks on the image alone, and of the streams after each
        exchange: at the image's own resolution, then with one that is twice as fine
        for s = 2, and for s = 4 with a third. The published ones are (16, 16, 8, 4).
      textures: channels of the extractor's levels.
    """

    scale: int = 4
    width: int = 64
    blocks: tuple[int, ...] = (16, 16, 8, 4)
    textures: tuple[int, int, int] = (64, 128, 256)

    def __post_init__(self):
        super().__post_init__()
        _checks.check_choice("scale", self.scale, (1, 2, 4))
        if len(self.blocks) != self._streams + 1:
            expected = f"{self._streams + 1} numbers for a scale of {self.scale}"
            raise _checks.fail("blocks", expected, self.blocks)

    @property
    def _streams(self) -> int:
        return self.scale.bit_length()

    def setup(self):
        self.extractor = TextureExtractor(self.textures)
        self.generator = Generator(self.width, self.blocks)

    def extract(self, image: Array) -> tuple[Array, Array, Array]:
        """Features of an image at the three levels, the finest first."""
        return self.extractor(image)

    def find(
        self, image: Array, references: Sequence[Array], hole: Array | None = None
    ) -> Textures:
        """What references `[h', w', 3]` have for an image `[h, w, 3]`.

        Their sizes in pixels must be divisible by 4, and the result's. With a hole,
        bool `[h, w]`, the image itself comes first among the references.
        """
        allowed = None
        if hole is not None:
            image = fill_holes(image, hole)
            whole = whole_cells(hole, _COARSEST, reach=2)
            sizes = [[n // _COARSEST for n in x.shape[:2]] for x in references]
            allowed = [whole, *(jnp.ones(size, bool) for size in sizes)]
            references = [image, *references]
        queries = self.extractor(_resized(image, self.scale))[-1]
        levels = [self.extractor(x) for x in references]
        keys = [x[-1] for x in levels]
        if self.scale > 1:
            keys = [self.extractor(_blurred(x, self.scale))[-1] for x in references]
        match = match_patches(queries, keys, allowed=allowed)
        used = range(self._streams)
        transferred = tuple(
            transfer(match, [x[i] for x in levels], cell=_COARSEST >> i) for i in used
        )
        return Textures(match, transferred)

    def generate(
        self, image: Array, textures: Textures | None, hole: Array | None = None
    ) -> Array:
        """The result `[s h, s w, 3]`, not clipped; without textures if None."""
        if self.scale > 1:
            return _resized(image, self.scale) + self.generator(image, textures)
        filled = fill_holes(image, hole)
        seen = jnp.concatenate([filled, hole[..., None].astype(image.dtype)], -1)
        made = filled + self.generator(seen, textures)
        return jnp.where(hole[..., None], made, image)

    def __call__(
        self, image: Array, references: Sequence[Array], hole: Array | None = None
    ) -> Array:
        """RGB `[s h, s w, 3]`, not clipped, of RGB `[h, w, 3]` and references.

        A hole, bool `[h, w]`, is for a scale of 1, where it is needed.
        """
        if (hole is None) != (self.scale > 1):
            expected = "None" if self.scale > 1 else "bool [h, w] for a scale of 1"
            got = "None" if hole is None else f"shape {hole.shape}"
            raise _checks.fail("hole", expected, got)
        return self.generate(image, self.find(image, references, hole), hole)


def _resized(x: Array, scale: int) -> Array:
    return resized_to(x, (scale * x.shape[0], scale * x.shape[1]))


def _blurred(x: Array, scale: int) -> Array:
    """Reduced and enlarged again."""
    h, w, _ = x.shape
    return resized_to(resized_to(x, (h // scale, w // scale)), (h, w))
