"""Images with holes: a first guess of what is missing, and where patches are whole."""

import jax
import jax.numpy as jnp

from inr._typing import Array
from inr.poisson import solve_masked

_RTOL = 1e-3  # of what the guess lacks, which is a level or two


@jax.jit  # so that a hole is never looked at, and may be none
def fill_holes(image: Array, hole: Array) -> Array:
    """What is missing as a membrane spanned by what is around it; the rest as it is.

    Args:
      image: `[h, w, c]`; what it has in the hole is not looked at.
      hole: bool `[h, w]`, True where it is missing.

    Returns:
      `[h, w, c]`; zeros if nothing is known.
    """
    guess = _pulled_and_pushed(image, hole)
    return solve_masked(jnp.zeros_like(guess), hole, guess, rtol=_RTOL).value


def _pulled_and_pushed(image: Array, hole: Array) -> Array:
    """Nearly that, in one pass.

    Known pixels are averaged two by two until nothing is missing, and each finer level
    takes what it misses from the coarser one (pull and push, Gortler et al. 1996).
    """
    h, w, c = image.shape
    known = jnp.where(hole, 0.0, 1.0)[..., None]
    seen = jnp.where(hole[..., None], 0.0, image)
    if max(h, w) == 1:
        return seen
    both = jnp.concatenate([seen, known], -1)
    both = jnp.pad(both, [(0, h % 2), (0, w % 2), (0, 0)])
    rows, columns = (n // 2 for n in both.shape[:2])
    total = both.reshape(rows, 2, columns, 2, c + 1).sum((1, 3))
    count = total[..., -1:]
    coarse = total[..., :-1] / jnp.maximum(count, 1)
    filled = _pulled_and_pushed(coarse, count[..., 0] == 0)
    fine = jax.image.resize(filled, (2 * rows, 2 * columns, c), "linear")[:h, :w]
    return jnp.where(hole[..., None], fine, image)


def whole_cells(hole: Array, cell: int, reach: int) -> Array:
    """Cells of `cell` pixels that have no hole within `reach` cells, bool."""
    h, w = hole.shape
    damaged = hole.reshape(h // cell, cell, w // cell, cell).any((1, 3))
    window = (2 * reach + 1,) * 2
    near = jax.lax.reduce_window(damaged, False, jnp.logical_or, window, (1, 1), "SAME")
    return ~near
