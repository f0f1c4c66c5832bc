"""From a field to the mesh of its zero level set."""

import jax
import numpy as np

from inr import _checks
from inr._field_checks import check_field
from inr._typing import Array, ArrayLike, Field
from inr.fields import BoundField
from inr.rendering import render
from inr.signals.meshes import Mesh


def extract_mesh(
    field: Field,
    *,
    resolution: int = 128,
    bounds: tuple[ArrayLike, ArrayLike] | None = None,
    max_bytes: int | None = None,
    progress: bool = True,
) -> Mesh:
    """Return the surface on which a field is zero, as a watertight mesh.

    Marching cubes [Lorensen and Cline 1987; Lewiner et al. 2003] on the field's values
    in a box. An inside that reaches the box's sides is closed there.

    Args:
      field: function of coords (z, y, x) to one feature, negative inside and positive
        outside.
      resolution: samples along the box's longest side; cells are nearly cubes.
      bounds: `(low [3], high [3])`, the box; by default the one that the field
        normalizes to [-1, 1], which is the cube that `fit_shape` fits.
      max_bytes: as for `render`.
      progress: as for `render`.

    Returns:
      A `Mesh` in the field's coordinates, float64.

    Raises:
      ImportError: if scikit-image is not installed.
      ValueError: for a field without a zero in the box, with more than one feature or
        with values that are not finite, and for empty bounds.
    """
    check_field(field)
    _checks.check_concrete("field", field)
    resolution = _checks.as_count("resolution", resolution, least=2)
    low, high = _check_bounds(_bounds_of(field) if bounds is None else bounds)
    extent = high - low
    size = np.maximum(np.ceil(resolution * extent / extent.max() - 1e-6), 2)
    size = tuple(int(n) for n in size)
    field = _checks.as_pytree("field", field)
    middle, half = (np.float32(x / 2) for x in (low + high, extent))
    in_box = jax.tree_util.Partial(_apply_in_box, field, middle, half)
    values = render(in_box, size, max_bytes=max_bytes, progress=progress)
    if values.shape[-1] != 1:
        raise _checks.fail("field", "one with one feature", f"{values.shape[-1]}")
    values = np.asarray(values)[..., 0]
    _checks.check_finite("field", values)
    if not values.min() < 0 < values.max():
        raise _checks.fail(
            "field",
            "negative inside and positive outside a surface in the box",
            f"values from {values.min():.3g} to {values.max():.3g}",
            "Give `bounds` around the surface, or fit for longer.",
        )
    vertices, faces = _zero_surface(values)
    return Mesh(low + (vertices + 0.5) * (extent / size), faces)


def _apply_in_box(field: Field, middle: Array, half: Array, coords: Array) -> Array:
    """Apply the field to coords in [-1, 1], which are scaled to the box."""
    return field(middle[None] + half[None] * coords)


def _bounds_of(field: Field) -> tuple[np.ndarray, np.ndarray]:
    """Return the box that the field normalizes to [-1, 1]."""
    normalization = {}
    if isinstance(field, BoundField):
        normalization = field.params.get("normalization", {})
    scale = np.asarray(normalization.get("coords_scale", np.ones(3)), np.float64)
    shift = np.asarray(normalization.get("coords_shift", np.zeros(3)), np.float64)
    return (-1 - shift) / scale, (1 - shift) / scale


def _check_bounds(bounds: tuple[ArrayLike, ArrayLike]) -> np.ndarray:
    box = _checks.as_float64("bounds", bounds)
    if box.shape != (2, 3) or not np.all(box[0] < box[1]) or not np.isfinite(box).all():
        expected = "(low [3], high [3]), each low below its high"
        raise _checks.fail("bounds", expected, repr(bounds))
    return box


def _zero_surface(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Run marching cubes on `[d, h, w]`; return vertices in pixels, and faces."""
    try:
        from skimage.measure import marching_cubes
    except ImportError:
        raise ImportError(
            'Marching cubes needs scikit-image: `pip install "inr[examples]"`.'
        ) from None
    # Values close to zero would put several vertices at one position: faces without
    # area, and a mesh that is not closed after merging. Raising them to a minimum
    # shifts the surface by a thousandth of a cell.
    step = max(np.abs(np.diff(values, axis=i)).max() for i in range(3))
    tiny = np.float32(1e-3) * step
    values = np.where(np.abs(values) < tiny, np.copysign(tiny, values), values)
    values = np.pad(values, 1, constant_values=np.abs(values).max())
    vertices, faces, _, _ = marching_cubes(values, 0.0)
    # Faces are outward for axes (x, y, z); the order (z, y, x) mirrors them.
    return vertices.astype(np.float64) - 1, faces[:, ::-1]
