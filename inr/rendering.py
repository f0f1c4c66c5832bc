"""A field at any size, region and scale, in tiles under a byte budget.

All tiles hold the same number of points and know only where they start, so that one
compiled program serves images of any size. The result is the untiled one to float
tolerance.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from tqdm.auto import tqdm

from inr import _checks
from inr._typing import Array, Field, Region, Size

_FAST_POINTS = 8192  # activations of width 256 then stay in a CPU's cache
_FEWEST_POINTS = 128
_SECONDS_WITHOUT_BAR = 2.0


def render(
    field: Field,
    size: Size,
    *,
    region: Region | None = None,
    antialias: int | str | None = None,
    max_bytes: int | None = None,
    out: np.ndarray | None = None,
    progress: bool = True,
) -> Array | np.ndarray:
    """Values of a field on a regular grid, at pixel centers.

    Args:
      field: coords `[..., d]` to features `[..., k]`: a `BoundField` or a plain
        function. It is compiled once for all sizes.
      size: samples along each axis, `(h, w)`.
      region: the part of the signal to render; all of it by default.
      antialias: None takes the value at each pixel's center; a whole number s averages
        s points along each axis of the pixel; `"integral"` takes the mean over the
        pixel's cell in closed form, for families that have one.
      max_bytes: what the call may allocate: the result (unless `out` takes it) and the
        working memory of a tile. By default tiles are sized for speed.
      out: array `[*size, k]` to write into, such as a memory map; tile after tile.
      progress: shows a bar if rendering takes more than two seconds.

    Returns:
      `[*size, k]`: `out` where it is given. Not clipped.

    Raises:
      ValueError: for a size, region or `out` that does not fit, for a budget that is
        too small (naming the least that works), and for `antialias="integral"` with a
        field that has no closed form.
    """
    size = _checks.as_size("size", size)
    n = math.prod(size)
    field = _checks.as_pytree("field", field)
    antialias = _as_antialias(field, antialias)
    geometry = _geometry(size, region)
    k = _num_features(field, geometry, antialias)
    shape = (*size, k)
    points = _tile_points(field, geometry, antialias, shape, max_bytes, out)
    tile = functools.partial(_tile, points=points, antialias=antialias)
    firsts = np.stack(np.unravel_index(np.arange(0, n, points), size), -1)
    firsts = firsts.astype(np.int32)
    if not _checks.is_concrete(field):
        tiles = lax.map(lambda first: tile(field, first, *geometry), firsts)
        return tiles.reshape(-1, k)[:n].reshape(shape)

    result = _aligned_empty(shape) if out is None else _checked_out(out, shape)
    rows = result.reshape(n, k)
    with tqdm(
        total=n,
        delay=_SECONDS_WITHOUT_BAR,
        disable=not progress,
        unit="px",
        unit_scale=True,
    ) as bar:
        # One tile ahead: the host copies a tile while the next one is computed.
        ahead = tile(field, firsts[0], *geometry)
        for i, start in enumerate(range(0, n, points)):
            done = ahead
            if start + points < n:
                ahead = tile(field, firsts[i + 1], *geometry)
            rows[start : start + points] = np.asarray(done)[: n - start]
            bar.update(min(points, n - start))
    return out if out is not None else jax.device_put(result, may_alias=True)


def least_bytes(field: Field, size: Size, *, antialias: int | str = 1) -> int:
    """The least budget with which `render` gives a result of that size.

    Args:
      field: as for `render`; its arrays may be `jax.ShapeDtypeStruct`s.
      size: samples along each axis.
      antialias: as for `render`.

    Returns:
      Bytes, the result among them.
    """
    features = _num_features(field, _geometry(size, None), antialias)
    fixed, a_point = _tile_bytes(*_structure(field), len(size), antialias)
    return fixed + a_point * _FEWEST_POINTS + 4 * math.prod(size) * features


@functools.partial(jax.jit, static_argnames=("points", "antialias"))
def _tile(
    field: Any,
    first: Array,
    size: Array,
    origin: Array,
    pitch: Array,
    *,
    points: int,
    antialias: int | str,
) -> Array:
    """Values at `points` pixels in row-major order from the index `first`, `[n, k]`.

    Beyond the last pixel it starts over: whoever calls cuts that off.
    """
    index = []
    running = jnp.arange(points, dtype=jnp.int32)
    for axis in reversed(range(len(size))):
        running = running + first[axis]
        index.append(running % size[axis])
        running = running // size[axis]
    center = jnp.stack(index[::-1], -1).astype(jnp.float32) + 0.5
    coords = origin[None] + pitch[None] * center
    if antialias == "integral":
        return field.cell_mean(coords, pitch)
    if antialias == 1:
        return field(coords)
    axis = (np.arange(antialias) + 0.5) / antialias - 0.5
    mesh = np.meshgrid(*[axis] * len(size), indexing="ij")
    offsets = np.stack(mesh, -1).reshape(-1, len(size)).astype(np.float32)

    def add(total: Array, offset: Array) -> tuple[Array, None]:
        return total + field(coords + (offset * pitch)[None]), None

    first_value = field(coords + (offsets[0] * pitch)[None])
    total, _ = lax.scan(add, first_value, offsets[1:])
    return total / len(offsets)


def _geometry(size: Size, region: Region | None) -> tuple[np.ndarray, ...]:
    """What places the pixels, as arguments of the tile: size, origin, pitch."""
    ndim = len(size)
    if region is None:
        region = ((0.0,) * ndim, (1.0,) * ndim)
    start, stop = map(np.asarray, _checks.as_region("region", region, ndim))
    pitch = 2 * (stop - start) / np.asarray(size)
    as32 = np.asarray(size, np.int32)
    return as32, (2 * start - 1).astype(np.float32), pitch.astype(np.float32)


def _as_antialias(field: Any, antialias: int | str | None) -> int | str:
    if antialias is None:
        return 1
    if antialias != "integral":
        return _checks.as_count("antialias", antialias)
    if not hasattr(field, "cell_mean"):
        raise _checks.fail(
            "antialias", "a whole number for a plain function", repr(antialias)
        )
    return antialias


def _num_features(field: Any, geometry: tuple, antialias: int | str) -> int:
    first = np.zeros_like(geometry[0])
    one = functools.partial(_tile, points=1, antialias=antialias)
    shape = jax.eval_shape(one, field, first, *geometry).shape
    if len(shape) != 2:
        raise _checks.fail(
            "field", "a map of coords [n, d] to features [n, k]", f"shape {shape}"
        )
    return shape[-1]


def _tile_points(
    field: Any,
    geometry: tuple,
    antialias: int | str,
    shape: Size,
    max_bytes: int | None,
    out: np.ndarray | None,
) -> int:
    """Points a tile: as many as are fast, halved until they are in the budget."""
    if max_bytes is None:
        return _FAST_POINTS
    fixed, a_point = _tile_bytes(*_structure(field), len(geometry[0]), antialias)
    fixed += 0 if out is not None else 4 * math.prod(shape)
    points = _FAST_POINTS
    while points > _FEWEST_POINTS and fixed + a_point * points > max_bytes:
        points //= 2
    least = fixed + a_point * points
    if least > max_bytes:
        raise _checks.fail(
            "max_bytes",
            f"at least {least} for this size",
            max_bytes,
            ""
            if out is not None
            else "Give `out=` a memory map, which does not count.",
        )
    return points


def _structure(field: Any) -> tuple[Any, tuple]:
    """What decides how much a field allocates, to be looked up by."""
    leaves, treedef = jax.tree.flatten(field)
    return treedef, tuple((x.shape, x.dtype) for x in map(_as_struct, leaves))


def _as_struct(x: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(jnp.shape(x), jnp.result_type(x))


@functools.lru_cache(maxsize=64)
def _tile_bytes(
    treedef: Any, shapes: tuple, ndim: int, antialias: int | str
) -> tuple[int, int]:
    """Bytes that a tile allocates: fixed, and for each point (two tiles in flight)."""
    leaves = [jax.ShapeDtypeStruct(*spec) for spec in shapes]
    field = jax.tree.unflatten(treedef, leaves)
    index = jax.ShapeDtypeStruct((ndim,), jnp.int32)
    place = jax.ShapeDtypeStruct((ndim,), jnp.float32)

    def used(points: int) -> int:
        lowered = _tile.lower(
            field, index, index, place, place, points=points, antialias=antialias
        )
        memory = lowered.compile().memory_analysis()
        return memory.temp_size_in_bytes + 2 * memory.output_size_in_bytes

    few, many = used(_FEWEST_POINTS), used(2 * _FEWEST_POINTS)
    a_point = max(-(-(many - few) // _FEWEST_POINTS), 1)
    return max(few - a_point * _FEWEST_POINTS, 0), a_point


def _aligned_empty(shape: Size) -> np.ndarray:
    """Memory that JAX can take over on a CPU without a copy: aligned to 64 bytes."""
    count = math.prod(shape)
    buffer = np.empty(count + 16, np.float32)
    skip = (-buffer.ctypes.data % 64) // 4
    return buffer[skip : skip + count].reshape(shape)


def _checked_out(out: np.ndarray, shape: Size) -> np.ndarray:
    if not isinstance(out, np.ndarray) or out.shape != shape:
        raise _checks.fail(
            "out",
            f"a NumPy array or memmap {shape}",
            f"{type(out).__name__} {np.shape(out)}",
        )
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise _checks.fail("out", "contiguous and writeable", "one that is not")
    return out
