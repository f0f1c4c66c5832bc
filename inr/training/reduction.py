"""Reduction of images to fewer pixels without aliasing."""

from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from inr import _checks
from inr._typing import Array, ArrayLike, Size
from inr.coords import keys_cubic
from inr.training._images import as_images

Reduction = Literal["area", "bicubic"]
"""How pixels are reduced; see `reduce_images`."""


def reduce_images(
    images: Shaped[ArrayLike, "*b h w k"],
    size: Size,
    *,
    interpolation: Reduction = "area",
) -> Array:
    """Smaller images without aliasing.

    `"area"` is the mean over the area of each new pixel, including fractions of old
    pixels, as in a camera of that resolution. `"bicubic"` is Keys' kernel (a = -1/2)
    widened by the factor, as in Pillow and MATLAB; it is sharper and may leave [0, 1].

    Args:
      images: `[..., h, w, k]`, uint8 or floating.
      size: `(h, w)` of the result, at most that of the images.
      interpolation: `"area"` or `"bicubic"`.

    Returns:
      `[..., *size, k]`, floating; uint8 levels become values in [0, 1].

    Raises:
      ValueError: if `images` has another rank, `size` exceeds that of the images, or
        `interpolation` is unknown.
    """
    _checks.check_choice("interpolation", interpolation, get_args(Reduction))
    images = as_images("images", images, layout=None)
    size = _checks.as_size("size", size, 2)
    *lead, h, w, k = images.shape
    if size[0] > h or size[1] > w:
        raise _checks.fail("size", f"(h, w), at most {(h, w)}", size)
    if interpolation == "bicubic":
        return jax.image.resize(images, (*lead, *size, k), "cubic", antialias=True)
    rows, columns = (
        jnp.asarray(_area_weights(n, m), images.dtype)
        for n, m in zip((h, w), size, strict=True)
    )
    exact = jax.lax.Precision.HIGHEST
    return jnp.einsum("ih,...hwk,jw->...ijk", rows, images, columns, precision=exact)


def reduce_crop(
    image: Float[ArrayLike, "h w k"],
    start: Float[ArrayLike, "2"],
    scale: Float[ArrayLike, " axes"],
    size: Size,
    *,
    interpolation: Reduction = "bicubic",
) -> Array:
    """Cut a part out of an image at a coarser scale. `start` and `scale` may be traced.

    `"bicubic"` is Keys' cubic kernel widened by the scale, as in the bicubic reduction
    of MATLAB, Pillow and `jax.image.resize`; it is cut off at the image's border and
    normalized to sum to 1. `"area"` is the mean over the area of each new pixel.

    Args:
      image: `[h, w, k]`, floating.
      start: `[2]`, the part's top-left corner, in pixels of the image.
      scale: `[2]` or `[1]`, pixels of the image per pixel of the result, at least 1.
      size: `(h, w)` of the result.
      interpolation: `"bicubic"` or `"area"`.

    Returns:
      `[*size, k]`.

    Raises:
      ValueError: if an array has another shape, or `interpolation` is unknown.
    """
    _checks.check_choice("interpolation", interpolation, get_args(Reduction))
    image = _checks.as_floating("image", image)
    _checks.check_rank("image", image, "[h, w, k]")
    _checks.check_not_empty("image", image)
    size = _checks.as_size("size", size, 2)
    start = _checks.as_floating("start", start)
    _checks.check_shape("start", start, (2,))
    scale = _checks.as_floating("scale", scale)
    if scale.shape not in ((1,), (2,)):
        raise _checks.fail("scale", "[2] or [1]", f"shape {scale.shape}")
    scale = jnp.broadcast_to(scale, (2,))

    def weights(axis: int) -> Array:
        center = start[axis] + (jnp.arange(size[axis])[:, None] + 0.5) * scale[axis]
        distance = jnp.abs(center - (jnp.arange(image.shape[axis])[None] + 0.5))
        if interpolation == "area":
            # The fraction of an old pixel that lies in the new one.
            kernel = jnp.clip((scale[axis] + 1) / 2 - distance, 0, 1)
        else:
            kernel = keys_cubic(distance / scale[axis])
        return kernel / kernel.sum(1, keepdims=True)

    return jnp.einsum(
        "ih,hwk,jw->ijk", weights(0), image, weights(1), precision="highest"
    )


def _area_weights(old: int, new: int) -> np.ndarray:
    """`[new, old]`: the fraction of each new pixel that each old one covers."""
    edges = np.arange(new + 1) * (old / new)
    pixels = np.arange(old)
    covered = np.clip(edges[:, None] - pixels[None, :], 0, 1)  # up to each edge
    return np.diff(covered, axis=0) * (new / old)
