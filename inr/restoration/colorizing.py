"""`colorize`: a gray image in, its colors out, at any size and of any part."""

import functools
import os
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike, Field, Key, Region, Size
from inr.diffusion import Hooks
from inr.diffusion.tables import Sampler
from inr.fields.base import BoundField, bind
from inr.rendering import render
from inr.restoration.colorizers import Colorizer
from inr.restoration.diffusion_restorer import DiffusionRestorer
from inr.restoration.encoder import as_gray
from inr.restoration.files import LoadedModel, resolve
from inr.restoration.fully_connected import DenseColorizer, PatchColorizer
from inr.restoration.restorer import Restorer
from inr.restoration.sampling import DEFAULT_SAMPLER, SampledField
from inr.restoration.spaces import with_luma
from inr.restoration.upscaler import Upscaler

DEFAULT_MODEL, DEFAULT_DIFFUSION_MODEL = "photos", "portraits"

COLORIZERS = (Colorizer, DenseColorizer, PatchColorizer)

# Of the noise, in coords: half a picture. Points that are one thing then share their
# noise; of a quarter, backdrops get blots.
LENGTH_SCALE = 1.0


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=("color", "detail"), meta_fields=()
)
@dataclass(frozen=True)
class DetailedField:
    """Chroma of one field with another as luma: coords `[..., 2]` to RGB `[..., 3]`.

    Attributes:
      color: a field of RGB, of which chroma is taken.
      detail: a field of luma `[..., 1]` that has means over cells.
    """

    color: Field
    detail: BoundField

    def __call__(self, coords: ArrayLike) -> Array:
        return self._joined(self.detail(coords), coords)

    def cell_mean(self, coords: ArrayLike, cell: ArrayLike) -> Array:
        """RGB `[..., 3]` with the mean luma over boxes of size `cell` `[2]`."""
        return self._joined(self.detail.cell_mean(coords, cell), coords)

    def _joined(self, luma: Array, coords: ArrayLike) -> Array:
        return with_luma(luma, self.color(coords))


def colorize(
    gray: Float[ArrayLike, "h w *one"],
    *,
    size: Size | None = None,
    region: Region | None = None,
    model: str | os.PathLike | LoadedModel | None = None,
    detail: str | os.PathLike | LoadedModel | None = "upscale",
    sampler: Sampler | None = None,
    key: Key | None = None,
    num_samples: int | None = None,
    length_scale: float = LENGTH_SCALE,
    hooks: Hooks | None = None,
    guidance_scale: float | None = None,
    max_bytes: int | None = None,
    progress: bool = True,
) -> Array:
    """Colors of a gray image, all of it or a part, at any size.

    An image that is larger than those the model learned from (`model.side`, 64 pixels)
    keeps its own luma exactly, before any clipping, and gains chroma; the encoder sees
    it reduced to that. A smaller one gains detail as well wherever it is enlarged: its
    luma is an upscaler's, and only its chroma the restorer's.

    Without a sampler the result is the mean of what the colors may be, which is duller
    than any of them. With one it is a draw; another key draws others. See
    `bind_restorer` and `draw_restorer` for the two as fields, to call at any point.

    Args:
      gray: `[h, w]` or `[h, w, 1]` in [0, 1], sRGB-encoded luma.
      size: of the result; by default that of the image, or of its part.
      region: `((top, left), (bottom, right))`, as fractions of the image; by default
        all of it.
      model: a name in `inr.pretrained.names()`, a file that `save_model` wrote, or
        what `load_model` returns; by default `"photos"`. With a sampler the name's
        diffusion weights are taken: only `"portraits"` has such, the default then.
      detail: the upscaler of a small image's luma, likewise; None for what the restorer
        itself makes of it.
      sampler: such as `inr.diffusion.dpmpp(num_steps=8)`.
      key: PRNG key of the draws, where a sampler is given.
      num_samples: how many, n; None for one without an axis of its own.
      length_scale: see `draw_restorer`.
      hooks: see `draw_restorer`.
      guidance_scale: see `draw_restorer`.
      max_bytes: what rendering may allocate, see `inr.render`.
      progress: shows a bar if rendering takes more than two seconds.

    Returns:
      RGB `[*size, 3]`, sRGB-encoded, not clipped; `[n, *size, 3]` for `num_samples`.

    Raises:
      ValueError: for an image of another shape, one that is empty or holds NaN, for an
        unknown model or file, for a key or `num_samples` without a sampler, and a
        sampler without a key.
    """
    image = as_gray("gray", gray)
    if (sampler is None) != (key is None) or (sampler is None and num_samples):
        raise ValueError(
            "`sampler`, `key` and `num_samples` must be given together: without a "
            "sampler nothing is drawn, and `key` decides what it draws."
        )
    if size is None:
        h, w, _ = image.shape
        (top, left), (bottom, right) = _checks.as_region(
            "region", region or ((0.0, 0.0), (1.0, 1.0)), 2
        )
        size = (max(round(h * (bottom - top)), 1), max(round(w * (right - left)), 1))

    def rendered(field: Field) -> Array:
        return render(
            field,
            size,
            region=region,
            antialias="integral" if isinstance(field, DetailedField) else None,
            max_bytes=max_bytes,
            progress=progress,
        )

    if model is None:
        model = DEFAULT_MODEL if sampler is None else DEFAULT_DIFFUSION_MODEL
    chosen = {"model": model, "detail": detail}
    if sampler is None:
        return rendered(bind_restorer(image, **chosen))
    chosen |= {
        "sampler": sampler,
        "length_scale": length_scale,
        "hooks": hooks,
        "guidance_scale": guidance_scale,
    }
    count = 1 if num_samples is None else _checks.as_count("num_samples", num_samples)
    keys = [key] if num_samples is None else jax.random.split(key, count)
    # The encoders run once; a draw is another key on the same maps.
    first = draw_restorer(keys[0], image, **chosen)
    draws = [rendered(_with_key(first, k)) for k in keys]
    return draws[0] if num_samples is None else jnp.stack(draws)


