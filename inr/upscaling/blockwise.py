"""`upscale`: enlarge an image by any factor, completely or in part.

The encoder reads the image in windows that overlap by its receptive field, and each
window yields one block of the result. So memory grows with the result alone, and the
blocks equal those of a single window to float tolerance. For whole-number scales
`Upscaler.pixels` replaces the general decoder.
"""

import functools
import itertools
import math
import os
from collections.abc import Iterable, Iterator
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, _conversions, rendering
from inr._encoding import encoding_bytes
from inr._memory import aligned_empty, program_bytes
from inr._progress import pixel_bar
from inr._sharding import Devices, Split, as_local_split
from inr._typing import Array, ImageLike, Region, Size
from inr.coords import region_size, sample_grid
from inr.models import LoadedModel, resolve
from inr.upscaling.network import Network, Window, all_pixels, enlarge, pad

_Item = TypeVar("_Item")

Scale = int | float | tuple[int | float, int | float]

# Sides of a window without its overlap, in input pixels. The large one computes less
# twice, but each size of an image that fits into it would need a program of its own.
_LARGE_SIDE = 512
_SIDES = (256, 128, 64, 32, 16)


def upscale(
    image: ImageLike,
    scale: Scale,
    *,
    region: Region | None = None,
    model: str | os.PathLike | LoadedModel = "upscale",
    ensemble: bool = False,
    max_bytes: int | None = None,
    progress: bool = True,
    sharding: Devices | None = None,
) -> Array:
    """Enlarge an image by any factor, with detail that a model predicts.

    Args:
      image: `[h, w]` or `[h, w, c]` in [0, 1], sRGB-encoded; c is 1 for gray, 3 for
        RGB, and one more with an alpha channel, which is interpolated. uint8 and uint16
        arrays and PIL images are accepted too.
      scale: output pixels to an input pixel, at least 1; two numbers for rows and
        columns. The size of the result is rounded.
      region: `((top, left), (bottom, right))`, as fractions of the image; None for the
        complete image.
      model: a name in `inr.pretrained.names()`, a file that `save_model` wrote, or a
        `LoadedModel`.
      ensemble: averages the predictions for four rotations of the image, at four times
        the cost.
      max_bytes: memory that the call may allocate: the result, and one block's working
        memory.
      progress: shows a bar if the call takes more than two seconds.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. Each computes some
        blocks of the result, or some points of every block if a scale is not whole.
        `max_bytes` is then the result and the memory of one device.

    Returns:
      `[round(scale h), round(scale w), c]`, of the region if there is one; c is 1 for
      `[h, w]`. Not clipped.

    Raises:
      ValueError: for an image of another shape, or one that is empty or not finite; a
        scale below 1; an unknown model or file; and a budget that is too small, naming
        the smallest that works.
    """
    image = _checks.as_numpy("image", _conversions.as_image("image", image), "an image")
    c = image.shape[-1]
    if c > 4:
        fix = _conversions.channels_fix(image.shape)
        expected = "gray or RGB, with or without alpha"
        raise _checks.fail("image", expected, image.shape, fix)
    region = _checks.as_region("region", region, 2)
    _checks.check_flag("ensemble", ensemble)
    _checks.check_flag("progress", progress)
    max_bytes = _checks.as_bytes("max_bytes", max_bytes)
    split = as_local_split("sharding", sharding)
    size = _output_size(image.shape[:2], scale, region)
    opaque = image if c in (1, 3) else image[..., :-1]
    loaded = resolve(model, "upscale")
    rotations = 4 if ensemble else 1
    network = Network(loaded.model.for_image(opaque), loaded.params, rotations)
    result_bytes = 4 * math.prod(size) * c
    result = aligned_empty((*size, c))
    with pixel_bar(math.prod(size), progress=progress) as bar:
        # Under a budget this compiles too.
        side = _window_side(
            network, opaque.shape, region, size, max_bytes, result_bytes
        )
        for position, block in _blocks(network, opaque, region, size, side, split):
            result[(*position, slice(opaque.shape[-1]))] = block
            # The last blocks overlap those before.
            bar.update(min(math.prod(block.shape[:2]), bar.total - bar.n))
    if opaque is not image:
        alpha = functools.partial(sample_grid, image[..., -1:], interpolation="cubic")
        result[..., -1:] = rendering.render(alpha, size, region=region, progress=False)
    return jax.device_put(result, may_alias=True)


def _output_size(size: Size, scale: Scale, region: Region) -> Size:
    scales = scale if isinstance(scale, tuple | list) else (scale, scale)
    numbers = all(isinstance(s, int | float) for s in scales)
    if len(scales) != 2 or not numbers or not all(1 <= s < math.inf for s in scales):
        raise _checks.fail("scale", "at least 1, one number or two", repr(scale))
    return region_size(size, region=region, scale=tuple(scales))


