"""What images may be: uint8 levels, or floating."""

import jax.numpy as jnp

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.fitting.samples import unit_range


def as_images(argument: str, images: ArrayLike) -> Array:
    images = _checks.as_floating(argument, unit_range(jnp.asarray(images)))
    if images.ndim < 3:
        raise _checks.fail(argument, "[..., h, w, k]", f"shape {images.shape}")
    _checks.check_not_empty(argument, images)
    return images
