"""Colour by sampling: one of the chromas that a gray image may have, at any point.

Notation. c is chroma (Cb, Cr) at a point, and x0 = c / deviation is what is diffused:
x_t = a_t x0 + s_t eps, see `inr.diffusion.process`. A restorer gives a gray image its
map of features, its luma and its mean chroma; at each point a denoiser sees what is
known there, that mean, the level t and x_t, and predicts v = a_t eps - s_t x0, which
unlike eps is defined where no signal is left [Salimans and Ho 2022, arXiv:2202.00512].

Points do not see each other. Neighbours agree since their noise is one field, so a key
draws the same picture at every size and of every part.
"""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import diffusion
from inr._typing import Array, ArrayLike, Key
from inr.color import rgb_to_ycbcr, ycbcr_to_rgb
from inr.diffusion.tables import Sampler
from inr.fields import BoundField
from inr.restoration.encoder import FeatureMap
from inr.restoration.restorer import Restorer, blocks, features_at

# Without signal at the end: a sample starts from noise alone, as it was trained.
SCHEDULE = diffusion.zero_terminal_snr(diffusion.cosine_schedule(1000))

_BANDS = 6  # of the code for the level: wavelengths from 2 down to 1/16 of all levels
_START_WAVES, _STEP_WAVES = 256, 64


class DiffusionRestorer(nn.Module):
    """Gray image to a distribution of colours at any point.

    A conditional model whose further inputs are x_t and the level: `inr.bind(model,
    params, image)(coords, x, t)` predicts v. `sampled` makes a field of RGB of it.

    Attributes:
      widths, blocks, trunk, width, depth, side, exact_luma: as of `Restorer`; the
        decoder and the denoiser have the same width and depth.
      deviation: of chroma, about; it is diffused in units of it.
    """

    widths: tuple[int, ...] = (32, 64, 96, 128)
    blocks: int = 1
    trunk: bool = False
    width: int = 96
    depth: int = 3
    side: int = 64
    exact_luma: bool = False
    deviation: float = 0.08

    def setup(self):
        self.restorer = Restorer(
            self.widths,
            self.blocks,
            self.trunk,
            self.width,
            self.depth,
            self.side,
            self.exact_luma,
        )
        self.known = Known(self.width)
        self.denoiser = Denoiser(self.width, self.depth)

    def encode(self, image: ArrayLike) -> FeatureMap:
        """Features of a gray image `[h, w, 1]`, as the restorer's."""
        return self.restorer.encode(image)

    def condition(self, coords: Array, feature_map: FeatureMap) -> tuple:
        """The restorer's YCbCr `[..., 3]`, and what the denoiser knows `[..., k]`."""
        mean = rgb_to_ycbcr(self.restorer(coords, feature_map))
        known = self.known(coords, feature_map.features, mean, self.deviation)
        return mean, known

    def denoise(self, x: Array, t: Array, known: Array) -> Array:
        """v `[..., 2]` for x_t `[..., 2]`; t is a level, a scalar or `[...]`."""
        return self.denoiser(x, t, known)

    def __call__(
        self, coords: Array, feature_map: FeatureMap | ArrayLike, x: Array, t: Array
    ) -> Array:
        """v `[..., 2]` at coords `[..., 2]`.

        In place of the feature map an image is encoded first, as `init` needs it.
        """
        if not isinstance(feature_map, FeatureMap):
            feature_map = self.encode(feature_map)
        return self.denoise(x, t, self.condition(coords, feature_map)[1])


class Known(nn.Module):
    """What is known of a point besides the level and x_t, in one vector.

    Attributes:
      width: its length.
    """

    width: int

    @nn.compact
    def __call__(
        self, coords: Array, features: Array, mean: Array, deviation: float
    ) -> Array:
        """`[..., width]` at coords, of the map's features and the mean YCbCr there."""
        seen = features_at(coords, features, mean[..., :1], self.width)
        return seen + nn.Dense(self.width, name="mean")(mean[..., 1:] / deviation)


class Denoiser(nn.Module):
    """v at a point.

    Attributes:
      width: units of each layer.
      depth: residual blocks.
    """

    width: int
    depth: int

    @nn.compact
    def __call__(self, x: Array, t: Array, known: Array) -> Array:
        """v `[..., 2]` for x_t `[..., 2]` at level t, a scalar or `[...]`."""
        level = _level(jnp.asarray(t), x)
        gate = nn.Dense(self.width, kernel_init=nn.initializers.zeros, name="gate")
        inputs = nn.Dense(self.width, name="input")(jnp.concatenate([x, level], -1))
        made = blocks(known * (1 + gate(level)) + inputs, self.depth)
        zeros = nn.initializers.zeros
        return nn.Dense(2, kernel_init=zeros, name="v")(nn.gelu(made))


def _level(t: Array, x: Array) -> Array:
    """A code for the level `[..., 2 _BANDS]`, at every point of x."""
    share = t.astype(jnp.float32) / (len(SCHEDULE) - 1)
    share = share.reshape(*share.shape, *(1,) * (x.ndim - share.ndim))
    waves = jnp.concatenate([np.pi * 2.0**i * share for i in range(_BANDS)], -1)
    code = jnp.concatenate([jnp.sin(waves), jnp.cos(waves)], -1)
    return jnp.broadcast_to(code, (*x.shape[:-1], code.shape[-1]))


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("bound", "key"),
    meta_fields=("sampler", "length_scale", "hooks"),
)
@dataclass(frozen=True)
class SampledField:
    """A draw of colours as a field: coords `[..., 2]` to RGB `[..., 3]`.

    Attributes:
      bound: a `DiffusionRestorer` bound to its image.
      key: of the draw.
      sampler: see `inr.diffusion`.
      length_scale: of the noise, in coords; see `inr.diffusion.draw_noise_field`.
      hooks: see `inr.diffusion.Hooks`.
    """

    bound: BoundField
    key: Key
    sampler: Sampler
    length_scale: float
    hooks: diffusion.Hooks | None = None

    def __call__(self, coords: ArrayLike) -> Array:
        coords = jnp.asarray(coords)
        model, params = self.bound.model, self.bound.params
        mean, known = model.apply(
            params, coords, self.bound.feature_map, method="condition"
        )
        draw = functools.partial(
            diffusion.field_noise, coords, features=2, length_scale=self.length_scale
        )
        start_key, step_key = jax.random.split(self.key)
        x0 = diffusion.sample(
            step_key,
            _PointDenoiser(model, params),
            draw(num_waves=_START_WAVES)(start_key),
            schedule=SCHEDULE,
            sampler=self.sampler,
            predicts="v",
            condition=known,
            noise=draw(num_waves=_STEP_WAVES),
            hooks=self.hooks,
        )
        chroma = model.deviation * x0
        return ycbcr_to_rgb(jnp.concatenate([mean[..., :1], chroma], -1))


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=("params",), meta_fields=("model",)
)
@dataclass(frozen=True)
class _PointDenoiser:
    model: DiffusionRestorer
    params: dict

    def __call__(self, x: Array, t: Array, known: Array) -> Array:
        return self.model.apply(self.params, x, t, known, method="denoise")
