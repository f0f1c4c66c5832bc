"""Gray images as fields of color: the mean of the possible colors, or a sample."""

import functools
import os
from dataclasses import dataclass
from typing import TypeVar

import jax
import jax.numpy as jnp

from inr import _checks, pretrained
from inr._typing import Array, ArrayLike, Field, ImageLike, Key
from inr.colorization.hints import HintedField, as_hints, with_hints
from inr.colorization.sampling import (
    DEFAULT_LENGTH_SCALE,
    DEFAULT_SAMPLER,
    SampledField,
)
from inr.colorization.spaces import replace_luma
from inr.diffusion import Hooks, Sampler
from inr.fields import BoundField
from inr.models import LoadedModel, as_gray, resolve

_ColorField = TypeVar("_ColorField", bound=BoundField | HintedField | SampledField)


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=("chroma", "luma"), meta_fields=()
)
@dataclass(frozen=True)
class LumaChromaField:
    """Luma of one field and chroma of another: coords `[..., 2]` to RGB `[..., 3]`.

    Attributes:
      luma: a field of luma `[..., 1]` with closed-form means over cells.
      chroma: a field of RGB; its luma is not used.
    """

    luma: BoundField
    chroma: Field

    def __call__(self, coords: ArrayLike) -> Array:
        coords = jnp.asarray(coords)
        return replace_luma(self.chroma(coords), self.luma(coords))

    def cell_mean(self, coords: ArrayLike, cell: ArrayLike) -> Array:
        """RGB `[..., 3]` with the mean luma over boxes of size `cell` `[2]`."""
        coords = jnp.asarray(coords)
        return replace_luma(self.chroma(coords), self.luma.cell_mean(coords, cell))


def colorization_field(
    gray: ImageLike,
    *,
    model: str | os.PathLike | LoadedModel = "photos",
    detail: str | os.PathLike | LoadedModel | None = "upscale",
    vividness: float | None = None,
    hints: ImageLike | None = None,
) -> BoundField | HintedField | LumaChromaField:
    """The field of RGB that `colorize` renders.

    Args:
      gray: `[h, w]` or `[h, w, 1]` in [0, 1], sRGB-encoded luma; uint8 and uint16
        arrays and PIL images are accepted too.
      model: as in `colorize`.
      detail: as in `colorize`.
      vividness: as in `colorize`.
      hints: as in `colorize`.

    Returns:
      A field of RGB `[..., 3]` over coords `[..., 2]`. For an image that `detail`
      applies to it is a `LumaChromaField`; render that with `antialias="integral"`.

    Raises:
      FileNotFoundError, ValueError: as `colorize`.
    """
    image = as_gray("gray", gray)
    loaded = resolve(model, "colorize")
    if vividness is not None:
        loaded = _with_vividness(loaded, vividness)
    field = loaded.bind(image)
    if hints is not None:
        field = with_hints(field, image, as_hints(hints, image.shape[:2]))
    return _with_detail(field, image, loaded, detail)


def sampled_colorization_field(
    key: Key,
    gray: ImageLike,
    *,
    model: str | os.PathLike | LoadedModel = "portraits",
    detail: str | os.PathLike | LoadedModel | None = "upscale",
    sampler: Sampler = DEFAULT_SAMPLER,
    guidance_scale: float | None = None,
    length_scale: float = DEFAULT_LENGTH_SCALE,
    hooks: Hooks | None = None,
) -> SampledField | LumaChromaField:
    """A field of RGB that `colorize_samples` renders: one sample of the colors.

    The noise is a field too, so the sample is the same at every size and in every
    region.

    Args:
      key: PRNG key of the sample.
      gray: as in `colorization_field`.
      model: as in `colorize_samples`.
      detail: as in `colorize`.
      sampler: as in `colorize_samples`.
      guidance_scale: as in `colorize_samples`.
      length_scale: as in `colorize_samples`.
      hooks: as in `colorize_samples`.

    Returns:
      A field of RGB `[..., 3]` over coords `[..., 2]`. For an image that `detail`
      applies to it is a `LumaChromaField`; render that with `antialias="integral"`.

    Raises:
      FileNotFoundError, ValueError: as `colorize_samples`.
    """
    image = as_gray("gray", gray)
    loaded = resolve(_diffusion_weights(model), "colorize_samples")
    if guidance_scale is not None and loaded.model.dropout == 0:
        fix = "Guidance needs a model that was trained with `dropout` above 0."
        raise _checks.fail("guidance_scale", "None for this model", guidance_scale, fix)
    key = _checks.as_key("key", key)
    _checks.check_type("sampler", sampler, Sampler)
    length_scale = _checks.as_number("length_scale", length_scale, finite=False)
    if not length_scale > 0:
        raise _checks.fail("length_scale", "a number above 0", length_scale)
    if hooks is not None:
        _checks.check_type("hooks", hooks, Hooks)
    if guidance_scale is not None:
        _checks.as_real("guidance_scale", guidance_scale)
    bound = loaded.bind(image)
    field = SampledField(bound, key, sampler, length_scale, hooks, guidance_scale)
    return _with_detail(field, image, loaded, detail)


def _with_vividness(loaded: LoadedModel, vividness: float) -> LoadedModel:
    """The model with another vividness."""
    vividness = _checks.as_fraction("vividness", vividness)
    if not hasattr(loaded.model, "vividness"):
        name = type(loaded.model).__name__
        fix = "Use a model that predicts a distribution: a `HypercolumnColorizer`."
        raise _checks.fail("vividness", f"None for a {name}", vividness, fix)
    return loaded._replace(model=loaded.model.clone(vividness=vividness))


def _diffusion_weights(
    model: str | os.PathLike | LoadedModel,
) -> str | os.PathLike | LoadedModel:
    """The pretrained diffusion model of a name such as "portraits"; others as is."""
    name = f"{model}_diffusion"
    return name if isinstance(model, str) and name in pretrained.names() else model


def _with_detail(
    field: _ColorField,
    image: Array,
    loaded: LoadedModel,
    detail: str | os.PathLike | LoadedModel | None,
) -> _ColorField | LumaChromaField:
    """The field, with upscaled luma if the image is no larger than those of training.

    A larger image has all of its detail and lacks only color.
    """
    if detail is None or max(image.shape[:2]) > getattr(loaded.model, "side", 0):
        return field
    upscaler = resolve(detail, "upscale", argument="detail")
    return LumaChromaField(upscaler.bind(image), field)
