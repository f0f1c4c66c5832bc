"""Detail from other photographs: larger images, and such without their holes."""

import functools
import os
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from inr import _checks
from inr._typing import Array, ArrayLike, Params
from inr.poisson.masked import check_mask
from inr.restoration.attention import Match
from inr.restoration.files import LoadedModel, resolve
from inr.restoration.generator import Textures
from inr.restoration.texture import TextureTransformer

_CELL = 4  # pixels of which whole numbers must fill a picture


def upscale_by_reference(
    image: Float[ArrayLike, "h w 3"],
    references: Sequence[Float[ArrayLike, "_ _ 3"]],
    *,
    model: str | os.PathLike | LoadedModel = "textures",
) -> Array:
    """An image at four times, or twice, its size, with textures of other photographs.

    Memory grows with the pixels, time with the image's times the references'.

    Args:
      image: `[h, w, 3]` in [0, 1], sRGB-encoded.
      references: photographs of the same, or of the like, `[h', w', 3]`, in which
        things are about as large as in the result. None of them: what the model makes
        of the image alone.
      model: name of shipped weights, a file of a `TextureTransformer` of scale 4 or 2,
        or what `load_model` returns.

    Returns:
      `[s h, s w, 3]`, not clipped.

    Raises:
      ValueError: for images that are not RGB, empty, or hold NaN, references of less
        than 4 pixels a side, and a model of another kind or scale.
    """
    loaded, filled = _enlarger(model, image)
    made = _made(*loaded, filled, _whole(references), None)
    h, w = (loaded.model.scale * n for n in np.shape(image)[:2])
    return made[:h, :w]


def match_references(
    image: Float[ArrayLike, "h w 3"],
    references: Sequence[Float[ArrayLike, "_ _ 3"]],
    *,
    model: str | os.PathLike | LoadedModel = "textures",
) -> Match:
    """Where `upscale_by_reference` finds the textures that it brings in.

    Args:
      image: as there.
      references: as there, at least one.
      model: as there.

    Returns:
      For each cell of 4 x 4 pixels of the result the reference, the cell there, and how
      like it is, in [-1, 1].

    Raises:
      ValueError: as there, and without a reference.
    """
    loaded, filled = _enlarger(model, image)
    if not references:
        raise _checks.fail("references", "at least one image", "none")
    return _found(*loaded, filled, _whole(references)).match


@functools.partial(jax.jit, static_argnames="model")
def _found(
    model: TextureTransformer, params: Params, image: Array, references: list[Array]
) -> Textures:
    return model.apply(params, image, references, method="find")


def _enlarger(
    model: str | os.PathLike | LoadedModel, image: ArrayLike
) -> tuple[LoadedModel, Array]:
    """A model that enlarges, and the image continued to whole cells."""
    image = _as_rgb("image", image)
    loaded = resolve(model, TextureTransformer)
    if loaded.model.scale == 1:
        fix = "`inpaint_by_reference` takes it."
        raise _checks.fail("model", "of scale 4 or 2", "one of scale 1", fix)
    return loaded, _filled(image, _CELL // loaded.model.scale)


def inpaint_by_reference(
    image: Float[ArrayLike, "h w 3"],
    mask: Bool[ArrayLike, "h w"],
    references: Sequence[Float[ArrayLike, "_ _ 3"]],
    *,
    model: str | os.PathLike | LoadedModel = "inpainting",
) -> Array:
    """An image with its hole filled, from its own textures and those of others.

    Args:
      image: `[h, w, 3]` in [0, 1], sRGB-encoded; what it has in the hole does not
        matter.
      mask: bool `[h, w]`, True where to fill, somewhere.
      references: other photographs `[h', w', 3]`, besides the image itself; or none.
      model: name of shipped weights, a file of a `TextureTransformer` of scale 1, or
        what `load_model` returns.

    Returns:
      `[h, w, 3]`, outside of the hole as given; not clipped.

    Raises:
      ValueError: for images that are not RGB, empty, or hold NaN, a mask that is not
        bool or of another size, and a model of another kind or scale.
    """
    image = _as_rgb("image", image)
    h, w, _ = image.shape
    check_mask(mask, (h, w))
    loaded = resolve(model, TextureTransformer)
    if loaded.model.scale != 1:
        got = f"one of scale {loaded.model.scale}"
        fix = "`upscale_by_reference` takes it."
        raise _checks.fail("model", "of scale 1", got, fix)
    filled = _filled(image, _CELL)
    rest = [(0, -h % _CELL), (0, -w % _CELL)]
    hole = jnp.pad(jnp.asarray(mask), rest)
    made = _made(*loaded, filled, _whole(references), hole)
    return made[:h, :w]


@functools.partial(jax.jit, static_argnames="model")
def _made(
    model: TextureTransformer,
    params: Params,
    image: Array,
    references: list[Array],
    hole: Array | None,
) -> Array:
    found = None
    if references or hole is not None:
        found = model.apply(params, image, references, hole, method="find")
    return model.apply(params, image, found, hole, method="generate")


def _whole(references: Sequence[ArrayLike]) -> list[Array]:
    """References without what does not fill a cell."""
    found = []
    for reference in references:
        reference = _as_rgb("references", reference)
        h, w = (n // _CELL * _CELL for n in reference.shape[:2])
        if min(h, w) == 0:
            expected = f"at least {_CELL} pixels a side"
            raise _checks.fail("references", expected, f"{reference.shape}")
        found.append(reference[:h, :w])
    return found


def _filled(image: Array, by: int) -> Array:
    """The image continued to sides that are divisible."""
    h, w, _ = image.shape
    return jnp.pad(image, [(0, -h % by), (0, -w % by), (0, 0)], mode="edge")


def _as_rgb(argument: str, image: ArrayLike) -> Array:
    image = _checks.as_image(argument, image)
    if image.shape[-1] != 3:
        fix = "Repeat a gray channel three times; leave an alpha channel out."
        raise _checks.fail(argument, "RGB, [h, w, 3]", f"{image.shape}", fix)
    return image
