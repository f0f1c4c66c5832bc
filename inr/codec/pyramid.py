"""Grids of latents: their sizes, and the four phases in which a grid is coded.

Notation. Level k has a grid of `[ceil(h / 2^k), ceil(w / 2^k)]` cells, level 0 one cell
for each pixel. Each cell of level 0 holds one number, for luma. Each cell of the other
levels holds three: for luma and two for chroma. The four phases of a grid are its cells
at (even, even), (odd, odd), (even, odd) and (odd, even) rows and columns, in the order
of coding. Each phase has the size of the next coarser grid.

The functions take NumPy and JAX arrays, because files are coded on the host.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from inr._typing import Array, Size

LEVELS = 7
PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))

Latents = tuple[Array, ...]
"""Numbers of all levels, `[h_k, w_k, planes(k)]`, the finest first."""
HostLatents = tuple[np.ndarray, ...]
"""The same as arrays of NumPy."""


def planes(level: int) -> int:
    """Numbers in each cell of a level."""
    return 1 if level == 0 else 3


def grid_sizes(size: Size) -> tuple[Size, ...]:
    """Sizes of the grids of an image, the finest first."""
    h, w = size
    return tuple((-(-h // 2**k), -(-w // 2**k)) for k in range(LEVELS))


def to_phases(grid: Array | np.ndarray) -> Any:
    """The phases of a grid `[h, w, c]`, `[ceil(h / 2), ceil(w / 2), 4, c]`.

    Cells that the grid does not have are 0.
    """
    xp = grid.__array_namespace__()
    h, w = grid.shape[:2]
    grid = xp.pad(grid, ((0, h % 2), (0, w % 2), (0, 0)))
    return xp.stack([grid[i::2, j::2] for i, j in PHASES], 2)


def from_phases(phases: Array | np.ndarray, size: Size) -> Any:
    """The grid of a size whose phases these are."""
    h, w, _, c = phases.shape
    by_position = [PHASES.index((i, j)) for i in (0, 1) for j in (0, 1)]
    cells = phases[:, :, np.array(by_position)].reshape(h, w, 2, 2, c)
    return cells.swapaxes(1, 2).reshape(2 * h, 2 * w, c)[: size[0], : size[1]]


def zero_latents(size: Size) -> Latents:
    """Latents of an image `(h, w)` that are all 0."""
    sizes = grid_sizes(size)
    return tuple(jnp.zeros((*s, planes(k))) for k, s in enumerate(sizes))
