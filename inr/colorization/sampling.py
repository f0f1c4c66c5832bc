"""Samples of colors at any point, and presets of how to sample them.

Each point is sampled alone. Neighbors agree because their noise is one smooth field, so
a key gives the same picture at every size and in every region.
"""

import functools
from dataclasses import dataclass
from typing import Literal, TypedDict, cast

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr import _display, diffusion
from inr._typing import Array, ArrayLike, Key, Params
from inr.fields import BoundField

# At the cost of eight steps of DDIM, slightly more colorful, which is closer to truth.
DEFAULT_SAMPLER = diffusion.dpmpp(num_steps=8)

# Half of the image: points of one object then share their noise. With a quarter,
# backdrops get blots.
DEFAULT_LENGTH_SCALE = 1.0

Preset = Literal["ddpm", "ddim", "projected", "projected_fast", "default"]
"""Name of a set of sampling options in `PRESETS`."""

_START_WAVES, _STEP_WAVES = 256, 64
_GRAIN = 1e-3  # a length scale far below a pixel: noise is independent at every point


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("bound", "key", "guidance_scale"),
    meta_fields=("sampler", "length_scale", "hooks"),
)
@dataclass(frozen=True)
class SampledField:
    """A sample of colors as a field: coords `[..., 2]` to RGB `[..., 3]`.

    Attributes:
      bound: a `DiffusionRestorer` bound to an image.
      key: PRNG key of the sample.
      sampler: see `inr.diffusion`.
      length_scale: length over which the noise is smooth, in coords; see
        `inr.diffusion.draw_noise_field`.
      hooks: see `inr.diffusion.Hooks`.
      guidance_scale: see `inr.diffusion.guided`; None for no guidance.
    """

    bound: BoundField
    key: Key
    sampler: diffusion.Sampler
    length_scale: float
    hooks: diffusion.Hooks | None = None
    guidance_scale: float | Array | None = None

    def __call__(self, coords: ArrayLike) -> Array:
        coords = jnp.asarray(coords)
        model, params = self.bound.model, self.bound.params
        feature_map = self.bound.feature_map
        mean, condition = cast(
            tuple[Array, Array],
            model.apply(params, coords, feature_map, method="condition"),
        )
        noise = functools.partial(
            diffusion.field_noise,
            coords,
            features=model.channels,
            length_scale=self.length_scale,
        )
        denoiser = _Denoiser(model, params)
        if self.guidance_scale is not None:
            denoiser = diffusion.guided(
                denoiser, jnp.zeros_like(condition), guidance_scale=self.guidance_scale
            )
        start_key, step_key = jax.random.split(self.key)
        x0 = diffusion.sample(
            step_key,
            denoiser,
            noise(num_waves=_START_WAVES)(start_key),
            schedule=model.schedule,
            sampler=self.sampler,
            predicts=model.predicts,
            condition=condition,
            noise=noise(num_waves=_STEP_WAVES),
            hooks=self.hooks,
        )
        return model.to_rgb(x0, mean)

    def __repr__(self) -> str:
        return _display.attributes_text(self)


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=("params",), meta_fields=("model",)
)
@dataclass(frozen=True)
class _Denoiser:
    model: nn.Module
    params: Params

    def __call__(self, x: Array, t: Array, condition: Array) -> Array:
        inputs = (x, t, condition)
        return cast(Array, self.model.apply(self.params, *inputs, method="denoise"))


class SamplingOptions(TypedDict, total=False):
    """Options of `colorize_samples` that a preset sets."""

    sampler: diffusion.Sampler
    length_scale: float
    hooks: diffusion.Hooks


def _presets() -> dict[Preset, SamplingOptions]:
    # Every eighth of a hundred levels, the first and the last: 15 steps.
    eighth = tuple(int(10 * i + 9) for i in diffusion.every_kth_level(100, 8))
    projected = diffusion.Hooks(project_noise=True)
    ddim, ddpm = (diffusion.ddim(num_steps=100, eta=eta) for eta in (0.0, 1.0))
    fast = diffusion.ddim(eta=1.0, spacing=eighth)
    return {
        "ddpm": {"sampler": ddpm, "length_scale": _GRAIN},
        "ddim": {"sampler": ddim, "length_scale": _GRAIN},
        "projected": {"sampler": ddpm, "hooks": projected, "length_scale": _GRAIN},
        "projected_fast": {"sampler": fast, "hooks": projected, "length_scale": _GRAIN},
        "default": {"sampler": DEFAULT_SAMPLER},
    }


PRESETS = _presets()
"""Sampling options by name, as in `colorize_samples(key, gray, **PRESETS["ddim"])`.

- `"default"`: DPM-Solver++ in 8 steps. The noise is a smooth field, so that neighbors
  agree: colorful samples that differ from key to key.
- `"ddpm"`: 100 stochastic steps, with noise that is independent at every point. Grainy.
- `"ddim"`: 100 deterministic steps from such noise. Grainy.
- `"projected"`: as `"ddpm"`, with noise projection (`Hooks(project_noise=True)`), which
  removes the grain and most of the difference between samples: accurate and dull.
- `"projected_fast"`: the same in 15 steps.
"""
