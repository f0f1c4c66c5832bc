"""The upscaler: an image as a field with more detail than its pixels.

Notation. Lengths are in pixels of the image `[h, w, 3]`, sRGB-encoded in [0, 1]. The
encoder predicts for each pixel i the coefficients of a function of the distance d from
its center. The value at a point is the image there, by cubic interpolation, plus the
functions of the four nearest pixels, weighted as in bilinear interpolation (the local
ensemble of Chen et al. 2021, arXiv:2012.09161).

An output pixel is an area. With `render(antialias="integral")` the functions are
averaged over each output pixel, so one model serves every scale.

With the trunk of SPAN, the functions are added to an image that is four times as fine,
which the trunk's own last layer predicts; see `inr.upscaling.bases`.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, _conversions
from inr._typing import Array, ArrayLike, Size
from inr.color import rgb_to_luma
from inr.coords import neighbors
from inr.fields import streams
from inr.models import (
    Block,
    ConditionalModel,
    FeatureMap,
    FlatEncoder,
    SpanEncoder,
    register,
)
from inr.upscaling.bases import Subpixels, Unchanged
from inr.upscaling.waves import WaveHead, borders

Trunk = Literal["flat", "span"]


class _Parts(NamedTuple):
    """What a trunk stands for.

    Attributes:
      encoder: a module of a width and a number of blocks.
      base: see `inr.upscaling.bases`.
      mean: subtracted from the image, because the encoder pads with zeros.
    """

    encoder: type[FlatEncoder | SpanEncoder]
    base: type[Unchanged | Subpixels]
    mean: float


_PARTS: dict[Trunk, _Parts] = {
    "flat": _Parts(FlatEncoder, Unchanged, 0.5),
    "span": _Parts(SpanEncoder, Subpixels, 0.0),  # SPAN subtracts a mean itself.
}


@register("Upscaler")
class Upscaler(ConditionalModel):
    """Predicts colors at any point of an image, or their means over any cells.

    A conditional model: `inr.bind(upscaler, params, image)` is a field of RGB.

    Attributes:
      width: channels of the encoder.
      blocks: blocks of the encoder.
      waves: waves of each pixel's function; see `WaveHead`.
      gray: input and output have one channel, at a third of the cost.
      trunk: the encoder: `"flat"` is a `FlatEncoder`, `"span"` a `SpanEncoder` with
        the layer that predicts an image for scale 4.
      tail: channels of a convolution and a residual block after the encoder; 0 for
        none.
      gains: multiplies the waves by amplitudes that depend on the scale; see
        `WaveHead`.
    """

    width: int = 48
    blocks: int = 8
    waves: int = 32
    gray: bool = False
    trunk: Trunk = "flat"
    tail: int = 0
    gains: bool = False
    task = "upscale"

    def __post_init__(self):
        super().__post_init__()
        for name in ("width", "blocks", "waves"):
            _checks.as_count(name, getattr(self, name))
        _checks.check_choice("trunk", self.trunk, get_args(Trunk))
        _checks.as_count("tail", self.tail, least=0)
        for name in ("gray", "gains"):
            _checks.check_flag(name, getattr(self, name))

    def setup(self):
        parts = _PARTS[self.trunk]
        self.encoder = parts.encoder(self.width, self.blocks)
        self.subpixels = parts.base()  # the name in files
        if self.tail:
            self.widen = nn.Conv(self.tail, (3, 3))
            self.refine = Block(self.tail, activation=nn.relu)
        self.decoder = WaveHead(self.waves, self.gains)

    def for_image(self, image: Array | np.ndarray) -> "Upscaler":
        """The module with `gray` set for an image of one channel."""
        return self.clone(gray=image.shape[-1] == 1)

    @property
    def reach(self) -> int:
        """Radius of the receptive field, in pixels."""
        parts = _PARTS[self.trunk]
        encoder = parts.encoder(self.width, self.blocks, parent=None)
        # 1 for the decoder, which interpolates between neighboring pixels.
        decoder = 1 + (3 if self.tail else 0)
        return encoder.reach + max(decoder, parts.base.reach)

    def encode(self, image: ArrayLike) -> FeatureMap:
        """Coefficients at each pixel of an image `[h, w, 3]`, or `[h, w, 1]` if `gray`.

        Raises:
          ValueError: for an image of another shape, or one that is empty or not finite.
        """
        image = _conversions.as_image("image", image)
        if image.shape[-1] != (1 if self.gray else 3):
            expected = "gray, [h, w, 1]" if self.gray else "RGB, [h, w, 3]"
            fix = "`inr.upscale` also accepts gray images and an alpha channel."
            raise _checks.fail("image", expected, f"{image.shape}", fix)
        features, base = self._features(image)
        return self._feature_map(self.decoder.prepare(features), base)

    def encode_part(self, image: ArrayLike, inside: ArrayLike) -> FeatureMap:
        """The feature map of a part of an array, so that sizes share programs.

        Inside it equals, to float tolerance, `encode` of the part alone, and it
        continues beyond the part as that does beyond the image.

        Args:
          image: `[h, w, 3]`, or `[h, w, 1]` if `gray`; values outside have no effect.
          inside: bool `[h, w]`, True in a rectangle.
        """
        inside = jnp.asarray(inside)
        with nn.intercept_methods(_zero_outside(inside)):
            features, base = self._features(jnp.asarray(image))
        coefficients = self.decoder.continued(self.decoder.prepare(features), inside)
        fineness = base.shape[0] // inside.shape[0]
        for axis in range(2):
            first, last = borders(inside, axis)
            index = jnp.arange(base.shape[axis])
            index = index.clip(fineness * first, fineness * last + fineness - 1)
            base = jnp.take(base, index, axis)
        return self._feature_map(coefficients, base)

    def _features(self, image: Array) -> tuple[Array, Array]:
        """Features of the pixels, and the base."""
        rgb = jnp.broadcast_to(image, (*image.shape[:2], 3))
        features = self.encoder(rgb - _PARTS[self.trunk].mean)
        base = self.subpixels(image, features)
        if self.tail:
            features = self.refine(self.widen(features))
        return features, base

    def _feature_map(self, coefficients: Array, base: Array) -> FeatureMap:
        if self.gray:
            # Luma is linear in RGB, and RGB is linear in the coefficients.
            h, w, _ = coefficients.shape
            by_channel = coefficients.reshape(h, w, 3, -1).swapaxes(-1, -2)
            coefficients = rgb_to_luma(by_channel)[..., 0]
        return FeatureMap(coefficients, base)

    def __call__(
        self, coords: Array | streams.Cells, feature_map: FeatureMap | ArrayLike
    ) -> Array | streams.Cells:
        """RGB `[..., 3]`, or luma `[..., 1]` if `gray`, at coords `[..., 2]`.

        Not clipped. For `streams.Cells` the result holds means over the cells. `init`
        passes an image in place of the feature map.
        """
        if not isinstance(feature_map, FeatureMap):
            feature_map = self.encode(feature_map)
        features, base = feature_map
        size = features.shape[:2]
        center, cell = _boxes(coords, size)
        is_point = not isinstance(coords, streams.Cells)
        value = self.subpixels.sample(base, center, None if is_point else cell)
        for weight, index, distance in neighbors(center, size):
            residual = self.decoder(features[index], distance, cell)
            value = value + weight[..., None] * residual
        if isinstance(coords, streams.Cells):
            return streams.Cells(value, None)
        return value

    def pixels(self, feature_map: FeatureMap, scale: tuple[int, int]) -> Array:
        """Means over all pixels of a grid that is finer by whole numbers.

        Equal to `inr.render(..., antialias="integral")` at size `(scale[0] h, scale[1]
        w)`, and several times faster.

        Returns:
          `[scale[0] h, scale[1] w, k]`.
        """
        features, base = feature_map
        base = self.subpixels.enlarge(base, scale)
        return base + self.decoder.pixels(features, scale)


def _zero_outside(inside: Array) -> Callable[..., Any]:
    """Interceptor that makes the inputs of convolutions zero outside of a rectangle.

    A convolution then sees what it sees at the border of an image, which it pads.
    """

    def intercept(
        call: Callable[..., Any],
        inputs: tuple[Any, ...],
        options: dict[str, Any],
        context: nn.module.InterceptorContext,
    ) -> Any:
        if isinstance(context.module, nn.Conv) and context.method_name == "__call__":
            inputs = (jnp.where(inside[..., None], inputs[0], 0), *inputs[1:])
        return call(*inputs, **options)

    return intercept


def _boxes(coords: Array | streams.Cells, size: Size) -> tuple[Array, Array]:
    """Centers in coords and box sizes in pixels, `[..., 2]` each; size 0 for points."""
    if not isinstance(coords, streams.Cells):
        return coords, jnp.zeros((1,) * (coords.ndim - 1) + (2,), coords.dtype)
    # `widths` is the identity times the cell, because coords are seeded.
    assert coords.widths is not None
    widths = coords.widths.sum(0)
    scale = jnp.asarray(size, widths.dtype) / 2
    return coords.value, widths * scale.reshape((1,) * (widths.ndim - 1) + (2,))
