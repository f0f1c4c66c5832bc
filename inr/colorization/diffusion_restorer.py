"""The diffusion restorer: a distribution of colors at any point of a gray image.

Notation. A restorer predicts luma and mean chroma of a gray image. c is the difference
of the chroma (Cb, Cr) at a point from that mean, and x0 = c / deviation is the variable
that is diffused: x_t = a_t x0 + s_t eps, see `inr.diffusion`. So samples differ about
the mean, which the denoiser need not learn. At each point the denoiser gets a condition
(features, position, luma and mean chroma), the level t, and x_t. It predicts
v = a_t eps - s_t x0, which unlike eps is defined at levels without signal [Salimans and
Ho 2022, arXiv:2202.00512]. By option, c is the chroma itself or RGB - 1/2, and the
prediction is eps or x0.

The condition reads the features of an encoder whose input is the gray image and the
mean chroma. For training, take mean chroma from restorers that were not trained on the
same images: on its training images a restorer is more accurate than on others, and the
denoiser would underestimate its errors.
"""

import functools
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, diffusion
from inr._typing import Array, ArrayLike
from inr.color import rgb_to_ycbcr, ycbcr_to_rgb
from inr.colorization.restorer import (
    Restorer,
    RestorerBase,
    point_features,
    residual_blocks,
    restorer_options,
)
from inr.coords import grid, sample_grid
from inr.models import Encoder, FeatureMap, as_gray, register

Diffused = Literal["residual", "chroma", "rgb"]
"""The variable that is diffused; see `DiffusionRestorer`."""

Predicts = Literal["v", "x0", "eps"]
"""Prediction of the denoiser; see `inr.diffusion.Predicts`."""

_NUM_LEVELS = 1000
_BANDS = 6  # of the code of a level: wavelengths from 2 down to 1/16 of all levels
_CHROMA_STD = 0.08  # standard deviation of chroma, approximately


class DiffusionFeatureMap(NamedTuple):
    """Encoder output of a `DiffusionRestorer`.

    Attributes:
      features: `[h, w, k]`, of the image and the mean chroma.
      image: `[h, w, 1]`, the input image.
      restorer_features: `[h, w, k]`, features of the restorer.
    """

    features: Array
    image: Array
    restorer_features: Array


@register("DiffusionRestorer")
class DiffusionRestorer(RestorerBase):
    """Gray image to a distribution of colors at any point.

    A conditional model with two more inputs, x_t and the level: `inr.bind(model,
    params, image)(coords, x, t)` is the prediction of the denoiser. `SampledField`
    turns it into a field of RGB.

    Attributes:
      widths, blocks, trunk, width, depth, side, exact_luma, space: as of `Restorer`.
        The decoder and the denoiser have the same width and depth.
      diffused: `"residual"`, the difference of chroma from the mean; `"chroma"`; or
        `"rgb"`, which also samples luma.
      deviation: approximate standard deviation of the diffused variable, its unit; 0.08
        for chroma and 0.25 for RGB.
      predicts: `"v"`, `"x0"` or `"eps"`. With `"eps"` the last level of the schedule
        has some signal left.
      dropout: fraction of the points that are trained without condition. Guidance
        needs a value above 0.
    """

    diffused: Diffused = "residual"
    deviation: float = 0.03
    predicts: Predicts = "v"
    dropout: float = 0.0
    task = "colorize_samples"

    def __post_init__(self):
        _checks.check_choice("diffused", self.diffused, get_args(Diffused))
        _checks.check_choice("predicts", self.predicts, get_args(Predicts))
        _checks.as_positive("deviation", self.deviation)
        _checks.as_fraction("dropout", self.dropout)
        super().__post_init__()

    @property
    def schedule(self) -> diffusion.Schedule:
        """Cosine schedule. Its last level has no signal, as the start of a sample."""
        return _schedule(self.predicts)

    @property
    def channels(self) -> int:
        """Channels of the diffused variable."""
        return 3 if self.diffused == "rgb" else 2

    def example_inputs(self) -> tuple[Any, ...]:
        """Inputs of `init` behind the key, as shapes: coords, an image, x_t and t."""
        shapes = ((1, self.channels), ())
        inputs = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)
        return (*super().example_inputs(), *inputs)

    def setup(self):
        self.restorer = Restorer(**restorer_options(self))
        self.point_condition = PointCondition(self.width)
        self.denoiser = PointDenoiser(self.width, self.depth, self.channels)
        self.encoder = Encoder(self.widths, self.blocks)

    def encode(
        self, image: ArrayLike, mean_chroma: Array | None = None
    ) -> DiffusionFeatureMap:
        """Feature maps of a gray image `[h, w, 1]`.

        With `mean_chroma` `[h', w', 2]`, at the pixels of the encoder's input, that is
        used in place of the restorer's prediction.

        Raises:
          ValueError: if the image has another shape or dtype.
        """
        image = as_gray("image", image)
        restorer_map = self.restorer.encode(image)
        encoder_input = self.restorer.encoder_input(image)
        if mean_chroma is None:
            pixels = grid((encoder_input.shape[0], encoder_input.shape[1]))
            mean = self.restorer(pixels, restorer_map)
            mean_chroma = rgb_to_ycbcr(mean)[..., 1:]
        inputs = jnp.concatenate([encoder_input, mean_chroma / _CHROMA_STD], -1)
        return DiffusionFeatureMap(self.encoder(inputs), image, restorer_map.features)

    def condition(
        self,
        coords: Array,
        feature_map: DiffusionFeatureMap,
        mean_chroma: Array | None = None,
    ) -> tuple[Array, Array]:
        """Mean YCbCr `[..., 3]`, and the condition of the denoiser `[..., k]`.

        With `mean_chroma` `[..., 2]`, that is used in place of the restorer's
        prediction, and luma is that of the image.
        """
        features, image, restorer_features = feature_map
        luma = sample_grid(image, coords, interpolation="cubic")
        if mean_chroma is None:
            restorer_map = FeatureMap(restorer_features, image)
            mean = rgb_to_ycbcr(self.restorer(coords, restorer_map))
        else:
            mean = jnp.concatenate([luma, mean_chroma], -1)
        inputs = jnp.concatenate([luma, mean[..., 1:]], -1)
        return mean, self.point_condition(coords, features, inputs)

    def denoise(self, x: Array, t: Array, condition: Array) -> Array:
        """Prediction for x_t, both `[..., channels]`; t is a scalar or `[...]`."""
        return self.denoiser(x, t, condition)

    def to_x0(self, rgb: Array, mean: Array) -> Array:
        """The diffused variable of RGB `[..., 3]`, given the mean YCbCr `[..., 3]`."""
        if self.diffused == "rgb":
            return (rgb - 0.5) / self.deviation
        return (rgb_to_ycbcr(rgb)[..., 1:] - self._center(mean)) / self.deviation

    def to_rgb(self, x0: Array, mean: Array) -> Array:
        """RGB of the diffused variable, given the mean YCbCr; inverse of `to_x0`."""
        if self.diffused == "rgb":
            return 0.5 + self.deviation * x0
        chroma = self._center(mean) + self.deviation * x0
        return ycbcr_to_rgb(jnp.concatenate([mean[..., :1], chroma], -1))

    def _center(self, mean: Array) -> Array:
        """Chroma at x0 = 0."""
        chroma = mean[..., 1:]
        return chroma if self.diffused == "residual" else jnp.zeros_like(chroma)

    # The two further inputs are those of `BoundField.__call__`.
    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        coords: Array,
        feature_map: DiffusionFeatureMap | ArrayLike,
        x: Array,
        t: Array,
    ) -> Array:
        """Prediction `[..., channels]` of the denoiser at coords `[..., 2]`.

        An image in place of the feature map is encoded first, which `init` relies on.
        """
        if not isinstance(feature_map, DiffusionFeatureMap):
            feature_map = self.encode(feature_map)
        return self.denoise(x, t, self.condition(coords, feature_map)[1])


