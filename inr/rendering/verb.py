"""The verb `render`: tiles computed one after the other, and copied to the host."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from inr import _checks
from inr._field_checks import check_field
from inr._memory import aligned_empty
from inr._progress import pixel_bar, tqdm
from inr._sharding import Devices, as_local_split
from inr._typing import Array, Field, Region, Size
from inr.rendering.budget import tile_points
from inr.rendering.tiles import (
    Antialias,
    as_antialias,
    grid_geometry,
    num_features,
    tile,
)


def render(
    field: Field,
    size: Size,
    *,
    region: Region | None = None,
    antialias: Antialias | None = None,
    max_bytes: int | None = None,
    out: np.ndarray | None = None,
    progress: bool = True,
    sharding: Devices | None = None,
) -> Array | np.ndarray:
    """Values of a field on a regular grid, at pixel centers.

    Args:
      field: maps coords `[..., d]` to features `[..., k]`: a `BoundField` or a plain
        function. It is compiled once for all sizes.
      size: samples along each axis, `(h, w)`.
      region: part of the signal to render, `((top, left), (bottom, right))` as
        fractions in [0, 1]; by default the complete signal.
      antialias: None for the value at the center of each pixel; a whole number s for
        the mean of s samples along each axis of the pixel; `"integral"` for the mean
        over the pixel in closed form, which some families have.
      max_bytes: limit of the memory that the call allocates: the result, unless it is
        written to `out`, and the temporary arrays of a tile. By default the size of
        tiles is chosen for speed.
      out: floating array `[*size, k]` to write the result to, such as a memory map.
      progress: whether to show a progress bar after two seconds.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each computes some
        points of every tile. `max_bytes` is then the result and the memory of one
        device.

    Returns:
      `[*size, k]`, not clipped; `out` if given.

    Raises:
      ValueError: for an invalid size, region or `out`, for a field that does not map
        each point to real features, for a budget that is too small (the error names the
        smallest one), and for `antialias="integral"` with a field that has no closed
        form.
    """
    check_field(field)
    size = _checks.as_size("size", size)
    _checks.check_flag("progress", progress)
    split = as_local_split("sharding", sharding)
    field = _checks.as_pytree("field", field)
    antialias = as_antialias(field, antialias)
    geometry = grid_geometry(size, region)
    n, k = math.prod(size), num_features(field, geometry, antialias)
    if out is not None:
        _check_out(out, (*size, k))
    # The bar includes the compilation, which can take longer than the tiles.
    with pixel_bar(n, progress=progress) as bar:
        result_bytes = 4 * n * k if out is None else 0
        points = tile_points(field, geometry, antialias, max_bytes, result_bytes, split)
        compute = functools.partial(tile, points=points, antialias=antialias)
        if split is not None:
            points *= split.count
            compute = functools.partial(
                tile, points=points, antialias=antialias, sharding=split.rows
            )
            field, geometry = jax.device_put((field, geometry), split.replicated)

        def compute_at(first: Array | np.ndarray) -> Array:
            return compute(field, first, *geometry)

        firsts = np.stack(np.unravel_index(np.arange(0, n, points), size), -1)
        firsts = firsts.astype(np.int32)
        first_tile = compute_at(firsts[0])
        # The tile is traced if the field, or the caller of `render`, is.
        if not _checks.is_concrete(first_tile):
            if out is not None:
                raise _checks.fail("out", "None under a JAX transformation", "an array")
            tiles = lax.map(compute_at, firsts)
            return tiles.reshape(-1, k)[:n].reshape(*size, k)
        result = aligned_empty((*size, k)) if out is None else out
        _copy_tiles(compute_at, first_tile, firsts, result.reshape(n, k), bar)
    return out if out is not None else jax.device_put(result, may_alias=True)


def _copy_tiles(
    compute_at: Callable[[np.ndarray], Array],
    first_tile: Array,
    firsts: np.ndarray,
    rows: np.ndarray,
    bar: tqdm,
) -> None:
    """Compute all tiles, and copy them to rows `[n, k]`."""
    n, points, next_tile = len(rows), len(first_tile), first_tile
    for i, start in enumerate(range(0, n, points)):
        this_tile = next_tile
        # The device computes the next tile while the host copies this one.
        if start + points < n:
            next_tile = compute_at(firsts[i + 1])
        rows[start : start + points] = np.asarray(this_tile)[: n - start]
        bar.update(min(points, n - start))


def _check_out(out: np.ndarray, shape: Size) -> None:
    if not isinstance(out, np.ndarray) or out.shape != shape:
        raise _checks.fail(
            "out",
            f"a NumPy array or memmap {shape}",
            f"{type(out).__name__} {np.shape(out)}",
        )
    if not jnp.issubdtype(out.dtype, jnp.floating):
        raise _checks.fail(
            "out",
            "a floating array",
            f"dtype {out.dtype}",
            "Render without `out=`, and convert the result.",
        )
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise _checks.fail("out", "contiguous and writeable", "one that is not")
