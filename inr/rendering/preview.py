"""Pictures of image fields in notebooks."""

import jax
import numpy as np

from inr import _checks, _display
from inr._typing import Field, Size
from inr.fields import BoundField, FieldModule
from inr.rendering.verb import render

_MAX_SIDE = 256


@_display.picture.register(BoundField)
def preview(field: BoundField) -> bytes | None:
    """PNG of a field with two axes and one or three features, clipped to [0, 1].

    Args:
      field: a bound field.

    Returns:
      The file, or None for a field of another kind, a batch, or a traced field.
    """
    import imageio.v3 as iio

    size = preview_size(field)
    if size is None:
        return None
    point = jax.ShapeDtypeStruct((1, 2), np.float32)
    if jax.eval_shape(field, point).shape[-1] not in (1, 3):
        return None
    values = np.asarray(render(field, size, antialias=2, progress=False))
    values = np.clip(np.nan_to_num(values), 0, 1)
    levels = np.rint(255 * values).astype(np.uint8)
    pixels = levels[..., 0] if levels.shape[-1] == 1 else levels
    return iio.imwrite("<bytes>", pixels, extension=".png", plugin="pillow")


def preview_size(field: Field) -> Size | None:
    """Pixels at which a field of two axes is shown, in the ratio of its sides.

    Args:
      field: a field.

    Returns:
      `(h, w)`, at most 256; None for another number of axes, a function without a
      normalization or a grid of features, a batch, or a traced field.
    """
    if not isinstance(field, BoundField):
        return None
    leaves = jax.tree.leaves(field)
    is_array = all(isinstance(x, jax.Array | np.ndarray) for x in leaves)
    if not leaves or not is_array or not _checks.is_concrete(field):
        return None
    if isinstance(field.model, FieldModule):
        extent = np.abs(np.asarray(field.params["normalization"]["coords_scale"]))
    elif hasattr(field.model, "shader_layers"):  # it interpolates its feature map
        extent = np.asarray(np.shape(field.feature_map)[:-1], np.float64)
    else:
        return None
    if extent.shape != (2,) or not 0 < extent.max() < np.inf:
        return None
    height, width = np.rint(_MAX_SIDE * extent / extent.max())
    return max(int(height), 1), max(int(width), 1)
