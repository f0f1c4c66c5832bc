"""Random geometric changes of crops, which reduce overfitting on small training sets.

Pure JAX; call these functions inside a loss, so that they are compiled with the step.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Shaped

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Size
from inr.coords import grid, sample_grid
from inr.training._images import as_images
from inr.training.reduction import reduce_crop


def random_views(
    key: Key, images: Shaped[ArrayLike, "b h w k"], *, amount: float
) -> Array:
    """Rotate, enlarge and shift each image at random.

    The angle is uniform in +-`amount` radians. The visible fraction of each side is
    uniform from 1 - 2 `amount` to 1; the shift is uniform within the remaining margin.
    Points outside the image take the value of the nearest border pixel. The result is
    interpolated by Keys' cubic kernel and clipped to [0, 1].

    Args:
      key: PRNG key.
      images: `[b, h, w, k]`, uint8 or floating in [0, 1].
      amount: strength in [0, 1/2); 0 changes nothing.

    Returns:
      `[b, h, w, k]`, floating.

    Raises:
      ValueError: if `images` is not a batch of images or `amount` is out of range.
    """
    images = as_images("images", images)
    if not 0 <= _checks.as_number("amount", amount) < 0.5:
        raise _checks.fail("amount", "from 0 to below 0.5", amount)
    key = _checks.as_key("key", key)
    b, h, w, _ = images.shape
    angle_key, share_key, shift_key = jax.random.split(key, 3)
    draw = functools.partial(jax.random.uniform, dtype=jnp.float32)
    angle = draw(angle_key, (b,), minval=-amount, maxval=amount)
    share = draw(share_key, (b,), minval=1 - 2 * amount, maxval=1.0)
    shift = draw(shift_key, (b, 2), minval=-1.0, maxval=1.0) * (1 - share)[:, None]
    y, x = jnp.moveaxis(grid((h, w)), -1, 0)

    def view(image: Array, angle: Array, share: Array, shift: Array) -> Array:
        cos, sin = share * jnp.cos(angle), share * jnp.sin(angle)
        # The rotation is one in pixels, and the axes may differ in their pitch.
        rotated = (cos * y - sin * (w / h) * x, sin * (h / w) * y + cos * x)
        points = jnp.stack([rotated[0] + shift[0], rotated[1] + shift[1]], -1)
        return sample_grid(image, points, interpolation="cubic")

    return jax.vmap(view)(images, angle, share, shift).clip(0, 1)


def random_resized_crops(
    key: Key, images: Shaped[ArrayLike, "b h w k"], size: Size
) -> Array:
    """Crop a random part of each image at a random scale; all results have one size.

    The scale is uniform from 1, the image's own, to that at which the part covers the
    image. Parts are reduced by `reduce_crop` and clipped to [0, 1].

    Args:
      key: PRNG key of scales and positions.
      images: `[b, h, w, k]`, uint8 or floating in [0, 1].
      size: `(h, w)` of the results, at most that of the images.

    Returns:
      `[b, *size, k]`, floating.

    Raises:
      ValueError: if `images` is not a batch of images or `size` exceeds theirs.
    """
    images = as_images("images", images)
    b, h, w, _ = images.shape
    size = _checks.as_size("size", size, 2)
    if size[0] > h or size[1] > w:
        raise _checks.fail("size", f"(h, w), at most {(h, w)}", size)
    key = _checks.as_key("key", key)
    scale_key, start_key = jax.random.split(key)
    max_scale = min(h / size[0], w / size[1])
    scale = jax.random.uniform(scale_key, (b, 1), jnp.float32, 1.0, max_scale)
    room = jnp.asarray([(h, w)], jnp.float32) - scale * jnp.asarray([size], jnp.float32)
    start = jax.random.uniform(start_key, (b, 2), jnp.float32) * room
    reduce = functools.partial(reduce_crop, size=size)
    return jax.vmap(reduce)(images, start, scale).clip(0, 1)
