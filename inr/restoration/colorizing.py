"""`colorize`: a gray image in, its colours out, at any size and of any part."""

import os

import jax
import jax.numpy as jnp
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Region, Size
from inr.diffusion import Hooks, ddim
from inr.diffusion.tables import Sampler
from inr.fields.base import BoundField, bind
from inr.rendering import render
from inr.restoration.files import LoadedModel, resolve
from inr.restoration.restorer import Restorer
from inr.restoration.sampling import DiffusionRestorer, SampledField

# Of the noise, in coords: about what a garment or a sky spans in a picture.
LENGTH_SCALE = 0.5


def colorize(
    gray: Float[ArrayLike, "h w *one"],
    *,
    size: Size | None = None,
    region: Region | None = None,
    model: str | os.PathLike | LoadedModel = "portraits",
    sampler: Sampler | None = None,
    key: Key | None = None,
    num_samples: int | None = None,
    length_scale: float = LENGTH_SCALE,
    max_bytes: int | None = None,
    progress: bool = True,
) -> Array:
    """Colours of a gray image, all of it or a part, at any size.

    An image that is larger than those the model learnt from (`model.side`, 64 pixels)
    keeps its own luma exactly, before any clipping, and gains chroma; the encoder sees
    it reduced to that. A smaller one gains detail as well wherever it is enlarged.

    Without a sampler the result is the mean of what the colours may be, which is duller
    than any of them. With one it is a draw; another key draws others. See
    `bind_restorer` and `draw_restorer` for the two as fields, to call at any point.

    Args:
      gray: `[h, w]` or `[h, w, 1]` in [0, 1], sRGB-encoded luma.
      size: of the result; by default that of the image, or of its part.
      region: `((top, left), (bottom, right))`, as fractions of the image; by default
        all of it.
      model: a name in `inr.pretrained.names()`, a file that `save_model` wrote, or
        what `load_model` returns. With a sampler the name's diffusion weights are
        taken, `"portraits"` meaning `"portraits_diffusion"`.
      sampler: such as `inr.diffusion.ddim(num_steps=8)`.
      key: PRNG key of the draws, where a sampler is given.
      num_samples: how many, n; None for one without an axis of its own.
      length_scale: see `draw_restorer`.
      max_bytes: what rendering may allocate, see `inr.render`.
      progress: shows a bar if rendering takes more than two seconds.

    Returns:
      RGB `[*size, 3]`, sRGB-encoded, not clipped; `[n, *size, 3]` for `num_samples`.

    Raises:
      ValueError: for an image of another shape, one that is empty or holds NaN, for an
        unknown model or file, for a key or `num_samples` without a sampler, and a
        sampler without a key.
    """
    image = _as_gray(gray)
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
    options = {"region": region, "max_bytes": max_bytes, "progress": progress}
    if sampler is None:
        return render(bind_restorer(image, model=model), size, **options)
    count = 1 if num_samples is None else _checks.as_count("num_samples", num_samples)
    keys = [key] if num_samples is None else jax.random.split(key, count)
    draws = [
        render(
            draw_restorer(
                k, image, model=model, sampler=sampler, length_scale=length_scale
            ),
            size,
            **options,
        )
        for k in keys
    ]
    return draws[0] if num_samples is None else jnp.stack(draws)


def bind_restorer(
    gray: Float[ArrayLike, "h w *one"],
    *,
    model: str | os.PathLike | LoadedModel = "portraits",
) -> BoundField:
    """A gray image as a field of RGB: what `colorize` renders.

    Args:
      gray: `[h, w]` or `[h, w, 1]` in [0, 1], sRGB-encoded luma.
      model: as in `colorize`.

    Returns:
      A field of RGB `[..., 3]` over coords `[..., 2]`.

    Raises:
      ValueError: as `colorize`.
    """
    return _bound(_as_gray(gray), resolve(model, Restorer))


def draw_restorer(
    key: Key,
    gray: Float[ArrayLike, "h w *one"],
    *,
    model: str | os.PathLike | LoadedModel = "portraits",
    sampler: Sampler | None = None,
    length_scale: float = LENGTH_SCALE,
    hooks: Hooks | None = None,
) -> SampledField:
    """Colours that a gray image may have, as a field: a draw at any point.

    The key decides the draw. Its noise is a field too, so that the same colours are
    found at every size and in every part.

    Args:
      key: PRNG key of the draw.
      gray: `[h, w]` or `[h, w, 1]` in [0, 1], sRGB-encoded luma.
      model: as in `colorize`, of diffusion weights.
      sampler: by default `inr.diffusion.ddim(num_steps=8)`.
      length_scale: over which the noise is smooth, in coords, of which a picture spans
        2; infinity is one noise for all points, and far below a pixel it is grain.
      hooks: such as noise projection, see `inr.diffusion.Hooks`.

    Returns:
      A `SampledField`.

    Raises:
      ValueError: as `colorize`, and for a length that is not above 0.
    """
    name = model if isinstance(model, LoadedModel) else os.fspath(model)
    if isinstance(name, str) and not name.endswith(".safetensors"):
        name = f"{name}_diffusion"
    bound = _bound(_as_gray(gray), resolve(name, DiffusionRestorer))
    sampler = ddim(num_steps=8) if sampler is None else sampler
    return SampledField(bound, key, sampler, float(length_scale), hooks)


def _as_gray(gray: ArrayLike) -> Array:
    image = _checks.as_image("gray", gray)
    if image.shape[-1] != 1:
        fix = "Give `inr.color.rgb_to_luma(image)`."
        raise _checks.fail("gray", "[h, w] or [h, w, 1]", f"{image.shape}", fix)
    return image


def _bound(image: Array, loaded: LoadedModel) -> BoundField:
    module, params = loaded
    # Finer than the training's images: what is missing is colour, not detail.
    exact = max(image.shape[:2]) > module.side
    return bind(module.clone(exact_luma=exact), params, image)
