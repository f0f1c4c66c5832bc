"""An image at any scale: around each of its pixels a small field, and what they add.

Notation. Lengths are in pixels of the image `[h, w, 3]`, whose values lie in [0, 1],
sRGB-encoded. An encoder gives each pixel i the coefficients of a function of the
distance d from its centre; the value at a point is the image there, by cubic
interpolation, plus the functions of the four pixels around it, weighted as in linear
interpolation (the local ensemble of Chen et al. 2021, arXiv:2012.09161).

A pixel that is wanted is an area, not a point: asked for the mean over cells
(`render(antialias="integral")`), functions damp what the cell averages away, so one
model serves every scale.
"""

import math

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike, Size
from inr.color import rgb_to_luma
from inr.coords import neighbors, sample_grid
from inr.fields.sine import sine
from inr.fields.streams import Cells
from inr.restoration.encoder import FeatureMap, FlatEncoder

HEADS = ("waves", "mlp")

# Of the waves at first, in radians a pixel: the finest that 3 pixels in place of one
# can hold. They are learnt.
_HIGHEST = 3 * np.pi


class Upscaler(nn.Module):
    """Image to colour at any point of it, or as the mean over any cell.

    A conditional model: `inr.bind(upscaler, params, image)` is a field of RGB.

    Attributes:
      width: channels of the encoder.
      blocks: residual blocks of the encoder.
      head: what a pixel's function is. `"waves"`: a sum of waves of learnt frequencies,
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
        # The head's own convolution, and the interpolation's second neighbour.
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
            # Luma is linear in colours, and these are in the coefficients.
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
        centre, cell = _boxes(coords, image.shape[:2])
        value = sample_grid(image, centre, method="cubic")
        for weight, index, distance in neighbors(centre, image.shape[:2]):
            made = self.decoder(features[index], distance, cell)
            if self.gray and self.head == "mlp":
                made = rgb_to_luma(made)
            value = value + weight[..., None] * made
        return Cells(value, None) if isinstance(coords, Cells) else value


class WaveHead(nn.Module):
    """A pixel's function as a sum of waves with frequencies that all pixels share.

    f(d) = c_0 + sum_j a_j cos(w_j . d) + b_j sin(w_j . d), its mean over a box of size
    s in closed form: each wave times the product over the axes of sinc(w_j s / 2). The
    coefficients are the encoder's; the frequencies are learnt, as in Thera [Becker et
    al. 2025, arXiv:2311.17643], whose waves decay with the scale instead, as heat does.

    Attributes:
      waves: how many.
    """

    waves: int

    def setup(self):
        self.frequencies = self.param("frequencies", _spiral, (self.waves, 2))
        small = nn.initializers.variance_scaling(1e-4, "fan_in", "truncated_normal")
        self.coefficients = nn.Dense(3 * (2 * self.waves + 1), kernel_init=small)

    def prepare(self, features: Array) -> Array:
        """Coefficients `[h, w, 3 (2 waves + 1)]` of features `[h, w, k]`."""
        return self.coefficients(nn.relu(features))

    def __call__(self, coefficients: Array, distance: Array, cell: Array) -> Array:
        """`[..., k]` at distances `[..., 2]`, as means over boxes of size cell.

        k is 3, or less for coefficients of fewer channels.
        """
        w = self.frequencies
        phase = distance @ w.T
        damping = 1.0
        for axis in range(2):
            widths = cell[..., axis : axis + 1] @ w[:, axis : axis + 1].T
            damping = damping * jnp.sinc(widths / (2 * np.pi))
        waves = (damping * sine(phase + np.pi / 2), damping * sine(phase))
        basis = jnp.concatenate([jnp.ones_like(phase[..., :1]), *waves], -1)
        per_channel = coefficients.reshape(
            *coefficients.shape[:-1], -1, basis.shape[-1]
        )
        return (per_channel * basis[..., None, :]).sum(-1)


class MLPHead(nn.Module):
    """A pixel's function as a small network of distance and cell [Chen et al. 2021].

    The features of the 3 x 3 pixels around are its input too.

    Attributes:
      units: of each of three layers.
    """

    units: int

    def setup(self):
        # A dense layer on the 3 x 3 pixels' features, at the pixels, which are fewer
        # than the points.
        self.around = nn.Conv(self.units, (3, 3))
        self.place = nn.Dense(self.units)
        self.layers = [nn.Dense(self.units) for _ in range(2)]
        small = nn.initializers.variance_scaling(1e-4, "fan_in", "truncated_normal")
        self.colour = nn.Dense(3, kernel_init=small)

    def prepare(self, features: Array) -> Array:
        """The first layer's part that does not depend on the point, `[h, w, units]`."""
        return self.around(nn.relu(features))

    def __call__(self, around: Array, distance: Array, cell: Array) -> Array:
        """`[..., 3]` at distances `[..., 2]`, as pixels of size cell."""
        cell = jnp.broadcast_to(cell, distance.shape)
        x = nn.relu(around + self.place(jnp.concatenate([distance, cell], -1)))
        for layer in self.layers:
            x = nn.relu(layer(x))
        return self.colour(x)


def _spiral(key: Array, shape: tuple[int, int]) -> Array:
    """Frequencies spread evenly over half a disc; the other half is the same waves."""
    del key
    j = np.arange(shape[0]) + 0.5
    radius = _HIGHEST * np.sqrt(j / shape[0])
    angle = np.pi * (j * (math.sqrt(5) - 1) / 2 % 1)
    at = np.stack([radius * np.sin(angle), radius * np.cos(angle)], -1)
    return jnp.asarray(at, jnp.float32)


def _boxes(coords: Array | Cells, size: Size) -> tuple[Array, Array]:
    """Centres, and sizes in pixels `[..., 2]`, which are zero for mere points."""
    if not isinstance(coords, Cells):
        return coords, jnp.zeros((1,) * (coords.ndim - 1) + (2,), coords.dtype)
    # Of the identity times the cell, in coords.
    widths = coords.widths.sum(0)
    scale = jnp.asarray(size, widths.dtype) / 2
    return coords.value, widths * scale.reshape((1,) * (widths.ndim - 1) + (2,))
