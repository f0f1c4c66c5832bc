"""Targets between the samples of a grid: random points, and their values by a spline.

Notation. A sample y_i is the mean of the signal over cell i, as a camera measures it.
The targets are the values of s(x) = sum_j c_j B2(x - j), where B2 is the B-spline of
degree 2 and the coefficients c are such that the mean of s over every cell is its
sample. The mean of B2(. - j) over cell i is B3(i - j), of degree 3, so that along each
axis (c_{i-1} + 4 c_i + c_{i+1}) / 6 = y_i, with c mirrored at the borders. Such an s is
called a histospline [Schoenberg 1973].
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, coords as _coords
from inr._typing import Array, ArrayLike, Key
from inr.poisson import dct, idct, integrate_masked


def spline_coefficients(samples: ArrayLike) -> Array:
    """Coefficients of the quadratic spline whose means over the cells are the samples.

    `inr.coords.sample_grid(coefficients, coords, interpolation="quadratic")` evaluates
    the spline. Enlarging photographs by it is 0.3 to 1.1 dB closer to the truth than by
    cubic interpolation.

    Args:
      samples: `[*size, k]`, means over the cells of a regular grid.

    Returns:
      `[*size, k]`.
    """
    samples = _checks.as_floating("samples", samples)
    axes = tuple(range(samples.ndim - 1))
    spectrum = dct(samples, axes=axes)
    for axis in axes:
        n = samples.shape[axis]
        # Eigenvalues of the tridiagonal system with mirrored borders.
        response = (2 + np.cos(np.pi * np.arange(n) / n)) / 3
        shape = [n if i == axis else 1 for i in range(samples.ndim)]
        spectrum = spectrum / response.reshape(shape).astype(spectrum.dtype)
    return idct(spectrum, axes=axes)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("coefficients",),
    meta_fields=("batch_size",),
)
@dataclass(frozen=True)
class SplineSamples:
    """Batches at random points of a grid, between its samples: the `data` of a `Term`.

    Attributes:
      coefficients: `[*size, k]`, from `spline_coefficients`.
      batch_size: points per batch, drawn uniformly.
    """

    coefficients: Any
    batch_size: int

    def __call__(self, key: Key, step: int | Array) -> tuple[Array, Array]:
        """Return coords `[batch_size, d]` and features `[batch_size, k]`."""
        del step
        ndim = self.coefficients.ndim - 1
        points = _coords.random_points(key, self.batch_size, ndim=ndim)
        return points, _evaluate(self.coefficients, points)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("coefficients", "cells", "features", "interior", "factors"),
    meta_fields=("batch_size",),
)
@dataclass(frozen=True)
class WeightedSplineSamples:
    """Batches at random points of the cells of positive weight.

    A cell next to a cell of weight 0 has one point, its center, and its sample there,
    because the spline depends on the neighbors.

    Attributes:
      coefficients: `[h, w, k]`, from `spline_coefficients`.
      cells: `[n, 2]` int32, indices of the cells of positive weight.
      features: `[n, k]`, their samples.
      interior: `[n]` bool, True for cells that touch no cell of weight 0.
      factors: `[n]`, square roots of the weights.
      batch_size: points per batch, drawn uniformly.
    """

    coefficients: Any
    cells: Any
    features: Any
    interior: Any
    factors: Any
    batch_size: int

    def __call__(self, key: Key, step: int | Array) -> tuple[Array, Array, Array]:
        """Return coords `[batch_size, 2]`, features `[batch_size, k]` and factors."""
        del step
        key_cell, key_offset = jax.random.split(key)
        shape = (self.batch_size,)
        i = jax.random.randint(key_cell, shape, 0, len(self.cells), jnp.int32)
        inside = self.interior[i][:, None]
        offset = jax.random.uniform(key_offset, (self.batch_size, 2), jnp.float32)
        position = self.cells[i] + jnp.where(inside, offset, 0.5)
        size = jnp.asarray(self.coefficients.shape[:2], jnp.float32)
        points = 2 * position / size[None] - 1
        values = _evaluate(self.coefficients, points)
        return points, jnp.where(inside, values, self.features[i]), self.factors[i]


def weighted_samples(
    image: Array, weights: Array, batch_size: int
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
    touched = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).any((2, 3))
    positive = weights[rows, columns]
    return WeightedSplineSamples(
        spline_coefficients(image),
        jnp.asarray(cells),
        image[rows, columns],
        jnp.asarray(~touched[rows, columns]),
        jnp.sqrt(positive / positive.mean()),
        batch_size,
    )


def _evaluate(coefficients: Array, points: Array) -> Array:
    return _coords.sample_grid(coefficients, points, interpolation="quadratic")
