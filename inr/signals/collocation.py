"""Points at which an equation is asked to hold, and what the user gives there.

Contract: space is the square [-1, 1]^2 in (y, x); what is given on it is an image
`[h, w]` of it or a function of coords `[n, 2]`, and continues outside as on its edge.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, coords as _coords
from inr._typing import Array, ArrayLike, Key, Params
from inr.fitting import FitResult, Term, fit_least_squares
from inr.fitting.samples import init_params

Given = ArrayLike | Callable[[Array], Array]


def fit_equation(
    key: Key,
    model: nn.Module,
    terms: tuple[Term, ...],
    affines: dict[str, Array],
    *,
    params: Params | None,
    **options: Any,
) -> FitResult:
    """`fit_least_squares` from `params`, or from new ones with these normalizations."""
    key_init, key_fit = jax.random.split(key)
    if params is None:
        params = init_params(key_init, model, terms, affines)
    return fit_least_squares(key_fit, model, terms, params=params, **options)


def spread_points(num_points: int, ndim: int) -> np.ndarray:
    """Points `[num_points, ndim]` in [0, 1) that fill it evenly, for any number.

    The additive recurrence x_i = i (g^-1, g^-2, ...) mod 1, where g is the root of
    g^(d + 1) = g + 1 (Roberts 2018; the golden ratio for d = 1).
    """
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (ndim + 1))
    steps = ratio ** -np.arange(1.0, ndim + 1)
    return (0.5 + np.arange(1, num_points + 1)[:, None] * steps) % 1


def edge_points(along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points `[n, 2]` of the edge of [-1, 1]^2, and outward normals `[n, 2]` there.

    Args:
      along: `[n]` in [0, 1), the way around the square, from corner to corner.
    """
    side, part = np.divmod(4 * along, 1)
    end = np.where(side < 2, 1.0, -1.0)
    first = side % 2 == 0
    normals = np.stack([end * first, end * ~first], 1)
    points = np.where(normals == 0, 2 * part[:, None] - 1, normals)
    return points, normals


def values_at(argument: str, given: Given, points: np.ndarray) -> np.ndarray:
    """What is given, an image `[h, w]` or a function of coords, at points `[n, 2]`.

    Raises:
      ValueError: for an image of another rank, integer or empty, for a function that
        does not return `[n]`, and for values that are not finite.
    """
    inside = jnp.asarray(np.clip(points, -1, 1), jnp.float32)
    if callable(given):
        values = jnp.asarray(given(inside))
        if values.shape != inside.shape[:1]:
            raise _checks.fail(
                argument, "a function from [n, 2] to [n]", f"{values.shape} from it"
            )
    else:
        fix = "Bring it into the range you mean, as floating numbers."
        image = _checks.as_floating(argument, given, fix)
        _checks.check_rank(argument, image, "[h, w]")
        _checks.check_not_empty(argument, image)
        _checks.check_finite(argument, image)
        values = _coords.sample_grid(image[..., None], inside)[..., 0]
    _checks.check_finite(argument, values)
    return np.asarray(values, np.float64)
