"""`upscale_by_reference` and `inpaint`: detail from other photographs."""

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jaxtyping import Bool

from inr import _checks, _conversions
from inr._masks import check_mask
from inr._progress import pixel_bar
from inr._sharding import Devices, Split, as_local_split
from inr._typing import Array, ArrayLike, ImageLike, Params
from inr.models import LoadedModel, resolve
from inr.poisson import solve_masked
from inr.references.attention import Match
from inr.references.generator import Textures
from inr.references.transformer import TextureTransformer
from inr.references.windows import windows

_CELL = 4  # sizes in pixels must be multiples of it


def upscale_by_reference(
    image: ImageLike,
    references: Sequence[ImageLike],
    *,
    scale: int = 4,
    model: str | os.PathLike | LoadedModel | None = None,
    sharding: Devices | None = None,
) -> Array:
    """Enlarge an image with textures from other photographs.

    Memory grows with the pixels, time with those of the image times those of the
    references.

    Args:
      image: `[h, w, 3]` in [0, 1], sRGB-encoded; uint8 and uint16 arrays and PIL images
        are accepted too.
      references: photographs `[h', w', 3]` of the same or a similar subject, which
        appears in them about as large as in the result. Without any, the model predicts
        from the image alone.
      scale: output pixels to an input pixel, 2 or 4. A model for 4 comes with the
        library.
      model: a name in `inr.pretrained.names()`, a file of a `TextureTransformer` of
        this scale, or a `LoadedModel`; None for the library's.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each computes some
        rows of the result and of the references' features, and searches for its rows.

    Returns:
      `[scale h, scale w, 3]`, not clipped.

    Raises:
      ValueError: for images that are not RGB, empty, or not finite; references of less
        than 4 pixels a side; a scale without a model; and a model of another task or
        scale.
    """
    loaded, padded = _prepare(model, scale, image)
    split = as_local_split("sharding", sharding)
    output = _on_devices(split, _generate, loaded, padded, _trimmed(references), None)
    h, w = (scale * n for n in _as_rgb("image", image).shape[:2])
    return output[:h, :w]


def match_references(
    image: ImageLike,
    references: Sequence[ImageLike],
    *,
    scale: int = 4,
    model: str | os.PathLike | LoadedModel | None = None,
    sharding: Devices | None = None,
) -> Match:
    """Find the textures that `upscale_by_reference` transfers.

    Args:
      image: as for `upscale_by_reference`.
      references: as for `upscale_by_reference`, at least one.
      scale: as for `upscale_by_reference`.
      model: as for `upscale_by_reference`.
      sharding: as for `upscale_by_reference`.

    Returns:
      For each cell of 4 x 4 output pixels the reference, the position in it, and the
      relevance in [-1, 1].

    Raises:
      ValueError: as `upscale_by_reference`, and without a reference.
    """
    loaded, padded = _prepare(model, scale, image)
    if len(_trimmed(references)) == 0:
        raise _checks.fail("references", "at least one image", "none")
    split = as_local_split("sharding", sharding)
    return _on_devices(split, _find, loaded, padded, _trimmed(references)).match


def inpaint(
    image: ImageLike,
    mask: Bool[ArrayLike, "h w"],
    *,
    references: Sequence[ImageLike] = (),
    method: Literal["texture", "membrane"] = "texture",
    model: str | os.PathLike | LoadedModel = "inpainting",
    progress: bool = True,
    sharding: Devices | None = None,
) -> Array:
    """Fill the holes of an image.

    Textures are searched for in the references and in the image; if it has more than
    640 x 640 pixels, at most some hundred pixels from each hole. Time and memory then
    grow with the holes. Under `jit` the complete image is searched.

    Args:
      image: `[h, w, 3]` in [0, 1], sRGB-encoded, or `[h, w, c]` for `"membrane"`; uint8
        and uint16 arrays and PIL images are accepted too. Values in the hole have no
        effect.
      mask: bool `[h, w]`, True where the image is filled.
      references: further photographs `[h', w', 3]` for `"texture"`, which otherwise
        takes textures from the image itself.
      method: `"texture"` copies and adapts similar textures by a network; `"membrane"`
        solves the Laplace equation in the hole: smooth, and good for thin holes.
      model: for `"texture"`: a name in `inr.pretrained.names()`, a file of a
        `TextureTransformer` of scale 1, or a `LoadedModel`.
      progress: whether to show a progress bar after two seconds.
      sharding: for `"texture"`, as for `upscale_by_reference`.

    Returns:
      `[h, w, c]`, equal to the image outside the hole; not clipped.

    Raises:
      ValueError: for images of another shape, empty or not finite; a mask that is not
        bool, of another size, or True everywhere; an unknown method; references or
        `sharding` for `"membrane"`; and a model of another task.
    """
    _checks.check_choice("method", method, ("texture", "membrane"))
    _checks.check_flag("progress", progress)
    image = _conversions.as_image("image", image)
    h, w, _ = image.shape
    check_mask("mask", mask, (h, w))
    mask = jnp.asarray(mask)
    if _checks.is_concrete(mask) and bool(mask.all()):
        raise _checks.fail("mask", "False somewhere", "True everywhere")
    _checks.check_sequence("references", references, "images")
    split = as_local_split("sharding", sharding)
    if method == "membrane":
        if len(references) > 0:
            fix = 'Use `method="texture"` with references.'
            raise _checks.fail("references", "empty for a membrane", "some", fix)
        if split is not None:
            fix = "All pixels of a hole are solved together, on one device."
            raise _checks.fail("sharding", "None for a membrane", "devices", fix)
        known = jnp.where(mask[..., None], 0, image)
        return solve_masked(jnp.zeros_like(known), mask, known).value
    image = _as_rgb("image", image)
    fill = functools.partial(
        _fill, split, resolve(model, "inpaint"), _trimmed(references)
    )
    if not (_checks.is_concrete(mask) and _checks.is_concrete(image)):
        return fill(image, mask)
    missing = np.asarray(mask)
    # In NumPy: slices of JAX arrays would compile a program for every window.
    result = np.array(image)
    with pixel_bar(int(missing.sum()), progress=progress) as bar:
        for box, hole, target in windows(missing):
            part = np.asarray(fill(jnp.asarray(result[box]), jnp.asarray(hole)))
            result[box] = np.where(target[..., None], part, result[box])
            bar.update(int(target.sum()))
    return jnp.asarray(result)


