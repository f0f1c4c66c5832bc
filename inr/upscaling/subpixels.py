"""The base of an upscaler with SPAN's trunk: an image that is four times as fine.

Notation. A subpixel is a pixel of the base, a quarter of a pixel of the input along
each axis. Output pixels coarser than subpixels are reductions of the base by Keys'
cubic kernel, which is widened by the ratio r of their sides (r = 1 for finer output
pixels and for points). That is the bicubic reduction by which published networks are
trained, so the base at scale 2 is what a network for scale 4 says about it.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr._typing import Array, Size
from inr.coords import keys_cubic, sample_grid

FINENESS = 4  # subpixels to a pixel, along each axis

# Pixels to each side that reach an output pixel: it is no larger than one pixel, which
# widens the kernel's radius of two subpixels to two pixels.
REACH = 2


class Subpixels(nn.Module):
    """A convolution to the colors of all subpixels, as the last layer of SPAN."""

    @nn.compact
    def __call__(self, features: Array) -> Array:
        """RGB `[4 h, 4 w, 3]` of features `[h, w, k]`."""
        n = FINENESS
        colors = nn.Conv(3 * n**2, (3, 3), name="conv")(features)
        h, w, _ = colors.shape
        by_position = colors.reshape(h, w, 3, n, n).transpose(0, 3, 1, 4, 2)
        return by_position.reshape(n * h, n * w, 3)


def sample_base(base: Array, center: Array, cell: Array | None) -> Array:
    """Colors of the base for points, or for cells that are at most a pixel large.

    Args:
      base: `[4 h, 4 w, k]`.
      center: `[..., 2]`, in [-1, 1].
      cell: sides of the cells in pixels of the input, `[..., 2]`; None for points.

    Returns:
      `[..., k]`.
    """
    if cell is None:
        return sample_grid(base, center, interpolation="cubic")
    taps = jnp.arange(2 * REACH * FINENESS)
    taps = taps.reshape((1,) * (center.ndim - 1) + taps.shape)
    weights, indices = [], []
    for axis in range(2):
        n = base.shape[axis]
        ratio = jnp.clip(FINENESS * cell[..., axis : axis + 1], 1, FINENESS)
        place = (center[..., axis : axis + 1] + 1) * n / 2 - 0.5
        subpixel = jnp.floor(place - 2 * ratio) + 1 + taps
        weight = keys_cubic(jnp.abs(subpixel - place) / ratio)
        weights.append(weight / weight.sum(-1, keepdims=True))
        indices.append(jnp.clip(subpixel.astype(jnp.int32), 0, n - 1))
    rows, columns = indices
    patch = base[rows[..., :, None], columns[..., None, :]]
    return jnp.einsum("...i,...j,...ijk->...k", *weights, patch)


def resize_base(base: Array, scale: Size) -> Array:
    """The base at whole-number scales of the input, `[scale[0] h, scale[1] w, k]`."""
    for axis in range(2):
        base = jnp.moveaxis(
            _resize_rows(jnp.moveaxis(base, axis, 0), scale[axis]), 0, axis
        )
    return base


def _resize_rows(base: Array, scale: int) -> Array:
    """Rows `[4 h, ...]` resized to `[scale h, ...]`.

    Every pixel has the same pattern of output rows, so one small matrix holds the
    weights of all subpixels in reach.
    """
    if scale == FINENESS:
        return base
    edge = REACH * FINENESS
    padded = jnp.pad(base, [(edge, edge)] + [(0, 0)] * (base.ndim - 1), mode="edge")
    by_pixel = padded.reshape(-1, FINENESS, *base.shape[1:])
    num_pixels = base.shape[0] // FINENESS
    total = jnp.zeros((), base.dtype)
    for i, weights in enumerate(_row_weights(scale)):
        part = by_pixel[i : i + num_pixels]
        total = total + jnp.einsum(
            "hq...,pq->hp...", part, weights, precision=jax.lax.Precision.HIGHEST
        )
    return total.reshape(-1, *base.shape[1:])


def _row_weights(scale: int) -> np.ndarray:
    """Weights `[5, scale, 4]` of a pixel, its neighbors and their subpixels."""
    ratio = max(FINENESS / scale, 1)
    center = (np.arange(scale)[:, None] + 0.5) * FINENESS / scale
    offset = np.arange(-REACH, REACH + 1)[:, None, None] * FINENESS
    place = offset + np.arange(FINENESS) + 0.5
    with jax.ensure_compile_time_eval():
        weights = np.asarray(keys_cubic(np.abs(place - center) / ratio))
    return weights / weights.sum((0, 2), keepdims=True)
