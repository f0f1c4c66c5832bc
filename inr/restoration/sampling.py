"""Color by sampling: one of the chromas that a gray image may have, at any point.

Points do not see each other. Neighbors agree since their noise is one field, so a key
draws the same picture at every size and of every part.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from inr import diffusion
from inr._typing import Array, ArrayLike, Key
from inr.diffusion.tables import Sampler
from inr.fields import BoundField
from inr.restoration.diffusion_restorer import DiffusionRestorer

# A little more colorful, as the truth is, than eight steps of DDIM, at its cost.
DEFAULT_SAMPLER = diffusion.dpmpp(num_steps=8)

_START_WAVES, _STEP_WAVES = 256, 64
_GRAIN = 1e-3  # far below a pixel of any picture that is restored


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("bound", "key", "guidance_scale"),
    meta_fields=("sampler", "length_scale", "hooks"),
)
@dataclass(frozen=True)
class SampledField:
    """A draw of colors as a field: coords `[..., 2]` to RGB `[..., 3]`.

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
        "ours": {"sampler": DEFAULT_SAMPLER},
    }


# Options of `colorize` and `draw_restorer` by name. The first four are how a point-wise
# restorer was sampled before, each point with noise of its own; `noise_projection`
# there is `project_noise` here.
PRESETS = _presets()
