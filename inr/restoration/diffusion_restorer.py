"""The network that colors are drawn by, see `inr.restoration.sampling`.

Notation. A restorer gives a gray image its luma and its mean chroma. c is how far
chroma (Cb, Cr) at a point is from that mean, and x0 = c / deviation is what is
diffused: x_t = a_t x0 + s_t eps, see `inr.diffusion.process`. So draws differ about the
mean, which needs not be learned again. At each point a denoiser sees what is known
there, the mean, the level t and x_t, and predicts v = a_t eps - s_t x0, which unlike
eps is defined where no signal is left [Salimans and Ho 2022, arXiv:2202.00512]. By
option c is chroma itself, or RGB less one half, and eps or x0 is what is predicted.

What is known is a map of features by an encoder that sees the mean beside the gray
image. In training means are best taken from restorers that have not seen the picture:
on those that it was trained on a restorer errs less than elsewhere, and nobody can
learn from them how far it is off.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, diffusion
from inr._typing import Array, ArrayLike
from inr.color import rgb_to_ycbcr, ycbcr_to_rgb
from inr.coords import grid, sample_grid
from inr.restoration.encoder import Encoder, FeatureMap, as_gray
from inr.restoration.restorer import Restorer, blocks, features_at

_LEVELS = 1000
_BANDS = 6  # of the code for the level: wavelengths from 2 down to 1/16 of all levels
_CHROMA = 0.08  # its deviation, about


class GuessMap(NamedTuple):
    """What an image is to a `DiffusionRestorer`.

    Attributes:
      features: `[h, w, k]`, of the image and the restorer's mean.
      image: `[h, w, 1]`, as it is.
      restored: the restorer's features, `[h, w, k]`.
    """

    features: Array
    image: Array
    restored: Array


class DiffusionRestorer(nn.Module):
    """Gray image to a distribution of colors at any point.

    A conditional model whose further inputs are x_t and the level: `inr.bind(model,
    params, image)(coords, x, t)` predicts v. `sampled` makes a field of RGB of it.

    Attributes:
      widths, blocks, trunk, width, depth, side, exact_luma, space: as of `Restorer`;
        the decoder and the denoiser have the same width and depth.
      diffused: `"residual"`, of chroma about the mean; `"chroma"`; or `"rgb"`, where
        the luma is not the restorer's.
      deviation: of that, about, as its unit: 0.08 suits chroma, and a quarter RGB.
      predicts: `"v"`, `"x0"` or `"eps"`, of which the last is not for levels without
        signal: the schedule then ends with a little.
      dropout: share of points that are trained as if nothing were known of them, which
        guidance needs.
    """

    widths: tuple[int, ...] = (32, 64, 96, 128)
    blocks: int = 1
    trunk: bool = False
    width: int = 96
    depth: int = 3
    side: int = 64
    exact_luma: bool = False
    space: str = "ycbcr"
    diffused: str = "residual"
    deviation: float = 0.03
    predicts: str = "v"
    dropout: float = 0.0

    def __post_init__(self):
        _checks.check_choice("diffused", self.diffused, ("residual", "chroma", "rgb"))
        _checks.check_choice("predicts", self.predicts, ("v", "x0", "eps"))
        super().__post_init__()

    @property
    def schedule(self) -> diffusion.Schedule:
        """Cosine, its last level without signal: samples start as in training."""
        return _schedule(self.predicts)

    @property
    def channels(self) -> int:
        """Of what is diffused."""
        return 3 if self.diffused == "rgb" else 2

    def setup(self):
        self.restorer = Restorer(
            self.widths,
            self.blocks,
            self.trunk,
            self.width,
            self.depth,
            self.side,
            self.exact_luma,
            self.space,
        )
        self.known = Known(self.width)
        self.denoiser = Denoiser(self.width, self.depth, self.channels)
        self.encoder = Encoder(self.widths, self.blocks)

    def encode(self, image: ArrayLike, guess: Array | None = None) -> GuessMap:
        """What is known of a gray image `[h, w, 1]`, for any point.

        A training may give the chroma `[side, side, 2]` that is to be taken for the
        restorer's mean.
        """
        image = as_gray("image", image)
        restored = self.restorer.encode(image)
        seen = self.restorer.seen(image)
        if guess is None:
            pixels = grid(seen.shape[:2])
            guess = rgb_to_ycbcr(self.restorer(pixels, restored))[..., 1:]
        features = self.encoder(jnp.concatenate([seen, guess / _CHROMA], -1))
        return GuessMap(features, image, restored.features)

    def condition(
        self, coords: Array, feature_map: GuessMap, guess: Array | None = None
    ) -> tuple[Array, Array]:
        """The restorer's YCbCr `[..., 3]`, and what the denoiser knows `[..., k]`.

        A training may give the chroma `[..., 2]` of that mean.
        """
        features, image, restored = feature_map
        luma = sample_grid(image, coords, interpolation="cubic")
        if guess is None:
            mean = rgb_to_ycbcr(self.restorer(coords, FeatureMap(restored, image)))
        else:
            mean = jnp.concatenate([luma, guess], -1)
        seen = jnp.concatenate([luma, mean[..., 1:]], -1)
        return mean, self.known(coords, features, seen)

    def denoise(self, x: Array, t: Array, known: Array) -> Array:
        """The prediction for x_t, both `[..., channels]`; t a scalar or `[...]`."""
        return self.denoiser(x, t, known)

    def to_x0(self, rgb: Array, mean: Array) -> Array:
        """What is diffused of RGB `[..., 3]`, beside the restorer's YCbCr."""
        if self.diffused == "rgb":
            return (rgb - 0.5) / self.deviation
        return (rgb_to_ycbcr(rgb)[..., 1:] - self._about(mean)) / self.deviation

    def to_rgb(self, x0: Array, mean: Array) -> Array:
        """The RGB that x0 means, beside the restorer's YCbCr."""
        if self.diffused == "rgb":
            return 0.5 + self.deviation * x0
        chroma = self._about(mean) + self.deviation * x0
        return ycbcr_to_rgb(jnp.concatenate([mean[..., :1], chroma], -1))

    def _about(self, mean: Array) -> Array:
        chroma = mean[..., 1:]
        return chroma if self.diffused == "residual" else jnp.zeros_like(chroma)

    def __call__(
        self,
        coords: Array,
        feature_map: GuessMap | ArrayLike,
        x: Array,
        t: Array,
    ) -> Array:
        """The prediction `[..., channels]` at coords `[..., 2]`.

        In place of the feature map an image is encoded first, as `init` needs it.
        """
        if not isinstance(feature_map, GuessMap):
            feature_map = self.encode(feature_map)
        return self.denoise(x, t, self.condition(coords, feature_map)[1])


