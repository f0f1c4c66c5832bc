"""`colorize`: a gray image in, its colours out, at any size and of any part."""

import os

from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike, Region, Size
from inr.fields.base import BoundField, bind
from inr.rendering import render
from inr.restoration.files import LoadedModel, resolve
from inr.restoration.restorer import Restorer


def colorize(
    gray: Float[ArrayLike, "h w *one"],
    *,
    size: Size | None = None,
    region: Region | None = None,
    model: str | os.PathLike | LoadedModel = "portraits",
    max_bytes: int | None = None,
    progress: bool = True,
) -> Array:
    """Colours of a gray image, all of it or a part, at any size.

    An image that is larger than those the model learnt from (`model.side`, 64 pixels)
    keeps its own luma exactly, before any clipping, and gains chroma; the encoder sees
    it reduced to that. A smaller one gains detail as well wherever it is enlarged.
    See `bind_restorer` for the two as fields, to call at any point.

    Args:
      gray: `[h, w]` or `[h, w, 1]` in [0, 1], sRGB-encoded luma.
      size: of the result; by default that of the image, or of its part.
      region: `((top, left), (bottom, right))`, as fractions of the image; by default
        all of it.
      model: a name in `inr.pretrained.names()`, a file that `save_model` wrote, or
        what `load_model` returns.
      max_bytes: what rendering may allocate, see `inr.render`.
      progress: shows a bar if rendering takes more than two seconds.

    Returns:
      RGB `[*size, 3]`, sRGB-encoded, not clipped.

    Raises:
      ValueError: for an image of another shape, one that is empty or holds NaN, and
        for an unknown model or file.
    """
    field = bind_restorer(gray, model=model)
    if size is None:
        h, w, _ = field.feature_map.image.shape
        (top, left), (bottom, right) = _checks.as_region(
            "region", region or ((0.0, 0.0), (1.0, 1.0)), 2
        )
        size = (max(round(h * (bottom - top)), 1), max(round(w * (right - left)), 1))
    return render(field, size, region=region, max_bytes=max_bytes, progress=progress)


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
    image = _checks.as_image("gray", gray)
    if image.shape[-1] != 1:
        fix = "Give `inr.color.rgb_to_luma(image)`."
        raise _checks.fail("gray", "[h, w] or [h, w, 1]", f"{image.shape}", fix)
    module, params = resolve(model, Restorer)
    # Finer than the training's images: what is missing is colour, not detail.
    exact = max(image.shape[:2]) > module.side
    return bind(module.clone(exact_luma=exact), params, image)
