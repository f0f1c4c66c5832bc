"""Multiresolution hash grids: trained lookup tables [Mueller et al. 2022].

Notation. Level l is a grid of N_l cells along each axis of [-1, 1], with f features at
each of its (N_l + 1)^d vertices. N_l grows geometrically. If the table has that many
rows, a vertex uses the row of its row-major index. Otherwise vertices with equal
(i_1 * 1) xor (i_2 * 2654435761) xor (i_3 * 805459861), modulo the table's size, share
the row of that index. The features of a point are interpolated from the 2^d vertices of
its cell, and a small perceptron maps the features of all levels to those of the field.
Beyond [-1, 1] the value at the border continues.
"""

import functools
import itertools
import math
from typing import ClassVar, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from inr import _checks
from inr._registry import register
from inr._typing import Array
from inr.fields import init, streams
from inr.fields.base import FieldModule
from inr.fields.layers import perceptron
from inr.fields.streams import Features, Streams

Interpolation = Literal["linear", "smooth"]

_PRIMES = (1, 2654435761, 805459861)


@register("HashGrid")
class HashGrid(FieldModule):
    """Small perceptron on a multiresolution hash encoding [Mueller et al. 2022].

    Most parameters are in tables, and each point reads only a few rows of them.

    Attributes:
      features: output features, k.
      width: units of every hidden layer.
      depth: hidden layers after the encoding.
      levels: number of grids.
      features_per_level: features at each vertex.
      log2_table_size: logarithm to base 2 of the rows of the largest tables.
      base_resolution: cells along each axis of the coarsest grid.
      growth: ratio of the resolutions of neighboring levels. The finest grid has
        base_resolution * growth^(levels - 1) cells, rounded down. More cells than
        samples do not help.
      interpolation: `"linear"`, followed by ReLUs; or `"smooth"`, a cubic smoothstep in
        each cell followed by smooth activations. Use `"smooth"` for fields whose
        gradients and Laplacians you need.
      precision: precision of matrix products, as in `Siren`.
      dtype: dtype of the inputs of matrix products, as in `Siren`.
    """

    default_learning_rate: ClassVar[float] = 1e-2

    width: int = 64
    depth: int = 2
    levels: int = 16
    features_per_level: int = 2
    log2_table_size: int = 15
    base_resolution: int = 16
    growth: float = 1.26
    interpolation: Interpolation = "linear"
    precision: str | None = "highest"
    dtype: DTypeLike | None = None

    def __post_init__(self):
        super().__post_init__()
        for name in ("levels", "features_per_level", "base_resolution"):
            _checks.as_count(name, getattr(self, name))
        if _checks.as_count("log2_table_size", self.log2_table_size) > 24:
            raise _checks.fail("log2_table_size", "at most 24", self.log2_table_size)
        if _checks.as_positive("growth", self.growth) < 1:
            raise _checks.fail("growth", "at least 1", repr(self.growth))
        choices = get_args(Interpolation)
        _checks.check_choice("interpolation", self.interpolation, choices)

    def network(self, x: Features) -> Features:
        smooth = self.interpolation == "smooth"
        if isinstance(x, Streams) and not smooth:
            raise ValueError(
                "The second derivatives of a hash grid with linear interpolation are "
                'zero almost everywhere. Fit one with `interpolation="smooth"` instead.'
            )
        ndim = streams.width(x)
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
        """Cells along each axis, for every level."""
        # With the margin 1.5 * (4 / 3) is rounded down to 2 and not to 1.
        sizes = (self.base_resolution * self.growth**i for i in range(self.levels))
        return tuple(math.floor(size * (1 + 1e-9)) for size in sizes)

    def _table(self, level: int, resolution: int, ndim: int) -> Array:
        rows = min((resolution + 1) ** ndim, 2**self.log2_table_size)
        shape = (rows, self.features_per_level)
        # Almost zero: the initial field is a constant, and all levels are alike.
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
    # One gather for each corner and level takes seconds to compile. On a CPU it and its
    # gradient run about three times as fast as fewer, larger gathers.
    for corner in itertools.product((0, 1), repeat=coords.shape[-1]):
        weight = jnp.ones((), t.dtype)
        for axis, upper in enumerate(corner):
            weight = weight * (t[..., axis] if upper else 1 - t[..., axis])
        vertex = [cell[..., axis] + upper for axis, upper in enumerate(corner)]
        row = _row(vertex, resolution, table.shape[0])
        total = total + weight[..., None] * table[row]
    return total


def _row(vertex: list[Array], resolution: int, rows: int) -> Array:
    """Row of a vertex with this index along each axis: row-major, or hashed."""
    if (resolution + 1) ** len(vertex) <= rows:
        index = jnp.zeros((), jnp.int32)
        for i in vertex:
            index = index * (resolution + 1) + i
        return index
    bits = jnp.zeros((), jnp.uint32)
    for i, prime in zip(vertex, _PRIMES, strict=False):
        bits = bits ^ (i.astype(jnp.uint32) * np.uint32(prime))
    return (bits & np.uint32(rows - 1)).astype(jnp.int32)
