"""An image as a list of pixels, so that images of many sizes share programs.

XLA compiles a program for each shape of its inputs. Here the size of the image is a
value instead, and only the length of the list is a shape.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, _display, _kernels
from inr._typing import Array, Size
from inr.coords import Interpolation, neighbors


class FlatImage(NamedTuple):
    """Pixels of an image `[h, w, k]`.

    Attributes:
      pixels: `[n, k]`, rows one after the other, and zeros behind them.
      size: `[2]`, h and w, floating so that fields stay differentiable in their leaves.
    """

    pixels: Array
    size: Array

    def __repr__(self) -> str:
        return _display.attributes_text(self)

    def sample(self, coords: Array, interpolation: Interpolation) -> Array:
        """Values `[..., k]` at coords `[..., 2]`, as by `sample_grid`."""
        if _checks.is_concrete(self.size):
            size = tuple(int(n) for n in np.asarray(self.size))
        else:
            size = tuple(self.size.astype(jnp.int32))
        result = jnp.zeros((), jnp.result_type(self.pixels, coords))
        around = neighbors(coords, size, interpolation=interpolation)
        for weight, (row, column), _ in around:
            result = result + weight[..., None] * self.pixels[row * size[1] + column]
        return result


def flatten(image: np.ndarray, length: int) -> FlatImage:
    """The list of pixels of an image `[h, w, k]`, padded to a length."""
    h, w, k = image.shape
    pixels = np.pad(image.reshape(-1, k), [(0, length - h * w), (0, 0)])
    # `jnp.asarray` would compile a program for every shape.
    return FlatImage(*jax.device_put((pixels, np.asarray((h, w), image.dtype))))


def resize(image: np.ndarray, size: Size) -> np.ndarray:
    """An image `[h, w, 1]` resized to a size, as by `jax.image.resize` and cubic."""
    rows, columns = (
        _weights(n, m).astype(image.dtype)
        for n, m in zip(image.shape[:2], size, strict=True)
    )
    return (rows @ image[..., 0] @ columns.T)[..., None]


def _weights(n: int, m: int) -> np.ndarray:
    """Matrix `[m, n]` that resizes n samples to m; Keys' kernel is widened by n / m."""
    place = (np.arange(m)[:, None] + 0.5) * n / m - 0.5
    weights = _kernels.keys_cubic(np.abs(place - np.arange(n)) / max(n / m, 1))
    return weights / weights.sum(1, keepdims=True)
