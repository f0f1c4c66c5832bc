"""Bases of an upscaler: the images to which the functions of its pixels are added.

A base is `Unchanged` or `Subpixels`. It has a `reach`, the radius in pixels of what a
value depends on.

Notation. A subpixel is a pixel of an image that is four times as fine, a quarter of a
pixel of the input along each axis. Output pixels coarser than subpixels are reductions
of them by Keys' cubic kernel, which is widened by the ratio r of their sides (r = 1 for
finer output pixels and for points). This is the bicubic reduction that published
networks are trained to invert.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _kernels
from inr._typing import Array, Size
from inr.color import rgb_to_luma
from inr.coords import sample_grid

FINENESS = 4  # subpixels to a pixel, along each axis

# Pixels to each side that reach an output pixel: it is no larger than one pixel, which
# widens the kernel's radius of two subpixels to two pixels.
REACH = 2


class Unchanged(nn.Module):
    """The input itself, by cubic interpolation with replicated edges."""

    reach = 1

    def __call__(self, image: Array, features: Array) -> Array:
        del features
        return image

    def sample(self, base: Array, center: Array, cell: Array | None) -> Array:
        """Colors at points, or at the centers of cells; see `Subpixels.sample`."""
        del cell
        return sample_grid(base, center, interpolation="cubic")

    def enlarge(self, base: Array, scale: Size) -> Array:
        """Colors at the centers of pixels; see `Subpixels.enlarge`."""
        h, w, c = base.shape
        padded = jnp.pad(base, [(2, 2), (2, 2), (0, 0)], mode="edge")
        rows, columns = scale
        enlarged = jax.image.resize(
            padded, ((h + 4) * rows, (w + 4) * columns, c), "cubic", antialias=False
        )
        return enlarged[2 * rows : -2 * rows, 2 * columns : -2 * columns]


class Subpixels(nn.Module):
    """A convolution to the colors of all subpixels, as the last layer of SPAN."""

    reach = 1 + REACH

    @nn.compact
    def __call__(self, image: Array, features: Array) -> Array:
        """RGB `[4 h, 4 w, 3]` of features `[h, w, k]`; luma if the image is gray."""
        n = FINENESS
        colors = nn.Conv(3 * n**2, (3, 3), name="conv")(features)
        h, w, _ = colors.shape
        by_position = colors.reshape(h, w, 3, n, n).transpose(0, 3, 1, 4, 2)
        rgb = by_position.reshape(n * h, n * w, 3)
        return rgb_to_luma(rgb) if image.shape[-1] == 1 else rgb

    def sample(self, base: Array, center: Array, cell: Array | None) -> Array:
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
            weight = _kernels.keys_cubic(jnp.abs(subpixel - place) / ratio)
            weights.append(weight / weight.sum(-1, keepdims=True))
            indices.append(jnp.clip(subpixel.astype(jnp.int32), 0, n - 1))
        rows, columns = indices
        patch = base[rows[..., :, None], columns[..., None, :]]
        return jnp.einsum("...i,...j,...ijk->...k", *weights, patch)

    def enlarge(self, base: Array, scale: Size) -> Array:
        """The base at whole-number scales, `[scale[0] h, scale[1] w, k]`."""
        for axis in range(2):
            base = _resize_axis(base, scale[axis], axis)
        return base


def _resize_axis(base: Array, scale: int, axis: int) -> Array:
    """An axis of `4 n` subpixels resized to `scale n` pixels.

    Every input pixel has the same pattern of output pixels, each a sum of few
    subpixels. The sums fuse to one loop, which is faster than products of small
    matrices.
    """
    if scale == FINENESS:
        return base
    edge = REACH * FINENESS
    widths = [(edge, edge) if i == axis else (0, 0) for i in range(base.ndim)]
    padded = jnp.pad(base, widths, mode="edge")
    length = base.shape[axis] - FINENESS + 1

    def subpixels(first: int) -> Array:
        """Every fourth subpixel, from the one of this number."""
        return jax.lax.slice_in_dim(padded, first, first + length, FINENESS, axis)

    outputs = [
        functools.reduce(jnp.add, (w * subpixels(i) for i, w in enumerate(row) if w))
        for row in _taps(scale).tolist()
    ]
    stack = jnp.stack(outputs, axis + 1)
    shape = list(base.shape)
    shape[axis] = shape[axis] // FINENESS * scale
    return stack.reshape(shape)


def _taps(scale: int) -> np.ndarray:
    """Weights `[scale, 20]` of the subpixels of a pixel and its neighbors in reach."""
    ratio = max(FINENESS / scale, 1)
    center = (np.arange(scale)[:, None] + 0.5) * FINENESS / scale
    place = np.arange((2 * REACH + 1) * FINENESS) - REACH * FINENESS + 0.5
    weights = _kernels.keys_cubic(np.abs(place - center) / ratio)
    return weights / weights.sum(1, keepdims=True)