def _fill(
    split: Split | None,
    loaded: LoadedModel,
    references: list[Array],
    image: Array,
    hole: Array,
) -> Array:
    """The image `[h, w, 3]` with a hole, bool `[h, w]`, filled by textures."""
    h, w = hole.shape
    padded_hole = jnp.pad(hole, [(0, -h % _CELL), (0, -w % _CELL)])
    images = _padded(image, _CELL), references, padded_hole
    return _on_devices(split, _generate, loaded, *images)[:h, :w]


@functools.partial(jax.jit, static_argnames=("model", "sharding"))
def _find(
    model: TextureTransformer,
    params: Params,
    image: Array,
    references: list[Array],
    sharding: NamedSharding | None,
) -> Textures:
    inputs = image, references, None, sharding
    return cast(Textures, model.apply(params, *inputs, method="find"))


@functools.partial(jax.jit, static_argnames=("model", "sharding"))
def _generate(
    model: TextureTransformer,
    params: Params,
    image: Array,
    references: list[Array],
    hole: Array | None,
    sharding: NamedSharding | None,
) -> Array:
    textures = None
    if references or hole is not None:
        inputs = image, references, hole, sharding
        textures = model.apply(params, *inputs, method="find")
    inputs = image, textures, hole, sharding
    return cast(Array, model.apply(params, *inputs, method="generate"))


def _on_devices(
    split: Split | None, function: Callable[..., Any], loaded: LoadedModel, *images: Any
) -> Any:
    """Call `function(model, params, *images, sharding)`, on all devices of a split."""
    if split is None:
        return function(*loaded, *images, None)
    arguments = jax.device_put((loaded.params, *images), split.replicated)
    return function(loaded.model, *arguments, split.rows)


def _prepare(
    model: str | os.PathLike | LoadedModel | None, scale: int, image: ImageLike
) -> tuple[LoadedModel, Array]:
    """The model for a scale, and the image padded to complete cells."""
    _checks.check_choice("scale", scale, (2, 4))
    if model is None and scale != 4:
        raise _checks.fail(
            "model", f"given for scale {scale}", "None", "Train one, or use scale=4."
        )
    padded = _padded(_as_rgb("image", image), _CELL // scale)
    loaded = resolve("textures" if model is None else model, "upscale_by_reference")
    if loaded.model.scale != scale:
        raise _checks.fail("scale", f"{loaded.model.scale} for this model", scale)
    return loaded, padded


def _trimmed(references: Sequence[ImageLike]) -> list[Array]:
    """References cut to complete cells."""
    _checks.check_sequence("references", references, "images")
    trimmed = []
    for reference in references:
        reference = _as_rgb("references", reference)
        h, w = (n // _CELL * _CELL for n in reference.shape[:2])
        if min(h, w) == 0:
            expected = f"at least {_CELL} pixels a side"
            raise _checks.fail("references", expected, f"{reference.shape}")
        trimmed.append(reference[:h, :w])
    return trimmed


def _padded(image: Array, multiple: int) -> Array:
    """The image with replicated edges, its sides multiples of a number."""
    h, w, _ = image.shape
    return jnp.pad(image, [(0, -h % multiple), (0, -w % multiple), (0, 0)], mode="edge")


def _as_rgb(argument: str, image: ImageLike) -> Array:
    image = _conversions.as_image(argument, image)
    if image.shape[-1] != 3:
        fix = _conversions.channels_fix(image.shape)
        fix = fix or "Repeat a gray channel three times; leave an alpha channel out."
        raise _checks.fail(argument, "RGB, [h, w, 3]", f"{image.shape}", fix)
    return image