@functools.cache
def _schedule(predicts: str) -> diffusion.Schedule:
    schedule = diffusion.cosine_schedule(_LEVELS)
    return schedule if predicts == "eps" else diffusion.zero_terminal_snr(schedule)


class Known(nn.Module):
    """What is known of a point besides the level and x_t, in one vector.

    Attributes:
      width: its length.
    """

    width: int

    @nn.compact
    def __call__(self, coords: Array, features: Array, mean: Array) -> Array:
        """`[..., width]` at coords, of the map's features and the mean YCbCr there."""
        seen = features_at(coords, features, mean[..., :1], self.width)
        return seen + nn.Dense(self.width, name="mean")(mean[..., 1:] / _CHROMA)


class Denoiser(nn.Module):
    """What is predicted at a point.

    Attributes:
      width: units of each layer.
      depth: residual blocks.
      channels: of x_t, and of what is predicted.
    """

    width: int
    depth: int
    channels: int

    @nn.compact
    def __call__(self, x: Array, t: Array, known: Array) -> Array:
        """For x_t `[..., channels]` at level t, a scalar or `[...]`."""
        level = _level(jnp.asarray(t), x)
        gate = nn.Dense(self.width, kernel_init=nn.initializers.zeros, name="gate")
        inputs = nn.Dense(self.width, name="input")(jnp.concatenate([x, level], -1))
        made = blocks(known * (1 + gate(level)) + inputs, self.depth)
        zeros = nn.initializers.zeros
        return nn.Dense(self.channels, kernel_init=zeros, name="v")(nn.gelu(made))


def _level(t: Array, x: Array) -> Array:
    """A code for the level `[..., 2 _BANDS]`, at every point of x."""
    share = t.astype(jnp.float32) / (_LEVELS - 1)
    share = share.reshape(*share.shape, *(1,) * (x.ndim - share.ndim))
    waves = jnp.concatenate([np.pi * 2.0**i * share for i in range(_BANDS)], -1)
    code = jnp.concatenate([jnp.sin(waves), jnp.cos(waves)], -1)
    return jnp.broadcast_to(code, (*x.shape[:-1], code.shape[-1]))
