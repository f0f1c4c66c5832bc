"""Color and detail at any point of a gray image.

Notation. The image is gray, `[h, w, 1]` in [0, 1], sRGB-encoded; Y is luma (BT.601) and
Cb, Cr are chroma, both of encoded values. An encoder makes a map of features of the
image, once. At a point p a small network sees the map's features there, where p lies in
its pixel and in the picture, and the luma at p; it adds a residual to that luma and
says the chroma. Points do not see each other.

Where the gray image is as fine as the picture that is wanted (`exact_luma`), luma is
the image's own, and the encoder sees the image reduced to the size it was trained at.
"""

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.coords import sample_grid
from inr.restoration.encoder import Encoder, FeatureMap, TrunkEncoder, as_gray
from inr.restoration.spaces import SPACES, to_rgb
from inr.training import reduce_images

_BANDS = 4  # of the code for the place in the picture: wavelengths from 4 down to 1/2


class Restorer(nn.Module):
    """Gray image to color at any point [after Sitzmann et al. 2020, Chen et al. 2021].

    A conditional model: `inr.bind(restorer, params, image)` is a field of RGB.

    Attributes:
      widths: channels of the encoder's stages, the finest first.
      blocks: residual blocks of a stage; no matter for a trunk.
      trunk: the encoder is a `TrunkEncoder`.
      width: units of the decoder's layers.
      depth: residual blocks of the decoder.
      side: pixels along the longer side of the images the encoder is trained on.
      exact_luma: luma is the image's own, and larger images are reduced to `side` for
        the encoder; otherwise luma is the image's, enlarged, plus a residual.
      space: what the decoder says of a color beside that: chroma (`"ycbcr"`), a and b
        of Lab (`"lab"`), or how far red, green and blue are from gray (`"rgb"`).
    """

    widths: tuple[int, ...] = (32, 64, 96, 128)
    blocks: int = 1
    trunk: bool = False
    width: int = 96
    depth: int = 3
    side: int = 64
    exact_luma: bool = False
    space: str = "ycbcr"

    def __post_init__(self):
        super().__post_init__()
        _checks.check_choice("space", self.space, SPACES)

    def setup(self):
        residual = Encoder(self.widths, self.blocks)
        self.encoder = TrunkEncoder(self.widths) if self.trunk else residual
        self.decoder = Decoder(self.width, self.depth)

    def encode(self, image: ArrayLike) -> FeatureMap:
        """Features and luma of a gray image `[h, w, 1]`.

        Raises:
          ValueError: for an image of another shape or kind.
        """
        image = as_gray("image", image)
        return FeatureMap(self.encoder(self.seen(image)), image)

    def seen(self, image: Array) -> Array:
        """What the encoder is given of an image, about 0, as its padding is."""
        return (reduced_to(image, self.side) if self.exact_luma else image) - 0.5

    def __call__(
        self,
        coords: Array,
        feature_map: FeatureMap | ArrayLike,
        features_from: Array | None = None,
    ) -> Array:
        """RGB `[..., 3]` at coords `[..., 2]`, not clipped.

        In place of the feature map an image is encoded first, as `init` needs it. A
        training may take the map's features from other coords `[..., 2]`, nearby.
        """
        if not isinstance(feature_map, FeatureMap):
            feature_map = self.encode(feature_map)
        features, luma = feature_map
        y = sample_grid(luma, coords, interpolation="cubic")
        said = self.decoder(coords, features, y, features_from)
        return to_rgb(self.space, y, said, self.exact_luma)


class Decoder(nn.Module):
    """What is said of colors at points of a map.

    Attributes:
      width: units of each layer.
      depth: residual blocks.
    """

    width: int
    depth: int

    @nn.compact
    def __call__(
        self, coords: Array, features: Array, luma: Array, features_from: Array | None
    ) -> Array:
        """A residual of luma and two numbers of color, `[..., 3]`, at coords."""
        x = features_at(coords, features, luma, self.width, features_from)
        small = nn.initializers.normal(1e-3)
        x = nn.gelu(blocks(x, self.depth))
        return nn.Dense(3, kernel_init=small, name="color")(x)


def features_at(
    coords: Array,
    features: Array,
    luma: Array,
    width: int,
    features_from: Array | None = None,
) -> Array:
    """What is known of points `[..., 2]` of a map, `[..., width]`. Makes submodules."""
    # The first layer acts on the map's pixels, which are fewer than the points.
    mixed = nn.Dense(width, name="features")(nn.gelu(features))
    x = sample_grid(mixed, coords if features_from is None else features_from)
    place = jnp.concatenate([_place(coords, features.shape[:2]), luma - 0.5], -1)
    # Where in its pixel a point lies decides what the features there mean.
    gate = nn.Dense(width, kernel_init=nn.initializers.zeros, name="gate")
    return x * (1 + gate(place)) + nn.Dense(width, name="place")(place)


def blocks(x: Array, depth: int) -> Array:
    """Residual blocks of dense layers, `[..., k]` to the same. Makes submodules."""
    width = x.shape[-1]
    for i in range(depth):
        y = nn.Dense(width, name=f"first_{i}")(nn.gelu(x))
        x = x + nn.Dense(width, name=f"second_{i}")(nn.gelu(y))
    return x


def _place(coords: Array, size: tuple[int, int]) -> Array:
    """Where coords `[..., 2]` lie in the picture and in a pixel of the map.

    Within a pixel by one wave a pixel, which goes on smoothly into the next.
    """
    bands = [np.pi * 2.0 ** (i - 1) for i in range(_BANDS)]
    waves = [
        coords[..., axis : axis + 1] * float(factor)
        for axis, n in enumerate(size)
        for factor in (*bands, np.pi * n)
    ]
    waves = jnp.concatenate(waves, -1)
    return jnp.concatenate([jnp.sin(waves), jnp.cos(waves)], -1)


def reduced_to(image: Array, side: int) -> Array:
    """The image with its longer side at most `side`, its own pixels averaged."""
    h, w, _ = image.shape
    if max(h, w) <= side:
        return image
    size = (max(round(n * side / max(h, w)), 1) for n in (h, w))
    return reduce_images(image, tuple(size))
