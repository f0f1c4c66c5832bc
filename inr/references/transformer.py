"""Texture transfer: features of reference images, for upscaling and inpainting.

Notation. The image is `[h, w, 3]` in [0, 1] and the result s times as large; s is 4 or
2, or 1 for an image with a hole. An extractor computes features at three levels: at the
result's resolution, and 2 and 4 times coarser. Queries are level 3 of the enlarged
image. Keys are level 3 of each reference, reduced and enlarged by s so that the same
detail is missing. Values are all levels of the reference. Each level adds the values of
the best match, weighted by the relevance S [Yang et al. 2020, TTSR, arXiv:2006.04139]:

    F + conv(F, T) S^p

p is 1 in the paper and learned here. The network predicts a residual to bicubic
interpolation, or to a smooth fill of the hole. An image with a hole is also its own
reference, except in the hole and around it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.sharding import NamedSharding

from inr import _checks, _vgg16
from inr._typing import Array, ArrayLike, Params
from inr.models import register
from inr.references.attention import match_patches, transfer
from inr.references.generator import Generator, Textures, resized_to
from inr.references.holes import fill_holes, intact_cells

_COARSEST = 4  # output pixels along a side of a level 3 cell


class TextureExtractor(nn.Module):
    """The first five convolutions of VGG16, trained further; see `vgg_textures`.

    Attributes:
      widths: channels of the three levels.
    """

    widths: tuple[int, int, int] = (64, 128, 256)

    @nn.compact
    def __call__(self, image: Array) -> tuple[Array, Array, Array]:
        """Features `[h, w, k_1]`, `[h / 2, w / 2, k_2]`, `[h / 4, w / 4, k_3]`."""
        one, two, three = self.widths
        channels = (one, one, two, two, three)

        def convolution(i: int, x: Array) -> Array:
            return nn.Conv(channels[i], (3, 3), name=f"conv_{i}")(x)

        outputs = _vgg16.features(_vgg16.standardize(image), convolution, count=5)
        return outputs[0], outputs[2], outputs[4]


def vgg_textures(weights: Mapping[str, ArrayLike]) -> Params:
    """VGG16's weights for a `TextureExtractor` of the default widths.

    Args:
      weights: `VGG16_0/Conv_i/kernel` and `/bias` for i from 0 to 4, as
        `inr.metrics.lpips` takes them.

    Returns:
      `{"conv_i": {"kernel", "bias"}}`, float32, to replace the extractor's own.

    Raises:
      ValueError: if an array is missing.
    """
    layers = {}
    for i in range(5):
        kernel, bias = _vgg16.weights_of(weights, i)
        layers[f"conv_{i}"] = {
            "kernel": np.asarray(kernel, np.float32),
            "bias": np.asarray(bias, np.float32),
        }
    return layers


@register("TextureTransformer")
class TextureTransformer(nn.Module):
    """Enlarges an image, or fills its hole, with textures from reference images.

    Attributes:
      scale: s. 4 or 2 enlarge; 1 fills a hole.
      width: channels of every stream.
      blocks: residual blocks of the image's encoder, then of the streams after each
        exchange: at the image's resolution, at twice it for s >= 2, and at four times
        it for s = 4. The published numbers are (16, 16, 8, 4).
      textures: channels of the extractor's levels.
    """

    scale: int = 4
    width: int = 64
    blocks: tuple[int, ...] = (16, 16, 8, 4)
    textures: tuple[int, int, int] = (64, 128, 256)

    def __post_init__(self):
        super().__post_init__()
        _checks.check_choice("scale", self.scale, (1, 2, 4))
        _checks.as_count("width", self.width)
        _checks.as_size("textures", self.textures, 3)
        _checks.check_sequence("blocks", self.blocks, "counts")
        for count in self.blocks:
            _checks.as_count("blocks", count, least=0)
        if len(self.blocks) != self._num_streams + 1:
            expected = f"{self._num_streams + 1} numbers for a scale of {self.scale}"
            raise _checks.fail("blocks", expected, self.blocks)

    @property
    def task(self) -> str:
        """Verb that uses the model."""
        return "inpaint" if self.scale == 1 else "upscale_by_reference"

    @property
    def _num_streams(self) -> int:
        return self.scale.bit_length()

    def example_inputs(self) -> tuple[Any, ...]:
        """Inputs of `init` behind the key, as shapes: image, references, and hole."""
        image = jax.ShapeDtypeStruct((4, 4, 3), jnp.float32)
        hole = jax.ShapeDtypeStruct((4, 4), bool) if self.scale == 1 else None
        return image, [image], hole

    def setup(self):
        self.extractor = TextureExtractor(self.textures)
        self.generator = Generator(self.width, self.blocks)

    def extract(self, image: Array) -> tuple[Array, Array, Array]:
        """Features of an image at the three levels, the finest first."""
        return self.extractor(image)

    def find(
        self,
        image: Array,
        references: Sequence[Array],
        hole: Array | None = None,
        sharding: NamedSharding | None = None,
    ) -> Textures:
        """Textures from references `[h', w', 3]` for an image `[h, w, 3]`.

        Sizes in pixels must be multiples of 4, those of the result too. With a hole,
        bool `[h, w]`, the image itself is the first reference, except in the hole and
        around it. `sharding` splits the rows of all images over devices.
        """
        allowed = None
        if hole is not None:
            image = fill_holes(image, hole)
            intact = intact_cells(hole, _COARSEST, reach=2)
            sizes = [
                (x.shape[0] // _COARSEST, x.shape[1] // _COARSEST) for x in references
            ]
            allowed = [intact, *(jnp.ones(size, bool) for size in sizes)]
            references = [image, *references]

        def extract(image: Array) -> tuple[Array, Array, Array]:
            return self.extractor(_split(image, sharding))

        queries = extract(_resized(image, self.scale))[-1]
        levels = [extract(x) for x in references]
        keys = [x[-1] for x in levels]
        if self.scale > 1:
            keys = [extract(_blurred(x, self.scale))[-1] for x in references]
        match = match_patches(queries, keys, allowed=allowed, sharding=sharding)
        transferred = tuple(
            transfer(match, [x[i] for x in levels], cell=_COARSEST >> i)
            for i in range(self._num_streams)
        )
        return Textures(match, transferred)

    def generate(
        self,
        image: Array,
        textures: Textures | None,
        hole: Array | None = None,
        sharding: NamedSharding | None = None,
    ) -> Array:
        """The result `[s h, s w, 3]`, not clipped; without textures if None.

        `sharding` splits the rows of the image over devices.
        """
        if hole is None:
            residual = self.generator(_split(image, sharding), textures)
            return _resized(image, self.scale) + residual
        smooth = fill_holes(image, hole)
        inputs = jnp.concatenate([smooth, hole[..., None].astype(image.dtype)], -1)
        output = smooth + self.generator(_split(inputs, sharding), textures)
        return jnp.where(hole[..., None], output, image)

    def __call__(
        self, image: Array, references: Sequence[Array], hole: Array | None = None
    ) -> Array:
        """RGB `[s h, s w, 3]`, not clipped, from RGB `[h, w, 3]` and references.

        A hole, bool `[h, w]`, must be given for a scale of 1, and only then.
        """
        if (hole is None) != (self.scale > 1):
            expected = "None" if self.scale > 1 else "bool [h, w] for a scale of 1"
            got = "None" if hole is None else f"shape {hole.shape}"
            raise _checks.fail("hole", expected, got)
        return self.generate(image, self.find(image, references, hole), hole)


def _split(image: Array, sharding: NamedSharding | None) -> Array:
    """The image, its rows split over devices; operations on it follow."""
    if sharding is None:
        return image
    return jax.lax.with_sharding_constraint(image, sharding)


def _resized(x: Array, scale: int) -> Array:
    return resized_to(x, (scale * x.shape[0], scale * x.shape[1]))


def _blurred(x: Array, scale: int) -> Array:
    """Reduced by a scale and enlarged again."""
    h, w, _ = x.shape
    return resized_to(resized_to(x, (h // scale, w // scale)), (h, w))
