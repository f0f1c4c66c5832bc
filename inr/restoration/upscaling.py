"""`upscale`: an image in, the same at any larger size out, all of it or a part.

The encoder sees the image in windows that overlap by as far as it looks, and the
result is rendered block by block from their maps: memory grows with the result alone,
and blocks equal those of the whole image's map to float tolerance. Where a pixel of the
image becomes whole numbers of them, waves are not evaluated at each, see
`Upscaler.pixels`.
"""

import functools
import itertools
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from tqdm.auto import tqdm

from inr import _checks, rendering
from inr._typing import Array, ArrayLike, Params, Region, Size
from inr.coords import sample_grid
from inr.fields import BoundField, bind
from inr.fields.base import encoding_bytes
from inr.restoration.files import LoadedModel, resolve
from inr.restoration.upscaler import Upscaler

Scale = int | float | tuple[int | float, int | float]

_SIDES = (256, 128, 64, 32, 16)  # of what a window is for, in pixels of the image
_SECONDS_WITHOUT_BAR = 2.0


def upscale(
    image: Float[ArrayLike, "h w *channels"],
    scale: Scale,
    *,
    region: Region | None = None,
    model: str | os.PathLike | LoadedModel = "upscale",
    ensemble: bool = False,
    max_bytes: int | None = None,
    progress: bool = True,
) -> Array:
    """An image enlarged by any factor, with the detail that a model expects.

    Args:
      image: `[h, w]` or `[h, w, c]` in [0, 1], sRGB-encoded; c is 1 for gray, 3 for
        RGB, and one more for alpha, which is enlarged by cubic interpolation.
      scale: pixels of the result to one of the image, at least 1; two numbers for rows
        and columns. The size of the result is rounded.
      region: `((top, left), (bottom, right))`, as fractions of the image; by default
        all of it.
      model: a name in `inr.pretrained.names()`, a file that `save_model` wrote, or
        what `load_model` returns.
      ensemble: the mean over the image's four turns, at four times the time.
      max_bytes: what the call may allocate: the result, and the working memory of a
        block.
      progress: shows a bar if it takes more than two seconds.

    Returns:
      `[round(scale h), round(scale w), c]`, of the region where one is given; c is 1
      for `[h, w]`. Not clipped.

    Raises:
      ValueError: for an image of another shape, one that is empty or holds NaN, a scale
        below 1, an unknown model or file, and a budget that is too small (naming the
        least that works).
    """
    image = np.asarray(_checks.as_image("image", image))
    c = image.shape[-1]
    if c > 4:
        raise _checks.fail("image", "gray or RGB, with or without alpha", image.shape)
    region = _checks.as_region("region", region or ((0.0, 0.0), (1.0, 1.0)), 2)
    size = _size(image.shape[:2], scale, region)
    plain = image if c in (1, 3) else image[..., :-1]
    module, params = resolve(model, Upscaler)
    module = module.clone(gray=plain.shape[-1] == 1)
    network = _Network(module, params, 4 if ensemble else 1)
    held = 4 * math.prod(size) * c
    side = _block_side(network, plain.shape, region, size, max_bytes, held)
    result = np.empty((*size, c), np.float32)
    with tqdm(
        total=math.prod(size),
        delay=_SECONDS_WITHOUT_BAR,
        disable=not progress,
        unit="px",
        unit_scale=True,
    ) as bar:
        for place, made in _blocks(network, plain, region, size, side):
            result[(*place, slice(plain.shape[-1]))] = made
            # The last blocks overlap those before.
            bar.update(min(math.prod(made.shape[:2]), bar.total - bar.n))
    if plain is not image:
        opacity = functools.partial(sample_grid, image[..., -1:], interpolation="cubic")
        result[..., -1:] = rendering.render(
            opacity, size, region=region, progress=False
        )
    return jnp.asarray(result)


class _Network(NamedTuple):
    """A model with its parameters, and how many turns of an image it is asked for."""

    model: Upscaler
    params: Params
    turns: int

    def whole_scale(self, start: np.ndarray, pitch: np.ndarray) -> Size | None:
        """Pixels of the result to one of the image, if they fill it, and are waves."""
        scale = np.rint(1 / pitch)
        first = start * scale
        fits = np.allclose(scale * pitch, 1, rtol=0, atol=1e-9)
        fits = fits and np.allclose(first, np.rint(first), rtol=0, atol=1e-6)
        fits = fits and self.model.head == "waves"
        return tuple(scale.astype(int).tolist()) if fits else None

    def bind(self, image: ArrayLike) -> "_Turned":
        turned = [jnp.rot90(image, k) for k in range(self.turns)]
        return _Turned(tuple(bind(self.model, self.params, x) for x in turned))


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=("fields",), meta_fields=()
)
@dataclass(frozen=True)
class _Turned:
    """The mean of fields of one image, the k-th of them after k quarter turns."""

    fields: tuple[BoundField, ...]

    def __call__(self, coords: Array) -> Array:
        made = [f(_turn(coords, k)) for k, f in enumerate(self.fields)]
        return sum(made) / len(made)

    def cell_mean(self, coords: Array, cell: Array) -> Array:
        made = [
            f.cell_mean(_turn(coords, k), cell[::-1] if k % 2 else cell)
            for k, f in enumerate(self.fields)
        ]
        return sum(made) / len(made)