@functools.cache
def _schedule(predicts: Predicts) -> diffusion.Schedule:
    schedule = diffusion.cosine_schedule(_NUM_LEVELS)
    return schedule if predicts == "eps" else diffusion.zero_terminal_snr(schedule)


class PointCondition(nn.Module):
    """Condition of a point: one vector of features, position, luma and mean chroma.

    Attributes:
      width: its length.
    """

    width: int

    @nn.compact
    def __call__(self, coords: Array, features: Array, mean: Array) -> Array:
        """`[..., width]` of a map's features and mean YCbCr `[..., 3]` at coords."""
        x = point_features(coords, features, mean[..., :1], self.width)
        return x + nn.Dense(self.width, name="mean")(mean[..., 1:] / _CHROMA_STD)


class PointDenoiser(nn.Module):
    """Denoiser of a point.

    Attributes:
      width: units of each layer.
      depth: residual blocks.
      channels: channels of x_t and of the prediction.
    """

    width: int
    depth: int
    channels: int

    @nn.compact
    def __call__(self, x: Array, t: Array, condition: Array) -> Array:
        """Prediction for x_t `[..., channels]` at level t, a scalar or `[...]`."""
        level = _level_code(jnp.asarray(t), x)
        gate = nn.Dense(self.width, kernel_init=nn.initializers.zeros, name="gate")
        inputs = nn.Dense(self.width, name="input")(jnp.concatenate([x, level], -1))
        y = residual_blocks(condition * (1 + gate(level)) + inputs, self.depth)
        zeros = nn.initializers.zeros
        return nn.Dense(self.channels, kernel_init=zeros, name="v")(nn.gelu(y))


def _level_code(t: Array, x: Array) -> Array:
    """Code of the level, `[..., 2 _BANDS]`, at every point of x."""
    fraction = t.astype(jnp.float32) / (_NUM_LEVELS - 1)
    fraction = fraction.reshape(*fraction.shape, *(1,) * (x.ndim - fraction.ndim))
    waves = [np.pi * 2.0**i * fraction for i in range(_BANDS)]
    waves = jnp.concatenate(waves, -1)
    code = jnp.concatenate([jnp.sin(waves), jnp.cos(waves)], -1)
    return jnp.broadcast_to(code, (*x.shape[:-1], code.shape[-1]))
