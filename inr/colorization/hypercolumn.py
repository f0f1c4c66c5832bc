"""Colors from hypercolumns: a distribution of the chroma from the features of VGG16.

Notation. The trunk is VGG16, trained on ImageNet and frozen. It reads the gray
image at about `resolution` x `resolution` pixels. The hypercolumn of a cell of 4 x 4 of
these pixels is the outputs of the trunk's five stages there. Perceptrons map principal
components of the hypercolumn, and their means over the image, to logits of K bins of
(Cb, Cr).

References:
  Larsson et al. 2016, Learning representations for automatic colorization.
  Zhang et al. 2016, Colorful image colorization (bins, rebalancing, annealed mean).
  Menon et al. 2021, Long-tail learning via logit adjustment (rebalancing afterwards).
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from inr import _checks, _display, _vgg16
from inr._encoding import encode
from inr._field_checks import check_params
from inr._typing import Array, ArrayLike, Params
from inr.color import ycbcr_to_rgb
from inr.colorization.flat_image import FlatImage, flatten, resize
from inr.colorization.guided import guided_coefficients
from inr.coords import sample_grid
from inr.models import ConditionalModel, FeatureMap, as_gray, register

CELL = 4  # pixels along each side of a cell
_TRUNK = "vgg16"  # collection of the trunk's weights
_STRIDE = 16  # of the last stage; the trunk's input is a multiple of it
_STRONGEST = 0.75  # above it, rare colors win, and neighbors take different ones


class FlatFeatureMap(NamedTuple):
    """Feature map whose shape depends little on the size of the image.

    Attributes:
      features: coefficients on the grid of the trunk's input, as a list.
      image: the image, as a list of pixels.
    """

    features: FlatImage
    image: FlatImage

    def __repr__(self) -> str:
        return _display.attributes_text(self)


@register("HypercolumnColorizer")
class HypercolumnColorizer(ConditionalModel):
    """Gray image to color, by classification of hypercolumns [Larsson et al. 2016].

    A conditional model: `inr.bind(model, params, image)` is a field of RGB with the
    luma of the image. Within a window, chroma is linear in luma, so colors end at the
    edges of the image at every size.

    Attributes:
      components: principal components of each of the five stages.
      width: units of a perceptron's layers.
      depth: hidden layers of a perceptron.
      heads: perceptrons, whose logits are averaged.
      bins: bins of chroma.
      resolution: square root of the number of pixels that the trunk reads.
      confidence: exponent of the probabilities of the perceptrons. The rest of it, up
        to 1, is that of the frequencies of colors in training, so that values below 1
        move an overconfident prediction towards them.
      vividness: 0 for the mean of the possible colors; above it, the mean of a
        distribution of lower temperature, which at 1 is a quarter.
      rebalancing: exponent, times 0.75 `vividness`, of the frequencies of colors that
        the probabilities are divided by; more than 0 makes rare colors more likely.
    """

    components: tuple[int, ...] = (24, 40, 64, 96, 96)
    width: int = 384
    depth: int = 2
    heads: int = 5
    bins: int = 128
    resolution: int = 256
    confidence: float = 0.8
    vividness: float = 0.4
    rebalancing: float = 1.0
    side: ClassVar[int] = 64  # longer side of images whose luma needs detail
    task = "colorize"
    image_channels = 1

    def __post_init__(self):
        super().__post_init__()
        _checks.as_size("components", self.components, 5)
        for name in ("width", "depth", "heads", "bins", "resolution"):
            _checks.as_count(name, getattr(self, name), least=1)
        _checks.as_fraction("confidence", self.confidence)
        _checks.as_fraction("vividness", self.vividness)
        _checks.as_not_negative("rebalancing", self.rebalancing)

    def setup(self):
        self.trunk = self.variable(_TRUNK, "layers", _vgg16.pretrained_layers)
        self.projection = [nn.Dense(k) for k in self.components]
        self.perceptron = [
            Perceptron(self.width, self.depth, self.bins) for _ in range(self.heads)
        ]
        # Bins of a trained model come from its training images.
        self.colors = self.param("colors", nn.initializers.normal(0.1), (self.bins, 2))
        self.log_prior = self.param("log_prior", nn.initializers.zeros, (self.bins,))

    def shared_variables(self) -> dict[str, Any]:
        """The weights of VGG16 that come with the library."""
        return {_TRUNK: {"layers": _vgg16.pretrained_layers()}}

    def encode(self, image: ArrayLike) -> FeatureMap:
        """Coefficients of chroma as a function of luma, for a gray image `[h, w, 1]`.

        Raises:
          ValueError: if the image has another shape or dtype.
        """
        image = as_gray("image", image)
        gray = image
        size = _trunk_size(image.shape, self.resolution)
        if size != image.shape[:2]:
            gray = jax.image.resize(image, (*size, 1), "cubic").clip(0, 1)
        return FeatureMap(self.coefficients(gray), image)

    def encode_on_host(self, params: Params, image: ArrayLike) -> FlatFeatureMap:
        """As `encode`, with programs that images of many sizes share."""
        image = np.asarray(as_gray("image", image))
        gray = image
        size = _trunk_size(image.shape, self.resolution)
        if size != image.shape[:2]:
            gray = resize(image, size).clip(0, 1)
        features = np.asarray(encode(self, params, gray, method="coefficients"))
        # Rounding makes the trunk's input a little larger or smaller.
        length = max(5 * self.resolution**2 // 4, features[..., 0].size)
        next_power = 1 << (image.size - 1).bit_length()
        return FlatFeatureMap(flatten(features, length), flatten(image, next_power))

    def coefficients(self, gray: Array) -> Array:
        """Slopes and offsets `[h, w, 4]` of chroma, for the input of the trunk."""
        gray = jnp.asarray(gray)
        chroma = self.chroma(self.logits(hypercolumns(self.trunk.value, gray)))
        size = (*gray.shape[:2], 2)
        return guided_coefficients(gray, jax.image.resize(chroma, size, "linear"))

    def __call__(
        self, coords: Array, feature_map: FeatureMap | FlatFeatureMap | ArrayLike
    ) -> Array:
        """RGB `[..., 3]` at coords `[..., 2]`, not clipped.

        An image in place of the feature map is encoded first, which `init` relies on.
        """
        if not isinstance(feature_map, FeatureMap | FlatFeatureMap):
            feature_map = self.encode(feature_map)
        coefficients, image = map(_sampler, feature_map)
        luma = image(coords, interpolation="cubic")
        slope, offset = jnp.split(coefficients(coords, interpolation="linear"), 2, -1)
        chroma = slope * luma + offset
        return ycbcr_to_rgb(jnp.concatenate([luma, chroma], -1))

    def project(self, hypercolumns: Array) -> Array:
        """Principal components `[..., k]` of the five stages of hypercolumns."""
        ends = np.cumsum([_vgg16.WIDTHS[i] for i in _vgg16.STAGES])
        stages = jnp.split(hypercolumns, ends[:-1], -1)
        parts = zip(self.projection, stages, strict=True)
        return jnp.concatenate([dense(stage) for dense, stage in parts], -1)

    def log_probabilities(self, inputs: Array) -> Array:
        """Those of the bins, by each perceptron: `[heads, ..., bins]`.

        Args:
          inputs: `[..., 2 k]`, components, and their means over the image.
        """
        outputs = [jax.nn.log_softmax(head(inputs)) for head in self.perceptron]
        return jnp.stack(outputs)

    def logits(self, hypercolumns: Array) -> Array:
        """Logits of the bins `[h, w, bins]` from those `[h, w, 1472]` of an image."""
        x = self.project(hypercolumns)
        mean = jnp.broadcast_to(x.mean((0, 1), keepdims=True), x.shape)
        outputs = self.log_probabilities(jnp.concatenate([x, mean], -1)).mean(0)
        log_prior = self.log_prior[None, None]
        return self.confidence * outputs + (1 - self.confidence) * log_prior

    def chroma(self, logits: Array) -> Array:
        """Annealed mean `[..., 2]` of the colors of logits `[..., bins]`."""
        strength = _STRONGEST * self.vividness
        rare = strength * self.rebalancing * self.log_prior
        rare = rare.reshape((1,) * (logits.ndim - 1) + (-1,))
        return jax.nn.softmax((logits - rare) / (1 - strength)) @ self.colors


class Perceptron(nn.Module):
    """Dense layers with GELU.

    Attributes:
      width: units of the hidden layers.
      depth: hidden layers.
      outputs: units of the last layer.
    """

    width: int
    depth: int
    outputs: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """`[..., outputs]` of `[..., k]`."""
        for i in range(self.depth):
            x = nn.gelu(nn.Dense(self.width, name=f"hidden_{i}")(x))
        return nn.Dense(self.outputs, name="output")(x)


def hypercolumns(layers: Mapping[str, Any], gray: Array) -> Array:
    """Square roots of the outputs of VGG16's five stages, on a grid of cells.

    The square root evens out the long tails of the features.

    Args:
      layers: weights of the trunk, of `_vgg16.pretrained_layers`.
      gray: `[h, w, 1]` in [0, 1], with sides that are multiples of 16.

    Returns:
      `[h / 4, w / 4, 1472]`, without a gradient.
    """
    x = _vgg16.standardize(jnp.broadcast_to(gray, (*gray.shape[:2], 3)))

    def convolution(i: int, x: Array) -> Array:
        layer = layers[str(i)]
        return _vgg16.convolve(x, layer["kernel"], layer["bias"])

    outputs = [y[0] for y in _vgg16.features(x[None], convolution)]
    size = tuple(n // CELL for n in gray.shape[:2])
    stages = [_on_grid(outputs[i], size) for i in _vgg16.STAGES]
    return lax.stop_gradient(jnp.sqrt(jnp.concatenate(stages, -1)))


def check_hypercolumn_params(model: Any, params: Any) -> None:
    """Raise unless params are those of a `HypercolumnColorizer`."""
    _checks.check_type("model", model, HypercolumnColorizer)
    check_params(model, params)
    expected = {f"perceptron_{i}" for i in range(model.heads)}
    expected |= {f"projection_{i}" for i in range(5)} | {"colors", "log_prior"}
    if params["params"].keys() != expected:
        raise _checks.fail(
            "params", "those of `init_hypercolumns`", f"{[*params['params']]}"
        )


def _sampler(values: Array | FlatImage) -> Callable[..., Array]:
    if isinstance(values, FlatImage):
        return values.sample
    return functools.partial(sample_grid, values)


def _trunk_size(shape: Sequence[int], resolution: int) -> tuple[int, ...]:
    """Size with about `resolution` squared pixels, sides multiples of 16."""
    # A longer image than 4 : 1 would have a side of hardly any features.
    aspect = min(max(math.sqrt(shape[0] / shape[1]), 0.5), 2.0)
    return tuple(
        max(round(resolution * x / _STRIDE), 1) * _STRIDE for x in (aspect, 1 / aspect)
    )


def _on_grid(features: Array, size: tuple[int, ...]) -> Array:
    """Features `[h, w, k]` on a grid: means of cells, or bilinear interpolation."""
    h, _, k = features.shape
    if h > size[0]:
        factor = h // size[0]
        cells = features.reshape(size[0], factor, size[1], factor, k)
        return cells.mean((1, 3))
    return jax.image.resize(features, (*size, k), "linear")
