"""Multiresolution hash grids: trained tables that are looked up [Mueller et al. 2022].

Notation. Level l is a grid of N_l cells along each axis of [-1, 1], with N_l growing
geometrically, and f features at each of its (N_l + 1)^d vertices. Where that many rows
fit the table, a vertex has a row of its own, at its row-major index. Elsewhere row
(i_1 * 1) xor (i_2 * 2654435761) xor (i_3 * 805459861), modulo the table's size, is
shared by the vertices that fall on it. A point takes the interpolation of the 2^d
vertices of its cell, and a small perceptron turns the levels' features into the
field's. Beyond [-1, 1] the value at the border continues.
"""

import functools
import itertools
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks
from inr._typing import Array
from inr.fields import init, streams
from inr.fields.base import FieldModule
from inr.fields.layers import perceptron
from inr.fields.streams import Features, Streams

_PRIMES = (1, 2654435761, 805459861)


class HashGrid(FieldModule):
    """Small perceptron on a multiresolution hash encoding [Mueller et al. 2022].

    Most parameters sit in tables, of which a point reads a few rows.

    Attributes:
      features: output features, k.
      width: units of every hidden layer.
      depth: hidden layers after the encoding.
      levels: number of grids.
      features_per_level: features at each vertex.
      log2_table_size: logarithm to base 2 of the rows of the largest tables.
      base_resolution: cells along each axis of the coarsest grid.
      growth: ratio of the resolutions of neighboring levels. The finest grid has
        base_resolution * growth^(levels - 1) cells, rounded down; more than the
        signal has samples is of no use.
      interpolation: `"linear"`, with ReLUs behind it; or `"smooth"`, with a cubic
        smoothstep in each cell and smooth activations, for fields whose gradients and
        Laplacians are wanted.
      precision: of the matmuls, as in `Siren`.
      dtype: of the matmuls' inputs, as in `Siren`.
    """

    learning_rate: ClassVar[float] = 1e-2

    width: int = 64
    depth: int = 2
    levels: int = 16
    features_per_level: int = 2
    log2_table_size: int = 15
    base_resolution: int = 16
    growth: float = 1.26
    interpolation: str = "linear"
    precision: str | None = "highest"
    dtype: Any = None

    def __post_init__(self):
        super().__post_init__()
        for name in ("levels", "features_per_level", "base_resolution"):
            _checks.as_count(name, getattr(self, name))
        if _checks.as_count("log2_table_size", self.log2_table_size) > 24:
            raise _checks.fail("log2_table_size", "at most 24", self.log2_table_size)
        if _checks.as_positive("growth", self.growth) < 1:
            raise _checks.fail("growth", "at least 1", repr(self.growth))
        _checks.check_choice("interpolation", self.interpolation, ("linear", "smooth"))

    def network(self, x: Features) -> Features:
        smooth = self.interpolation == "smooth"
        if isinstance(x, Streams) and not smooth:
            raise ValueError(
                "The second derivatives of a grid with linear interpolation are zero "
                'almost everywhere. Fit one with `interpolation="smooth"` instead.'
            )
        ndim = jax.tree.leaves(x)[0].shape[-1]
        if ndim > len(_PRIMES):
            raise _checks.fail("coords", "[..., d] with d up to 3", f"d = {ndim}")
        grids = [
            (self._table(level, resolution, ndim), resolution)
            for level, resolution in enumerate(self.resolutions)
        ]
        return perceptron(
            streams.lift(functools.partial(_encode, grids, smooth), x),
            jax.nn.silu if smooth else jax.nn.relu,
            features=self.features,
            width=self.width,
            depth=self.depth,
            precision=self.precision,
            dtype=self.dtype,
        )

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Cells along each axis, level by level."""
        # The margin keeps whole numbers whole: 1.5 * (4 / 3) must not become 1.
        sizes = (self.base_resolution * self.growth**i for i in range(self.levels))
        return tuple(math.floor(size * (1 + 1e-9)) for size in sizes)

    def _table(self, level: int, resolution: int, ndim: int) -> Array:
        rows = min((resolution + 1) ** ndim, 2**self.log2_table_size)
        shape = (rows, self.features_per_level)
        # Almost zero: the perceptron begins as a constant, and levels begin alike.
        return self.param(f"table_{level}", init.uniform(1e-4), shape, jnp.float32)


def _encode(grids: list[tuple[Array, int]], smooth: bool, coords: Array) -> Array:
    """Interpolated features of all levels, `[..., levels * f]`."""
    levels = [_interpolate(*grid, smooth, coords) for grid in grids]
    return jnp.concatenate(levels, axis=-1)


def _interpolate(table: Array, resolution: int, smooth: bool, coords: Array) -> Array:
    """Features of one level at coords `[..., d]`, `[..., f]`."""
    position = jnp.clip((coords + 1) / 2, 0, 1) * resolution
    # Index arithmetic in 32 bits whatever the precision of the coords.
    cell = jnp.clip(jnp.floor(position).astype(jnp.int32), 0, resolution - 1)
    t = position - cell.astype(position.dtype)
    if smooth:
        t = t * t * (3 - 2 * t)
    total = jnp.zeros((), jnp.result_type(table, coords))
    # A gather for each corner and level: they compile in seconds, but on a CPU they and
    # their gradients run about three times as fast as fewer, larger ones.
    for corner in itertools.product((0, 1), repeat=coords.shape[-1]):
        weight = jnp.ones((), t.dtype)
        for axis, upper in enumerate(corner):
            weight = weight * (t[..., axis] if upper else 1 - t[..., axis])
        vertex = [cell[..., axis] + upper for axis, upper in enumerate(corner)]
        row = _row(vertex, resolution, table.shape[0])
        total = total + weight[..., None] * table[row]
    return total


def _row(vertex: list[Array], resolution: int, rows: int) -> Array:
    """Row of a vertex, given by its index along each axis: its own, or a hash."""
    if (resolution + 1) ** len(vertex) <= rows:
        index = jnp.zeros((), jnp.int32)
        for i in vertex:
            index = index * (resolution + 1) + i
        return index
    bits = jnp.zeros((), jnp.uint32)
    for i, prime in zip(vertex, _PRIMES, strict=False):
        bits = bits ^ (i.astype(jnp.uint32) * np.uint32(prime))
    return (bits & np.uint32(rows - 1)).astype(jnp.int32)
