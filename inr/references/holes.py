"""Holes in images: a smooth initial fill, and the cells that no hole touches."""

import jax
import jax.numpy as jnp

from inr._typing import Array
from inr.poisson import solve_masked

_RTOL = 1e-3  # of the initial guess's residual, about one gray level


@jax.jit  # traced, so that `solve_masked` accepts an empty hole
def fill_holes(image: Array, hole: Array) -> Array:
    """Fill a hole with a membrane, the harmonic function of its boundary values.

    Args:
      image: `[h, w, c]`; values in the hole have no effect.
      hole: bool `[h, w]`, True where values are missing.

    Returns:
      `[h, w, c]`, equal to the image outside the hole; zeros if nothing is known.
    """
    guess = _pull_push(image, hole)
    return solve_masked(jnp.zeros_like(guess), hole, guess, rtol=_RTOL).value


def _pull_push(image: Array, hole: Array) -> Array:
    """Approximate membrane in one pass, by pull and push [Gortler et al. 1996].

    Known pixels are averaged two by two until none is missing, and each finer level
    takes its missing pixels from the coarser one.
    """
    h, w, c = image.shape
    known = jnp.where(hole, 0.0, 1.0)[..., None]
    values = jnp.where(hole[..., None], 0.0, image)
    if max(h, w) == 1:
        return values
    both = jnp.concatenate([values, known], -1)
    both = jnp.pad(both, [(0, h % 2), (0, w % 2), (0, 0)])
    rows, columns = (n // 2 for n in both.shape[:2])
    total = both.reshape(rows, 2, columns, 2, c + 1).sum((1, 3))
    count = total[..., -1:]
    coarse = total[..., :-1] / jnp.maximum(count, 1)
    coarse = _pull_push(coarse, count[..., 0] == 0)
    fine = jax.image.resize(coarse, (2 * rows, 2 * columns, c), "linear")[:h, :w]
    return jnp.where(hole[..., None], fine, image)


def intact_cells(hole: Array, cell: int, reach: int) -> Array:
    """Cells of `cell` x `cell` pixels without a hole within `reach` cells, bool."""
    h, w = hole.shape
    damaged = hole.reshape(h // cell, cell, w // cell, cell).any((1, 3))
    window = (2 * reach + 1,) * 2
    near = jax.lax.reduce_window(damaged, False, jnp.logical_or, window, (1, 1), "SAME")
    return ~near
