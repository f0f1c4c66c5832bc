"""`decode`, `decode_field` and `info`: from bytes to pixels, a field, or facts."""

import functools
import os
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks
from inr._memory import aligned_empty
from inr._typing import Array, Params, Region, Size
from inr.codec.coding import FixedPointNetworks, decode_latents, networks
from inr.codec.container import Header, unpack
from inr.codec.field_container import is_field_file
from inr.codec.fields import decode_parameters
from inr.codec.last_layer import from_bytes, with_change
from inr.codec.networks import Codec, Networks, at_point, identity
from inr.codec.pyramid import Latents
from inr.codec.synthesis import Synthesis
from inr.codec.tiles import overlapping, tile_corners, tile_size
from inr.color import rgb_to_luma
from inr.fields import BoundField
from inr.models import LoadedModel, resolve

Model = str | os.PathLike | LoadedModel


class Info(NamedTuple):
    """What is in a file.

    Attributes:
      size: height and width in pixels.
      channels: 1 or 3.
      num_bytes: length of the file.
      bpp: bits a pixel.
      num_tiles: parts that are decoded by themselves.
    """

    size: Size
    channels: int
    num_bytes: int
    bpp: float
    num_tiles: int


def info(data: bytes) -> Info:
    """Facts about a file, without decoding it.

    Args:
      data: what `encode` returned.

    Returns:
      An `Info`.

    Raises:
      TypeError: if `data` is not bytes.
      ValueError: if the file is not of this format, of a later version, or damaged.
    """
    header, tiles = unpack(data)
    h, w = header.size
    bpp = 8 * len(data) / (h * w)
    return Info(header.size, header.channels, len(data), bpp, len(tiles))


def decode(
    data: bytes, *, region: Region | None = None, model: Model = "codec"
) -> Array:
    """Decompress a picture, or a part of it.

    Args:
      data: what `encode` returned.
      region: `((top, left), (bottom, right))`, as fractions of the picture; None for
        the complete picture. Borders are rounded to whole pixels. Only the tiles that
        it touches are decoded.
      model: the model that encoded the picture.

    Returns:
      `[h, w, c]` in [0, 1], sRGB-encoded, rounded to 8-bit levels.

    Raises:
      TypeError: if `data` is not bytes.
      ValueError: if the file is not of this format, of a later version, of another
        model, or damaged.
    """
    header, tiles = unpack(data)
    region = _checks.as_region("region", region, 2)
    nets = _networks(header, model)
    entropy = networks(nets.entropy)
    n = np.asarray(header.size)
    start = np.rint(np.asarray(region[0]) * n).astype(int)
    stop = np.maximum(np.rint(np.asarray(region[1]) * n).astype(int), start + 1)
    start = np.minimum(start, n - 1)
    result = aligned_empty((*(stop - start).tolist(), header.channels))
    side = tile_size(header.size)

    # A function, so that no array of a tile outlives it.
    def copy_tile(data: bytes, corner: Size) -> None:
        latents = _latents(entropy, side, data)
        pixels = np.asarray(_pixels(nets.synthesis, latents, header.channels))
        first = np.maximum(np.subtract(start, corner), 0)
        last = np.minimum(np.subtract(stop, corner), side)
        top, left = np.add(corner, first) - start
        h, w = last - first
        result[top : top + h, left : left + w] = pixels[
            first[0] : last[0], first[1] : last[1]
        ]

    for i, corner in overlapping(header.size, region):
        copy_tile(tiles[i], corner)
    return jax.device_put(result, may_alias=True)


def decode_field(data: bytes, *, model: Model = "codec") -> BoundField:
    """The field of a file of `encode` or `encode_field`, which renders at any size.

    A field of `encode_field` is of the family that was encoded, with its dtypes. A file
    from a stranger is safe: memory and time are in proportion to it.

    A picture of `encode` becomes a field of RGB `[..., 3]`, also if it is gray. At the
    pixel centers it has the values of `decode`, not rounded and not clipped.
    Between them its feature map is interpolated by cubics.

    Args:
      data: what `encode` returned, or the `data` of `encode_field`.
      model: the model that encoded the picture; not used for files of `encode_field`.

    Returns:
      The field.

    Raises:
      TypeError: if `data` is not bytes.
      ValueError: if the file is not of these formats, of a later version, of another
        model, of a family that is not registered, or damaged.
    """
    if is_field_file(data):
        return decode_parameters(data)
    header, tiles = unpack(data)
    nets = _networks(header, model)
    entropy = networks(nets.entropy)
    side = tile_size(header.size)
    features = jnp.zeros((*header.size, Synthesis().width))
    for corner, tile in zip(tile_corners(header.size), tiles, strict=True):
        part = _features(nets.synthesis, _latents(entropy, side, tile))
        features = features.at[
            corner[0] : corner[0] + side[0], corner[1] : corner[1] + side[1]
        ].set(part)
    return BoundField(Synthesis(), nets.synthesis, features)


def _networks(header: Header, model: Model) -> Networks:
    loaded = resolve(model, "codec")
    assert isinstance(loaded.model, Codec)
    same = identity(loaded.params) == header.model
    if not same:
        fix = "Give the model that encoded the picture as `model`."
        expected = f"a file of the model {identity(loaded.params):08x}"
        raise _checks.fail("data", expected, f"of {header.model:08x}", fix)
    nets = at_point(loaded.params, header.point)
    return with_change(nets, from_bytes(header.change))


def _latents(entropy: FixedPointNetworks, size: Size, data: bytes) -> Latents:
    return tuple(jnp.asarray(x) for x in decode_latents(entropy, size, data))


@jax.jit
def _features(synthesis: Params, latents: Latents) -> Array:
    return cast(Array, Synthesis().apply(synthesis, latents, method="encode"))


@functools.partial(jax.jit, static_argnames="channels")
def _pixels(synthesis: Params, latents: Latents, channels: int) -> Array:
    rgb = cast(Array, Synthesis().apply(synthesis, latents, method="pixels"))
    image = rgb if channels == 3 else rgb_to_luma(rgb)
    return jnp.round(image.clip(0, 1) * 255) / 255
