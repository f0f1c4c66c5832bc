"""Colorizers that predict colors on a grid.

Notation. L, a, b are CIE Lab of encoded colors. The input of a colorizer is the
lightness of a gray image, l = L / 50 - 1 in [-1, 1], at a size of about `side` pixels.
Its output is (a, b) / 128, or RGB, on a grid. Between the grid's points colors are
interpolated, and the result has the luma of the image.
"""

from typing import ClassVar, Literal

import jax

from inr._typing import Array, ArrayLike, Size
from inr.colorization.spaces import ab_to_rgb, lightness, replace_luma
from inr.coords import sample_grid
from inr.models import ConditionalModel, FeatureMap, as_gray


class GridColorizer(ConditionalModel):
    """Base of the colorizers whose feature map is a grid of colors.

    A conditional model: `inr.bind(colorizer, params, image)` is a field of RGB. A
    subclass writes `input_size` and `colors`, and sets `predicts` and `side`.

    Attributes:
      predicts: output of `colors`: `"ab"` for (a, b) / 128, or `"rgb"`.
    """

    predicts: ClassVar[Literal["ab", "rgb"]] = "ab"
    task = "colorize"
    image_channels = 1

    def input_size(self, size: Size) -> tuple[int, int]:
        """Size `(h', w')` to which an image of size `(h, w)` is resized."""
        raise NotImplementedError

    def colors(self, light: Array) -> Array:
        """Colors `[n, h'', w'', k]` on the grid, of lightness `[n, h', w', 1]`."""
        raise NotImplementedError

    def encode(self, image: ArrayLike, *embedding: Array) -> FeatureMap:
        """Colors on the grid, and luma, of a gray image `[h, w, 1]`.

        A `Colorizer` with `embedding="given"` takes the embedding `[1, k]` as well.

        Raises:
          ValueError: if the image has another shape or dtype.
        """
        image = as_gray("image", image)
        size = self.input_size((image.shape[0], image.shape[1]))
        light = lightness(jax.image.resize(image, (*size, 1), "linear"))
        return FeatureMap(self.colors(light[None], *embedding)[0], image)

    def __call__(self, coords: Array, feature_map: FeatureMap | ArrayLike) -> Array:
        """RGB `[..., 3]` at coords `[..., 2]`, not clipped, with the image's luma.

        An image in place of the feature map is encoded first, which `init` relies on.
        """
        if not isinstance(feature_map, FeatureMap):
            feature_map = self.encode(feature_map)
        luma = sample_grid(feature_map.image, coords, interpolation="cubic")
        colors = sample_grid(feature_map.features, coords)
        rgb = ab_to_rgb(colors, luma) if self.predicts == "ab" else colors
        return replace_luma(rgb, luma)


def divisible_size(size: Size, side: int, divisor: int) -> tuple[int, int]:
    """`size` scaled to a longer side of about `side`, both sides divisible."""
    longer = max(size)
    h, w = (divisor * max(round(n / longer * side / divisor), 1) for n in size)
    return h, w
