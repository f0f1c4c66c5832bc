"""Targets between the samples of a grid: points, and their values by a spline.

Notation. A sample y_i is the mean of the signal over cell i, as a camera measures it.
The targets are the values of s(x) = sum_j c_j B2(x - j), where B2 is the B-spline of
degree 2 and the coefficients c are such that the mean of s over every cell is its
sample. The mean of B2(. - j) over cell i is B3(i - j), of degree 3, so that along each
axis (c_{i-1} + 4 c_i + c_{i+1}) / 6 = y_i, with c mirrored at the borders. Such an s is
called a histospline [Schoenberg 1973].
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import solveh_banded

from inr import _checks, _display, coords as _coords
from inr._typing import Array, ArrayLike, Key
from inr.poisson import integrate_masked

# All smaller images share one program; that of 256x256 pixels is as fast.
_FEWEST_ROWS = 2**16


def spline_coefficients(samples: ArrayLike) -> np.ndarray:
    """Coefficients of the quadratic spline whose means over the cells are the samples.

    `inr.coords.sample_grid(coefficients, coords, interpolation="quadratic")` evaluates
    the spline. Photographs enlarged by it have a PSNR that is 0.3 to 1.1 dB above that
    of cubic interpolation. Computed on the host.

    Args:
      samples: `[*size, k]`, means over the cells of a regular grid.

    Returns:
      `[*size, k]`.

    Raises:
      ValueError: for samples that are empty, not floating or not finite.
    """
    _checks.check_concrete("samples", samples)
    values = np.asarray(_checks.as_floating("samples", samples))
    if values.ndim < 2:
        raise _checks.fail("samples", "[*size, k]", f"shape {values.shape}")
    _checks.check_not_empty("samples", values)
    _checks.check_finite("samples", values)
    coefficients = values.astype(np.float64)
    for axis, n in enumerate(values.shape[:-1]):
        if n == 1:
            continue
        diagonals = np.tile([[1 / 6], [4 / 6]], n)
        diagonals[1, [0, -1]] = 5 / 6
        columns = np.moveaxis(coefficients, axis, 0)
        solution = solveh_banded(diagonals, columns.reshape(n, -1))
        coefficients = np.moveaxis(solution.reshape(columns.shape), 0, axis)
    return coefficients.astype(values.dtype)


class Spline(NamedTuple):
    """A quadratic spline, stored such that sizes share compiled programs.

    Attributes:
      rows: `[n, k]`, the coefficients in row-major order, padded to a power of two of
        at least 65,536.
      size: `[d]` int32, cells along each axis.
    """

    rows: Array
    size: Array

    def __call__(self, points: Array) -> Array:
        """Return features `[n, k]` at points `[n, d]`."""
        size = tuple(self.size)
        value = jnp.zeros((), self.rows.dtype)
        for weight, index, _ in _coords.neighbors(
            points, size, interpolation="quadratic"
        ):
            row = index[0]
            for i, n in zip(index[1:], size[1:], strict=True):
                row = row * n + i
            value = value + weight[:, None] * self.rows[row]
        return value

    def __repr__(self) -> str:
        return _display.attributes_text(self)


def make_spline(samples: ArrayLike) -> Spline:
    """Return the spline whose means over the cells are the samples.

    Args:
      samples: `[*size, k]`.

    Returns:
      A `Spline`.
    """
    coefficients = spline_coefficients(samples)
    *size, k = coefficients.shape
    rows = coefficients.reshape(-1, k)
    padding = max(1 << (len(rows) - 1).bit_length(), _FEWEST_ROWS) - len(rows)
    rows = np.pad(rows, [(0, padding), (0, 0)])
    return Spline(*jax.device_put((rows, np.asarray(size, np.int32))))


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("key", "spline"),
    meta_fields=("batch_size",),
)
@dataclass(frozen=True)
class SplineSamples:
    """Batches of points between the samples of a grid: the `data` of a `Term`.

    The batches are parts of one quasirandom sequence, so that a fit sees all of the
    grid equally often. With points drawn independently in every step, fits of 600
    steps to three photographs had a PSNR that was 1.3 to 2.3 dB lower.

    Attributes:
      key: PRNG key of the sequence.
      spline: the targets.
      batch_size: points per batch.
    """

    key: Key
    spline: Spline
    batch_size: int

    def __post_init__(self) -> None:
        _checks.as_count("batch_size", self.batch_size)

    def __call__(self, key: Key, step: int | Array) -> tuple[Array, Array]:
        """Return coords `[batch_size, d]` and features `[batch_size, k]`."""
        del key
        points = _sequence(self.key, step, self.batch_size, len(self.spline.size))
        return points, self.spline(points)

    def __repr__(self) -> str:
        return _display.attributes_text(self)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("key", "spline", "cells", "features", "interior", "factors"),
    meta_fields=("batch_size",),
)
@dataclass(frozen=True)
class WeightedSplineSamples:
    """Batches of points in the cells of positive weight, as those of `SplineSamples`.

    A cell next to a cell of weight 0 has one point, its center, and its sample there,
    because the spline depends on the neighbors.

    Attributes:
      key: PRNG key of the sequence.
      spline: the targets.
      cells: `[n, 2]` int32, indices of the cells of positive weight.
      features: `[n, k]`, their samples.
      interior: `[n]` bool, True for cells that touch no cell of weight 0.
      factors: `[n]`, square roots of the weights.
      batch_size: points per batch.
    """

    key: Key
    spline: Spline
    cells: Any
    features: Any
    interior: Any
    factors: Any
    batch_size: int

    def __call__(self, key: Key, step: int | Array) -> tuple[Array, Array, Array]:
        """Return coords `[batch_size, 2]`, features `[batch_size, k]` and factors."""
        del key
        n = len(self.cells)
        draws = (_sequence(self.key, step, self.batch_size, 3) + 1) / 2
        i = jnp.minimum((n * draws[:, 0]).astype(jnp.int32), n - 1)
        inside = self.interior[i][:, None]
        offset = draws[:, 1:]
        position = self.cells[i] + jnp.where(inside, offset, 0.5)
        points = 2 * position / self.spline.size[None] - 1
        values = self.spline(points)
        return points, jnp.where(inside, values, self.features[i]), self.factors[i]

    def __repr__(self) -> str:
        return _display.attributes_text(self)


def _sequence(key: Key, step: int | Array, batch_size: int, ndim: int) -> Array:
    """The batch of a step: consecutive points of a quasirandom sequence."""
    start = jnp.asarray(step, jnp.uint32) * jnp.uint32(batch_size)
    return _coords.quasirandom_points(key, batch_size, start=start, ndim=ndim)


def weighted_samples(
    key: Key, image: Array, weights: Array, batch_size: int
) -> WeightedSplineSamples:
    """Batches of an image `[h, w, c]` with weights `[h, w]`, of which some are above 0.

    The pixels of weight 0 are replaced by a membrane before the spline is computed.
    """
    hole = np.asarray(weights) <= 0
    if hole.any():
        known = jnp.where(hole[..., None], image[~hole].mean(0), image)
        guidance = jnp.zeros((*image.shape[:2], 2, image.shape[2]), image.dtype)
        image = integrate_masked(guidance, hole, known).value
    cells = np.argwhere(~hole).astype(np.int32)
    rows, columns = cells.T
    padded = np.pad(hole, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    touched = windows.max(axis=(2, 3))
    positive = weights[rows, columns]
    return WeightedSplineSamples(
        key,
        make_spline(image),
        jnp.asarray(cells),
        image[rows, columns],
        jnp.asarray(~touched[rows, columns]),
        jnp.sqrt(positive / positive.mean()),
        batch_size,
    )
