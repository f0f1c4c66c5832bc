"""`colorize` and `colorize_samples`: from a gray image to color, at any size."""

import functools
import os
from dataclasses import replace

import jax
import jax.numpy as jnp

from inr import _checks
from inr._sharding import Devices
from inr._typing import Array, Field, ImageLike, Key, Region, Size
from inr.colorization.fields import (
    LumaChromaField,
    colorization_field,
    sampled_colorization_field,
)
from inr.colorization.sampling import (
    DEFAULT_LENGTH_SCALE,
    DEFAULT_SAMPLER,
    SampledField,
)
from inr.coords import region_size
from inr.diffusion import Hooks, Sampler
from inr.models import LoadedModel, as_gray
from inr.rendering import render


def colorize(
    gray: ImageLike,
    *,
    size: Size | None = None,
    region: Region | None = None,
    model: str | os.PathLike | LoadedModel = "photos",
    detail: str | os.PathLike | LoadedModel | None = "upscale",
    vividness: float | None = None,
    hints: ImageLike | None = None,
    max_bytes: int | None = None,
    progress: bool = True,
    sharding: Devices | None = None,
) -> Array:
    """Colorize a gray image or a region of it, at any size.

    An image with a side above 64 pixels, or above the `side` of your own model, keeps
    its luma exactly, before any clipping, and gains chroma. A smaller image also gains
    detail where the result is larger than the image: its luma is then that of the
    upscaler `detail`.

    The result is between the mean of the possible colors, which is duller than each of
    them, and the strongest of them: see `vividness`. `colorize_samples` draws some of
    them. `inr.colorization.colorization_field` is the result as a field, to evaluate at
    any point.

    Args:
      gray: `[h, w]` or `[h, w, 1]` in [0, 1], sRGB-encoded luma; uint8 and uint16
        arrays and PIL images are accepted too.
      size: `(h, w)` of the result; by default that of the image, or of its region.
      region: `((top, left), (bottom, right))`, as fractions of the image; None for all
        of it.
      model: name in `inr.pretrained.names()`, a file of `save_model`, or a
        `LoadedModel`. `"photos"` was trained on places, things and animals,
        `"portraits"` on heads and shoulders.
      detail: upscaler of a small image's luma, likewise; None for the luma that `model`
        predicts.
      vividness: from 0, the mean of the possible colors, which is dull and has the
        least squared error, to 1, strong colors that are often wrong. Only for a
        `HypercolumnColorizer`, such as `"photos"`; None for the model's own, 0.4.
      hints: `[h, w, 4]`, known colors as RGB with alpha 1, and alpha 0 elsewhere, of
        the size of `gray`. Their chroma spreads to what belongs to them, up to the
        edges of the image; see `inr.colorization.HintedField`.
      max_bytes: memory that rendering may allocate, see `inr.render`.
      progress: show a bar if rendering takes more than two seconds.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each computes some
        points of every tile; one encodes the image.

    Returns:
      RGB `[*size, 3]`, sRGB-encoded, not clipped.

    Raises:
      FileNotFoundError: if a file does not exist.
      ValueError: if the image is not gray, is empty or holds NaN; for an unknown model,
        or one of another task; for hints of another size, or none; or if `region` or
        `max_bytes` does not fit.
    """
    image = as_gray("gray", gray)
    size = _result_size(image, size, region)
    field = colorization_field(
        image, model=model, detail=detail, vividness=vividness, hints=hints
    )
    return _render(field, size, region, max_bytes, progress, sharding)


def colorize_samples(
    key: Key,
    gray: ImageLike,
    *,
    num_samples: int = 4,
    size: Size | None = None,
    region: Region | None = None,
    model: str | os.PathLike | LoadedModel = "portraits",
    sampler: Sampler = DEFAULT_SAMPLER,
    guidance_scale: float | None = None,
    length_scale: float = DEFAULT_LENGTH_SCALE,
    hooks: Hooks | None = None,
    sharding: Devices | None = None,
) -> Array:
    """Draw samples of the colors that a gray image may have, at any size.

    Sample i is that of the key `jax.random.split(key, num_samples)[i]`. A key gives the
    same colors at every size and in every region. Luma is as in `colorize`.
    `inr.colorization.PRESETS` has sets of sampling options; to evaluate a sample at any
    point, or render it in tiles of limited memory, see
    `inr.colorization.sampled_colorization_field`.

    Args:
      key: PRNG key.
      gray: `[h, w]` or `[h, w, 1]` in [0, 1], sRGB-encoded luma; uint8 and uint16
        arrays and PIL images are accepted too.
      num_samples: number of samples, n.
      size: `(h, w)` of the result; by default that of the image, or of its region.
      region: `((top, left), (bottom, right))`, as fractions of the image; None for all
        of it.
      model: name of a pretrained model that has diffusion weights (only `"portraits"`),
        a file of `save_model`, or a `LoadedModel`.
      sampler: sampler of `inr.diffusion`.
      guidance_scale: above 1 for colors that depend more strongly on the image, at
        twice the time; see `inr.diffusion.guided`. None for no guidance.
      length_scale: length over which the noise is smooth, in coords, in which the image
        spans 2. Infinity is one noise for all points; far below a pixel, samples are
        grainy.
      hooks: changes to the sampling run, see `inr.diffusion.Hooks`.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each samples some
        points of every tile; one encodes the image.

    Returns:
      RGB `[n, *size, 3]`, sRGB-encoded, not clipped.

    Raises:
      FileNotFoundError: if a file does not exist.
      ValueError: as `colorize`; if `num_samples` is below 1 or `length_scale` is not
        above 0; or for guidance with a model that was trained without `dropout`.
    """
    image = as_gray("gray", gray)
    size = _result_size(image, size, region)
    num_samples = _checks.as_count("num_samples", num_samples)
    keys = jax.random.split(_checks.as_key("key", key), num_samples)
    # The encoders run once. The samples differ in their keys alone.
    field = sampled_colorization_field(
        keys[0],
        image,
        model=model,
        sampler=sampler,
        guidance_scale=guidance_scale,
        length_scale=length_scale,
        hooks=hooks,
    )
    fields = (_with_key(field, sample_key) for sample_key in keys)
    draw = functools.partial(_render, size=size, region=region, sharding=sharding)
    return jnp.stack([draw(field) for field in fields])


def _result_size(image: Array, size: Size | None, region: Region | None) -> Size:
    """`size`, or by default the pixels that the region spans."""
    if size is not None:
        return _checks.as_size("size", size, 2)
    return region_size(image.shape[:2], region=region)


def _render(
    field: Field,
    size: Size,
    region: Region | None,
    max_bytes: int | None = None,
    progress: bool = True,
    sharding: Devices | None = None,
) -> Array:
    rgb = render(
        field,
        size,
        region=region,
        antialias="integral" if isinstance(field, LumaChromaField) else None,
        max_bytes=max_bytes,
        progress=progress,
        sharding=sharding,
    )
    return jnp.asarray(rgb)


def _with_key(field: Field, key: Key) -> Field:
    """The sample of another key, with the same feature maps."""
    if isinstance(field, LumaChromaField):
        return replace(field, chroma=_with_key(field.chroma, key))
    assert isinstance(field, SampledField)
    return replace(field, key=key)