@functools.partial(jax.jit, static_argnames=("model", "turns", "scale"))
def _all_pixels(
    model: Upscaler, params: Params, turns: int, image: ArrayLike, scale: Size
) -> Array:
    """A whole image enlarged, `[scale[0] h, scale[1] w, c]`."""
    made = []
    for k in range(turns):
        maps = model.apply(params, jnp.rot90(image, k), method="encode")
        turned = scale[::-1] if k % 2 else scale
        one = model.apply(params, maps, turned, method="pixels")
        made.append(jnp.rot90(one, -k))
    return sum(made) / turns


def _turn(coords: Array, k: int) -> Array:
    """Where a point of an image is in `np.rot90(image, k)`."""
    y, x = coords[..., 0], coords[..., 1]
    return jnp.stack(((y, x), (-x, y), (-y, -x), (x, -y))[k], -1)


def _size(size: Size, scale: Scale, region: Region) -> Size:
    scales = scale if isinstance(scale, tuple | list) else (scale, scale)
    if len(scales) != 2 or not all(1 <= s < math.inf for s in scales):
        raise _checks.fail("scale", "at least 1, one number or two", scale)
    return tuple(
        max(round(s * (b - a) * n), 1)
        for s, a, b, n in zip(scales, *region, size, strict=True)
    )


def _blocks(
    network: _Network, image: np.ndarray, region: Region, size: Size, side: int
) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Places in the result, and what belongs there.

    All windows have one shape, and so have all blocks: the last ones reach back. So a
    window ends at the image's border or `reach` beyond what it is for, and nothing is
    invented at its ends.
    """
    start, pitch, window, block = _geometry(network, image.shape, region, size, side)
    scale = network.whole_scale(start, pitch)
    corners = [
        [min(i, n - m) for i in range(0, n, m)]
        for n, m in zip(size, block, strict=True)
    ]
    for corner in itertools.product(*corners):
        first = start + corner * pitch
        low = np.floor(first).astype(int) - network.model.reach
        low = np.clip(low, 0, np.subtract(image.shape[:2], window))
        part = image[_slices(low.tolist(), window)]
        if scale is None:
            inside = (first - low) / window, (first + block * pitch - low) / window
            made = rendering.render(
                network.bind(part),
                block,
                region=tuple(tuple(np.clip(x, 0, 1).tolist()) for x in inside),
                antialias="integral",
                progress=False,
            )
        else:
            made = np.asarray(_all_pixels(*network, part, scale))
            skipped = np.rint((first - low) * scale).astype(int)
            made = made[_slices(skipped.tolist(), block)]
        yield _slices(corner, block), made


def _slices(start: Iterable[int], count: Size) -> tuple[slice, ...]:
    return tuple(slice(i, i + n) for i, n in zip(start, count, strict=True))


def _geometry(
    network: _Network, shape: Size, region: Region, size: Size, side: int
) -> tuple[np.ndarray, np.ndarray, Size, Size]:
    """The region's corner and a result's pixel, in the image's; window and block."""
    n = np.asarray(shape[:2])
    start = np.asarray(region[0]) * n
    pitch = np.asarray(region[1]) * n - start
    pitch = pitch / np.asarray(size)
    reach = network.model.reach
    window = tuple(min(side + 2 * reach + 1, int(m)) for m in n)
    block = tuple(
        min(max(int(side / p), 1), m) for p, m in zip(pitch, size, strict=True)
    )
    return start, pitch, window, block


def _block_side(
    network: _Network,
    shape: Size,
    region: Region,
    size: Size,
    max_bytes: int | None,
    held: int,
) -> int:
    """Of the windows' inner part: the largest that is in the budget."""
    if max_bytes is None:
        return _SIDES[0]
    for side in _SIDES:
        least = held + _block_bytes(network, shape, region, size, side)
        if least <= max_bytes:
            return side
    raise _checks.fail("max_bytes", f"at least {least} for this size", max_bytes)


def _block_bytes(
    network: _Network, shape: Size, region: Region, size: Size, side: int
) -> int:
    start, pitch, window, block = _geometry(network, shape, region, size, side)
    seen = jax.ShapeDtypeStruct((*window, shape[-1]), jnp.float32)
    scale = network.whole_scale(start, pitch)
    if scale is not None:
        memory = _all_pixels.lower(*network, seen, scale).compile().memory_analysis()
        return memory.temp_size_in_bytes + memory.output_size_in_bytes
    field = jax.eval_shape(network.bind, seen)
    working = encoding_bytes(network.model, network.params, seen)
    return network.turns * working + rendering.least_bytes(
        field, block, antialias="integral"
    )
