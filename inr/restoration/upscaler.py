"""An image at any scale: around each of its pixels a small field, and what they add.

Notation. Lengths are in pixels of the image `[h, w, 3]`, whose values lie in [0, 1],
sRGB-encoded. An encoder gives each pixel i the coefficients of a function of the
distance d from its center; the value at a point is the image there, by cubic
interpolation, plus the functions of the four pixels around it, weighted as in linear
interpolation (the local ensemble of Chen et al. 2021, arXiv:2012.09161).

A pixel that is wanted is an area, not a point: asked for the mean over cells
(`render(antialias="integral")`), functions damp what the cell averages away, so one
model serves every scale.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike, Size
from inr.color import rgb_to_luma
from inr.coords import neighbors, sample_grid
from inr.fields.streams import Cells
from inr.restoration.encoder import FeatureMap, FlatEncoder
from inr.restoration.heads import MLPHead, WaveHead

HEADS = ("waves", "mlp")


class Upscaler(nn.Module):
    """Image to color at any point of it, or as the mean over any cell.

    A conditional model: `inr.bind(upscaler, params, image)` is a field of RGB.

    Attributes:
      width: channels of the encoder.
      blocks: residual blocks of the encoder.
      head: what a pixel's function is. `"waves"`: a sum of waves of learned frequencies,
        see `WaveHead`; `"mlp"`: a small network that sees the distance, see `MLPHead`.
      waves: how many, for the former.
      units: of each layer, for the latter.
      gray: images are gray, `[h, w, 1]`, and so are the values, at a third of the cost.
    """

    width: int = 48
    blocks: int = 8
    head: str = "waves"
    waves: int = 32
    units: int = 64
    gray: bool = False

    def __post_init__(self):
        super().__post_init__()
        _checks.check_choice("head", self.head, HEADS)
        for name in ("width", "blocks", "waves", "units"):
            _checks.as_count(name, getattr(self, name))

    def setup(self):
        self.encoder = FlatEncoder(self.width, self.blocks)
        waves = self.head == "waves"
        self.decoder = WaveHead(self.waves) if waves else MLPHead(self.units)

    @property
    def reach(self) -> int:
        """Pixels to each side that the value at a point depends on."""
        # The head's own convolution, and the interpolation's second neighbor.
        return FlatEncoder(self.width, self.blocks).reach + 3

    def encode(self, image: ArrayLike) -> FeatureMap:
        """Coefficients at each pixel of an image `[h, w, 3]`, or `[h, w, 1]` if `gray`.

        Raises:
          ValueError: for an image of another shape or kind.
        """
        image = _checks.as_image("image", image)
        h, w, c = image.shape
        if c != (1 if self.gray else 3):
            expected = "gray, [h, w, 1]" if self.gray else "RGB, [h, w, 3]"
            fix = "`inr.upscale` takes gray images and such with alpha too."
            raise _checks.fail("image", expected, f"{image.shape}", fix)
        # About 0, as the encoder's padding is.
        features = self.encoder(jnp.broadcast_to(image, (h, w, 3)) - 0.5)
        features = self.decoder.prepare(features)
        if self.gray and self.head == "waves":
            # Luma is linear in colors, and these are in the coefficients.
            by_channel = features.reshape(h, w, 3, -1).swapaxes(-1, -2)
            features = rgb_to_luma(by_channel)[..., 0]
        return FeatureMap(features, image)

    def __call__(
        self, coords: Array | Cells, feature_map: FeatureMap | ArrayLike
    ) -> Array | Cells:
        """RGB `[..., 3]` at coords `[..., 2]`, not clipped; or their `Cells`.

        Luma `[..., 1]` if `gray`.

        In place of the feature map an image is encoded first, as `init` needs it.
        """
        if not isinstance(feature_map, FeatureMap):
            feature_map = self.encode(feature_map)
        features, image = feature_map
        center, cell = _boxes(coords, image.shape[:2])
        value = sample_grid(image, center, interpolation="cubic")
        for weight, index, distance in neighbors(center, image.shape[:2]):
            made = self.decoder(features[index], distance, cell)
            if self.gray and self.head == "mlp":
                made = rgb_to_luma(made)
            value = value + weight[..., None] * made
        return Cells(value, None) if isinstance(coords, Cells) else value

    def pixels(self, feature_map: FeatureMap, scale: tuple[int, int]) -> Array:
        """Means over all pixels of a grid finer by whole numbers, `[*size, k]`.

        What `inr.render` gives with `antialias="integral"`, of size `(scale[0] h,
        scale[1] w)`, several times faster and of waves only.
        """
        features, image = feature_map
        return _enlarged(image, scale) + self.decoder.pixels(features, scale)


def _enlarged(image: Array, scale: tuple[int, int]) -> Array:
    """By cubic interpolation; beyond its border the image goes on, as `sample_grid`."""
    h, w, c = image.shape
    filled = jnp.pad(image, [(2, 2), (2, 2), (0, 0)], mode="edge")
    rows, columns = scale
    made = jax.image.resize(
        filled, ((h + 4) * rows, (w + 4) * columns, c), "cubic", antialias=False
    )
    return made[2 * rows : -2 * rows, 2 * columns : -2 * columns]


def _boxes(coords: Array | Cells, size: Size) -> tuple[Array, Array]:
    """Centers, and sizes in pixels `[..., 2]`, which are zero for mere points."""
    if not isinstance(coords, Cells):
        return coords, jnp.zeros((1,) * (coords.ndim - 1) + (2,), coords.dtype)
    # Of the identity times the cell, in coords.
    widths = coords.widths.sum(0)
    scale = jnp.asarray(size, widths.dtype) / 2
    return coords.value, widths * scale.reshape((1,) * (widths.ndim - 1) + (2,))
