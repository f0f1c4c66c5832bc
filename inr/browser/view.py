"""Numbers of a page that depend on the geometry of a field, not on its layers."""

from typing import Any

import jax
import numpy as np

from inr._typing import Size
from inr.fields import BoundField


def view_data(field: BoundField, size: Size | None, side: int) -> dict[str, Any]:
    """Sizes, normalization and unit of derivatives, for the page's script.

    Args:
      field: the field.
      size: `(h, w)` of its signal, if known.
      side: pixels along the longer axis of the canvas.

    Returns:
      JSON data: `canvas` and `size` (h, w), the affine map of coords, `unit` (length
      of the unit of derivatives along each axis, in coords) with its name, and whether
      the field has a Laplacian.
    """
    model: Any = field.model
    # A feature map has no normalization.
    maps = {"coords_scale": np.ones(2), "coords_shift": np.zeros(2)}
    maps |= jax.tree.map(np.asarray, dict(field.params.get("normalization", {})))
    # `fit_image` makes frequencies isotropic, so the scale is the length of an axis.
    extents = np.abs(maps["coords_scale"]) if size is None else np.asarray(size)
    extents = extents / extents.max()
    unit = 1 / extents if size is None else 2 / np.asarray(size)
    return {
        "canvas": [max(round(side * float(extent)), 1) for extent in extents],
        "size": None if size is None else list(size),
        "features": getattr(model, "features", 3),
        "coordsScale": maps["coords_scale"].tolist(),
        "coordsShift": maps["coords_shift"].tolist(),
        "unit": unit.tolist(),
        "unitName": "unit" if size is None else "pixel",
        # Its second derivatives are zero almost everywhere.
        "hasLaplacian": getattr(model, "interpolation", "smooth") == "smooth",
    }
