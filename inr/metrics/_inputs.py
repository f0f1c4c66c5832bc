"""Checks of the images that metrics compare."""

import jax.numpy as jnp

from inr import _checks, _conversions
from inr._typing import Array, ImageLike


def as_pair(image: ImageLike, reference: ImageLike) -> tuple[Array, Array]:
    """Return two images of one shape, in the wider of their dtypes."""
    first = _conversions.as_image("image", image)
    second = _conversions.as_image("reference", reference)
    if first.shape != second.shape:
        raise _checks.fail(
            "image",
            f"of the shape of `reference`, {second.shape}",
            f"shape {first.shape}",
            "Resize or crop one of the two.",
        )
    dtype = jnp.promote_types(first.dtype, second.dtype)
    return first.astype(dtype), second.astype(dtype)


def as_rgb(argument: str, image: Array) -> Array:
    """Return `image`, or raise unless it has three channels."""
    if image.shape[-1] != 3:
        raise _checks.fail(
            argument,
            "[h, w, 3]",
            f"shape {image.shape}",
            "Repeat a gray channel three times; remove an alpha channel.",
        )
    return image