def _blocks(
    network: Network,
    image: np.ndarray,
    region: Region,
    size: Size,
    side: int,
    split: Split | None,
) -> Iterator[tuple[tuple[slice, ...], Array | np.ndarray]]:
    """Positions of blocks in the result, and the blocks.

    All windows have one shape, and so have all blocks: the last ones overlap those
    before. A window therefore ends at the image's border, or a receptive field beyond
    its block, and padding never reaches the block. An image that is smaller than a
    window lies in a larger array, so that images of many sizes share a program.
    """
    start, pitch, window, block = _geometry(network, image.shape, region, size, side)
    padded = network.padded_size(window, image.shape[:2], _most(network, side))
    scale = network.whole_scale(start, pitch)
    corners = [
        [min(i, n - m) for i in range(0, n, m)]
        for n, m in zip(size, block, strict=True)
    ]
    count = 1
    if split is not None and scale is not None:
        count = split.count
        params = jax.device_put(network.params, split.replicated)
        network = network._replace(params=params)
    for group in _groups([*itertools.product(*corners)], count):
        firsts = [start + corner * pitch for corner in group]
        lows = [np.floor(first).astype(int) - network.model.reach for first in firsts]
        lows = [np.clip(low, 0, np.subtract(image.shape[:2], window)) for low in lows]
        parts = [pad(image[_slices(low.tolist(), window)], padded) for low in lows]
        if scale is not None:
            outputs = enlarge(network, parts, scale, split)
            for corner, first, low, pixels in zip(
                group, firsts, lows, outputs, strict=True
            ):
                skipped = np.rint((first - low) * scale).astype(int)
                yield _slices(corner, block), pixels[_slices(skipped.tolist(), block)]
            continue
        (first,), (low,), (part,) = firsts, lows, parts
        inside = (first - low) / padded, (first + block * pitch - low) / padded
        output = rendering.render(
            network.bind(part),
            block,
            region=tuple(tuple(np.clip(x, 0, 1).tolist()) for x in inside),
            antialias="integral",
            progress=False,
            sharding=None if split is None else split.rows,
        )
        yield _slices(group[0], block), output


def _groups(items: list[_Item], count: int) -> Iterator[list[_Item]]:
    """Consecutive groups of `count` items, of which the last one may be shorter."""
    for i in range(0, len(items), count):
        yield items[i : i + count]


def _slices(start: Iterable[int], count: Size) -> tuple[slice, ...]:
    return tuple(slice(i, i + n) for i, n in zip(start, count, strict=True))


def _geometry(
    network: Network, shape: Size, region: Region, size: Size, side: int
) -> tuple[np.ndarray, np.ndarray, Size, Size]:
    """The region's corner and an output pixel, in input pixels; window; block."""
    n = np.asarray(shape[:2])
    start = np.asarray(region[0]) * n
    pitch = np.asarray(region[1]) * n - start
    pitch = pitch / np.asarray(size)
    window = tuple(min(_most(network, side), int(m)) for m in n)
    block = tuple(
        min(max(int(side / p), 1), m) for p, m in zip(pitch, size, strict=True)
    )
    return start, pitch, window, block


def _most(network: Network, side: int) -> int:
    """Side of a window with its overlap."""
    return side + 2 * network.model.reach + 1


def _window_side(
    network: Network,
    shape: Size,
    region: Region,
    size: Size,
    max_bytes: int | None,
    result_bytes: int,
) -> int:
    """The largest side of a window, without its overlap, that the budget allows."""
    is_large = min(shape[:2]) >= 2 * _LARGE_SIDE
    sides = (_LARGE_SIDE, *_SIDES) if is_large else _SIDES
    if max_bytes is None:
        return sides[0]
    least = result_bytes
    for side in sides:
        least = result_bytes + _block_bytes(network, shape, region, size, side)
        if least <= max_bytes:
            return side
    raise _checks.fail("max_bytes", f"at least {least} for this size", max_bytes)


def _block_bytes(
    network: Network, shape: Size, region: Region, size: Size, side: int
) -> int:
    start, pitch, window, block = _geometry(network, shape, region, size, side)
    padded = network.padded_size(window, shape[:2], _most(network, side))
    example = jax.ShapeDtypeStruct((*padded, shape[-1]), jnp.float32)
    inside = None if padded == window else jax.ShapeDtypeStruct(padded, jnp.bool_)
    scale = network.whole_scale(start, pitch)
    if scale is not None:
        return program_bytes(all_pixels.lower(*network, Window(example, inside), scale))
    field = jax.eval_shape(network.bind, Window(example, inside))
    working = encoding_bytes(network.model, network.params, example)
    return network.rotations * working + rendering.least_bytes(
        field, block, antialias="integral"
    )