def bind_restorer(
    gray: Float[ArrayLike, "h w *one"],
    *,
    model: str | os.PathLike | LoadedModel = DEFAULT_MODEL,
    detail: str | os.PathLike | LoadedModel | None = "upscale",
) -> BoundField | DetailedField:
    """A gray image as a field of RGB: what `colorize` renders.

    Args:
      gray: `[h, w]` or `[h, w, 1]` in [0, 1], sRGB-encoded luma.
      model: as in `colorize`.
      detail: as in `colorize`.

    Returns:
      A field of RGB `[..., 3]` over coords `[..., 2]`; for a small image a
      `DetailedField`, to be rendered with `antialias="integral"`.

    Raises:
      ValueError: as `colorize`.
    """
    image = as_gray("gray", gray)
    loaded = resolve(model, Restorer, *COLORIZERS)
    bound = _bound(image, loaded)
    return _detailed(bound, _is_fine(image, loaded), image, detail)


def draw_restorer(
    key: Key,
    gray: Float[ArrayLike, "h w *one"],
    *,
    model: str | os.PathLike | LoadedModel = DEFAULT_DIFFUSION_MODEL,
    detail: str | os.PathLike | LoadedModel | None = "upscale",
    sampler: Sampler | None = None,
    length_scale: float = LENGTH_SCALE,
    hooks: Hooks | None = None,
    guidance_scale: float | None = None,
) -> SampledField | DetailedField:
    """Colors that a gray image may have, as a field: a draw at any point.

    The key decides the draw. Its noise is a field too, so that the same colors are
    found at every size and in every part.

    Args:
      key: PRNG key of the draw.
      gray: `[h, w]` or `[h, w, 1]` in [0, 1], sRGB-encoded luma.
      model: as in `colorize`, of diffusion weights.
      detail: as in `colorize`.
      sampler: by default `inr.diffusion.dpmpp(num_steps=8)`.
      length_scale: over which the noise is smooth, in coords, of which a picture spans
        2; infinity is one noise for all points, and far below a pixel it is grain.
      hooks: such as noise projection, see `inr.diffusion.Hooks`.
      guidance_scale: above 1 for colors that the image speaks for more, at twice the
        cost; see `inr.diffusion.guided`.

    Returns:
      A `SampledField`, for a small image as a `DetailedField`.

    Raises:
      ValueError: as `colorize`, for a length that is not above 0, and for guidance of
        a model that was trained without `dropout`.
    """
    name = model if isinstance(model, LoadedModel) else os.fspath(model)
    if isinstance(name, str) and not name.endswith(".safetensors"):
        name = f"{name}_diffusion"
    image = as_gray("gray", gray)
    loaded = resolve(name, DiffusionRestorer)
    bound = _bound(image, loaded)
    sampler = DEFAULT_SAMPLER if sampler is None else sampler
    if guidance_scale is not None and bound.model.dropout == 0:
        fix = "This model does not know how to draw without its image."
        raise _checks.fail("guidance_scale", "None", guidance_scale, fix)
    length_scale = float(length_scale)
    drawn = SampledField(bound, key, sampler, length_scale, hooks, guidance_scale)
    return _detailed(drawn, _is_fine(image, loaded), image, detail)


def _with_key(field: SampledField | DetailedField, key: Key) -> Field:
    if isinstance(field, DetailedField):
        return replace(field, color=_with_key(field.color, key))
    return replace(field, key=key)


def _detailed(
    field: Field,
    is_fine: bool,
    image: Array,
    detail: str | os.PathLike | LoadedModel | None,
) -> Field:
    if is_fine or detail is None:
        return field
    module, params = resolve(detail, Upscaler)
    return DetailedField(field, bind(module.clone(gray=True), params, image))


def _bound(image: Array, loaded: LoadedModel) -> BoundField:
    module, params = loaded
    if isinstance(module, Restorer | DiffusionRestorer):
        module = module.clone(exact_luma=_is_fine(image, loaded))
    return bind(module, params, image)


def _is_fine(image: Array, loaded: LoadedModel) -> bool:
    """Finer than the training's images: what is missing is color, not detail."""
    return max(image.shape[:2]) > loaded.model.side
