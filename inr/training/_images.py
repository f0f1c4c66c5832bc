"""The check that the functions on batches of images share."""

from inr import _checks, _conversions
from inr._typing import Array, ArrayLike


def as_images(
    argument: str, images: ArrayLike, layout: str | None = "[b, h, w, k]"
) -> Array:
    """Floating images; uint8 levels become values in [0, 1].

    Without a layout there may be any number of leading axes.
    """
    images = _conversions.as_unit_range(_checks.as_array(argument, images))
    images = _checks.as_floating(argument, images)
    if layout is not None:
        _checks.check_rank(argument, images, layout)
    if images.ndim < 3:
        raise _checks.fail(argument, "[..., h, w, k]", f"shape {images.shape}")
    _checks.check_not_empty(argument, images)
    return images
