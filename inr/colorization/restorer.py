"""The restorer: color and detail at any point of a gray image.

Notation. The image is gray, `[h, w, 1]` in [0, 1], sRGB-encoded. Y is luma (BT.601), Cb
and Cr are chroma, all of encoded values. An encoder computes a feature map once. At a
point p, a decoder reads the features at p, the position of p in its pixel and in the
image, and the luma at p. It predicts a residual of luma and the chroma.

If the gray image is as fine as the result (`exact_luma`), the result has the luma of
the image, and the encoder reads the image at the size that it was trained at.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.colorization.spaces import Space, check_space, to_rgb
from inr.coords import sample_grid
from inr.models import (
    ConditionalModel,
    Encoder,
    FeatureMap,
    TrunkEncoder,
    as_gray,
    register,
)
from inr.training import reduce_images

_BANDS = 4  # of the code of a position in the image: wavelengths from 4 down to 1/2


class RestorerBase(ConditionalModel):
    """Hyperparameters of `Restorer`, which `DiffusionRestorer` shares."""

    widths: tuple[int, ...] = (32, 64, 96, 128)
    blocks: int = 1
    trunk: bool = False
    width: int = 96
    depth: int = 3
    side: int = 64
    exact_luma: bool = False
    space: Space = "ycbcr"
    image_channels = 1

    def __post_init__(self):
        super().__post_init__()
        _checks.as_size("widths", self.widths)
        for name, least in (("blocks", 0), ("width", 1), ("depth", 0), ("side", 1)):
            _checks.as_count(name, getattr(self, name), least=least)
        for name in ("trunk", "exact_luma"):
            _checks.check_flag(name, getattr(self, name))
        check_space(self.space)

    def for_image(self, image: Array | np.ndarray) -> "RestorerBase":
        """The module with `exact_luma` set if the image is larger than `side`."""
        return self.clone(exact_luma=max(image.shape[:2]) > self.side)


@register("Restorer")
class Restorer(RestorerBase):
    """Gray image to color at any point [after Sitzmann et al. 2020, Chen et al. 2021].

    A conditional model: `inr.bind(restorer, params, image)` is a field of RGB.

    Attributes:
      widths: channels of the encoder's stages, the finest first.
      blocks: residual blocks in a stage of the encoder; unused with `trunk`.
      trunk: use a `TrunkEncoder` in place of an `Encoder`.
      width: units of the decoder's layers.
      depth: residual blocks of the decoder.
      side: pixels along the longer side of the training images.
      exact_luma: the result has the luma of the image, and images larger than `side`
        are reduced for the encoder. Otherwise luma is that of the enlarged image plus a
        residual.
      space: what the decoder predicts besides luma: chroma (`"ycbcr"`), Lab's a and b
        (`"lab"`), or the differences of red, green and blue from gray (`"rgb"`).
    """

    task = "colorize"

    def setup(self):
        pyramid = Encoder(self.widths, self.blocks)
        self.encoder = TrunkEncoder(self.widths) if self.trunk else pyramid
        self.decoder = Decoder(self.width, self.depth)

    def encode(self, image: ArrayLike) -> FeatureMap:
        """Features and luma of a gray image `[h, w, 1]`.

        Raises:
          ValueError: if the image has another shape or dtype.
        """
        image = as_gray("image", image)
        return FeatureMap(self.encoder(self.encoder_input(image)), image)

    def encoder_input(self, image: Array) -> Array:
        """Input of the encoder: reduced if luma is exact, with mid-gray at 0."""
        if self.exact_luma:
            image = reduce_to_side(image, self.side)
        return image - 0.5

    def __call__(
        self,
        coords: Array,
        feature_map: FeatureMap | ArrayLike,
        feature_coords: Array | None = None,
    ) -> Array:
        """RGB `[..., 3]` at coords `[..., 2]`, not clipped.

        An image in place of the feature map is encoded first, which `init` relies on.
        With `feature_coords` `[..., 2]`, features are read there, not at `coords`.
        """
        if not isinstance(feature_map, FeatureMap):
            feature_map = self.encode(feature_map)
        features, image = feature_map
        luma = sample_grid(image, coords, interpolation="cubic")
        output = self.decoder(coords, features, luma, feature_coords)
        return to_rgb(self.space, luma, output, self.exact_luma)


class Decoder(nn.Module):
    """Color at points of a feature map.

    Attributes:
      width: units of each layer.
      depth: residual blocks.
    """

    width: int
    depth: int

    @nn.compact
    def __call__(
        self, coords: Array, features: Array, luma: Array, feature_coords: Array | None
    ) -> Array:
        """Outputs `[..., 3]` at coords `[..., 2]`; see `to_rgb`."""
        x = point_features(coords, features, luma, self.width, feature_coords)
        x = nn.gelu(residual_blocks(x, self.depth))
        # Near 0 at first: an untrained restorer returns the enlarged gray image.
        kernel_init = nn.initializers.normal(1e-3)
        return nn.Dense(3, kernel_init=kernel_init, name="color")(x)


def restorer_options(model: RestorerBase) -> dict[str, Any]:
    """The hyperparameters of a restorer, which another one may be built from."""
    names = [field.name for field in dataclasses.fields(RestorerBase)]
    return {n: getattr(model, n) for n in names if n not in ("parent", "name")}


def point_features(
    coords: Array,
    features: Array,
    luma: Array,
    width: int,
    feature_coords: Array | None = None,
) -> Array:
    """Features, position and luma of points, `[..., width]`. Creates submodules."""
    # The first layer acts on the pixels of the map, which are fewer than the points.
    mixed = nn.Dense(width, name="features")(nn.gelu(features))
    x = sample_grid(mixed, coords if feature_coords is None else feature_coords)
    position = _position_code(coords, (features.shape[0], features.shape[1]))
    position = jnp.concatenate([position, luma - 0.5], -1)
    # The meaning of the features depends on where in its pixel a point lies.
    gate = nn.Dense(width, kernel_init=nn.initializers.zeros, name="gate")
    return x * (1 + gate(position)) + nn.Dense(width, name="place")(position)


def residual_blocks(x: Array, depth: int) -> Array:
    """Residual blocks of dense layers, `[..., k] -> [..., k]`. Creates submodules."""
    width = x.shape[-1]
    for i in range(depth):
        y = nn.Dense(width, name=f"first_{i}")(nn.gelu(x))
        x = x + nn.Dense(width, name=f"second_{i}")(nn.gelu(y))
    return x


def _position_code(coords: Array, size: tuple[int, int]) -> Array:
    """Code of the position of coords `[..., 2]` in the image and in a pixel of the map.

    The position in a pixel is coded by a wave with a period of one pixel, so that the
    code is continuous from pixel to pixel.
    """
    bands = [np.pi * 2.0 ** (i - 1) for i in range(_BANDS)]
    waves = [
        coords[..., axis : axis + 1] * float(factor)
        for axis, n in enumerate(size)
        for factor in (*bands, np.pi * n)
    ]
    waves = jnp.concatenate(waves, -1)
    return jnp.concatenate([jnp.sin(waves), jnp.cos(waves)], -1)


def reduce_to_side(image: Array, side: int) -> Array:
    """The image with its longer side at most `side`, by means over areas."""
    h, w, _ = image.shape
    if max(h, w) <= side:
        return image
    h, w = (max(round(n * side / max(h, w)), 1) for n in (h, w))
    return reduce_images(image, (h, w))
