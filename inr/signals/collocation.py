"""Points at which an equation is imposed, and data of the user at these points.

Contract: space is the square [-1, 1]^2 in (y, x). Data on it are an image `[h, w]` of
the square or a function of coords `[n, 2]`, and continue outside with the values of the
edge.
"""

from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
import numpy as np

from inr import _checks, coords as _coords
from inr._typing import Array, ArrayLike

PlaneData: TypeAlias = ArrayLike | Callable[[Array], Array]
"""An image `[h, w]` of the square, or a function of coords `[n, 2]` to `[n]`."""


def spread_points(num_points: int, ndim: int) -> np.ndarray:
    """Return points `[num_points, ndim]` in [0, 1) that fill it evenly.

    The additive recurrence x_i = i (g^-1, g^-2, ...) mod 1, where g is the root of
    g^(d + 1) = g + 1 (Roberts 2018; the golden ratio for d = 1).
    """
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (ndim + 1))
    steps = ratio ** -np.arange(1.0, ndim + 1)
    return (0.5 + np.arange(1, num_points + 1)[:, None] * steps) % 1


def edge_points(along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points `[n, 2]` of the edge of [-1, 1]^2, and outward normals `[n, 2]`.

    Args:
      along: `[n]` in [0, 1), the path around the square, from corner to corner.
    """
    side, part = np.divmod(4 * along, 1)
    end = np.where(side < 2, 1.0, -1.0)
    is_first_axis = side % 2 == 0
    normals = np.stack([end * is_first_axis, end * ~is_first_axis], 1)
    points = np.where(normals == 0, 2 * part[:, None] - 1, normals)
    return points, normals


def values_at(argument: str, data: PlaneData, points: np.ndarray) -> np.ndarray:
    """Return an image `[h, w]` or a function of coords at points `[n, 2]`.

    Raises:
      ValueError: for an image of another rank, integer or empty, for a function that
        does not return `[n]`, and for values that are not finite.
    """
    inside = jnp.asarray(np.clip(points, -1, 1), jnp.float32)
    if callable(data):
        values = _checks.as_array(argument, data(inside))
        if values.shape != inside.shape[:1]:
            raise _checks.fail(
                argument, "a function from [n, 2] to [n]", f"shape {values.shape}"
            )
    else:
        fix = "Convert it to floating numbers of the range you mean."
        image = _checks.as_floating(argument, data, fix)
        _checks.check_rank(argument, image, "[h, w]")
        _checks.check_not_empty(argument, image)
        _checks.check_finite(argument, image)
        values = _coords.sample_grid(image[..., None], inside)[..., 0]
    _checks.check_finite(argument, values)
    return np.asarray(values, np.float64)


def check_above_zero(argument: str, values: np.ndarray) -> None:
    """Raise unless all values are above 0."""
    if not (values > 0).all():
        raise _checks.fail(argument, "above 0", f"a minimum of {values.min():.3g}")
