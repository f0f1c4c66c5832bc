"""What the metrics accept: an image, two of one shape, one of three channels."""

import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike


def as_pair(image: ArrayLike, reference: ArrayLike) -> tuple[Array, Array]:
    """Two images of one shape, in the wider of their dtypes."""
    image = _checks.as_image("image", image)
    reference = _checks.as_image("reference", reference)
    if image.shape != reference.shape:
        raise _checks.fail(
            "image",
            f"of the shape of `reference`, {reference.shape}",
            f"shape {image.shape}",
            "Resize or crop one of the two.",
        )
    dtype = jnp.promote_types(image.dtype, reference.dtype)
    return image.astype(dtype), reference.astype(dtype)


def as_rgb(argument: str, image: Array) -> Array:
    """`image`, which must have three channels."""
    if image.shape[-1] != 3:
        raise _checks.fail(
            argument,
            "[h, w, 3]",
            f"shape {image.shape}",
            "Repeat a gray channel three times; leave an alpha channel out.",
        )
    return image
