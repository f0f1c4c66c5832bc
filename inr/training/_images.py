"""The check that the functions on batches of images share."""

import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike


def as_images(argument: str, images: ArrayLike) -> Array:
    """Floating images `[..., h, w, k]`; uint8 levels become values in [0, 1]."""
    images = _checks.as_unit_range(jnp.asarray(images))
    images = _checks.as_floating(argument, images)
    if images.ndim < 3:
        raise _checks.fail(argument, "[..., h, w, k]", f"shape {images.shape}")
    _checks.check_not_empty(argument, images)
    return images
