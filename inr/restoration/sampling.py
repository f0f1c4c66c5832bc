"""Colour by sampling: one of the chromas that a gray image may have, at any point.

Notation. A restorer gives a gray image its map of features, its luma and its mean
chroma. c is how far chroma (Cb, Cr) at a point is from that mean, and x0 = c /
deviation is what is diffused: x_t = a_t x0 + s_t eps, see `inr.diffusion.process`. So
draws differ about the mean, which needs not be learnt again. At each point a denoiser
sees what is known there, the mean, the level t and x_t, and predicts v = a_t eps - s_t
x0, which unlike eps is defined where no signal is left [Salimans and Ho 2022,
arXiv:2202.00512]. By option c is chroma itself, or RGB less one half, and eps or x0 is
what is predicted.

Points do not see each other. Neighbours agree since their noise is one field, so a key
draws the same picture at every size and of every part.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, diffusion
from inr._typing import Array, ArrayLike, Key
from inr.color import rgb_to_ycbcr, ycbcr_to_rgb
from inr.diffusion.tables import Sampler
from inr.fields import BoundField
from inr.restoration.encoder import FeatureMap
from inr.restoration.restorer import Restorer, blocks, features_at

_LEVELS = 1000
_BANDS = 6  # of the code for the level: wavelengths from 2 down to 1/16 of all levels
_START_WAVES, _STEP_WAVES = 256, 64
_CHROMA = 0.08  # its deviation, about
_GRAIN = 1e-3  # far below a pixel of any picture that is restored


class DiffusionRestorer(nn.Module):
    """Gray image to a distribution of colours at any point.

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

    def encode(self, image: ArrayLike) -> FeatureMap:
        """Features of a gray image `[h, w, 1]`, as the restorer's."""
        return self.restorer.encode(image)

    def condition(self, coords: Array, feature_map: FeatureMap) -> tuple:
        """The restorer's YCbCr `[..., 3]`, and what the denoiser knows `[..., k]`."""
        mean = rgb_to_ycbcr(self.restorer(coords, feature_map))
        known = self.known(coords, feature_map.features, mean)
        return mean, known

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
        self, coords: Array, feature_map: FeatureMap | ArrayLike, x: Array, t: Array
    ) -> Array:
        """The prediction `[..., channels]` at coords `[..., 2]`.

        In place of the feature map an image is encoded first, as `init` needs it.
        """
        if not isinstance(feature_map, FeatureMap):
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


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("bound", "key", "guidance_scale"),
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
      guidance_scale: see `inr.diffusion.guided`; None for none.
    """

    bound: BoundField
    key: Key
    sampler: Sampler
    length_scale: float
    hooks: diffusion.Hooks | None = None
    guidance_scale: float | Array | None = None

    def __call__(self, coords: ArrayLike) -> Array:
        coords = jnp.asarray(coords)
        model, params = self.bound.model, self.bound.params
        mean, known = model.apply(
            params, coords, self.bound.feature_map, method="condition"
        )
        draw = functools.partial(
            diffusion.field_noise,
            coords,
            features=model.channels,
            length_scale=self.length_scale,
        )
        denoiser = _PointDenoiser(model, params)
        if self.guidance_scale is not None:
            denoiser = diffusion.guided(
                denoiser, jnp.zeros_like(known), guidance_scale=self.guidance_scale
            )
        start_key, step_key = jax.random.split(self.key)
        x0 = diffusion.sample(
            step_key,
            denoiser,
            draw(num_waves=_START_WAVES)(start_key),
            schedule=model.schedule,
            sampler=self.sampler,
            predicts=model.predicts,
            condition=known,
            noise=draw(num_waves=_STEP_WAVES),
            hooks=self.hooks,
        )
        return model.to_rgb(x0, mean)


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=("params",), meta_fields=("model",)
)
@dataclass(frozen=True)
class _PointDenoiser:
    model: DiffusionRestorer
    params: dict

    def __call__(self, x: Array, t: Array, known: Array) -> Array:
        return self.model.apply(self.params, x, t, known, method="denoise")


def _presets() -> dict[str, dict[str, Any]]:
    # A hundred levels, of which K = 8 visits each eighth, and the two at the ends.
    eighth = tuple(int(10 * i + 9) for i in diffusion.every_kth_level(100, 8))
    projected = {"hooks": diffusion.Hooks(project_noise=True), "length_scale": _GRAIN}
    hundred = functools.partial(diffusion.ddim, num_steps=100)
    return {
        "ddpm": {"sampler": hundred(eta=1.0), "length_scale": _GRAIN},
        "ddim": {"sampler": hundred(), "length_scale": _GRAIN},
        "a": {"sampler": hundred(eta=1.0), **projected},
        "b": {"sampler": diffusion.ddim(eta=1.0, spacing=eighth), **projected},
        "ours": {"sampler": diffusion.ddim(num_steps=8)},
    }


# Options of `colorize` and `draw_restorer` by name. The first four are how a point-wise
# restorer was sampled before, each point with noise of its own; `noise_projection`
# there is `project_noise` here.
PRESETS = _presets()
