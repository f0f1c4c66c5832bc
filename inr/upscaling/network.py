"""The network of `upscale`: a model bound to windows, by itself or on many devices."""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from inr._sharding import Split
from inr._typing import Array, ArrayLike, Params, Size
from inr.fields import BoundField, bind
from inr.upscaling.upscaler import Upscaler

# Sides of windows that hold small images: multiples of a step, and one below it. A
# smaller step computes less in vain, and compiles more.
_STEP = 64
_SMALLEST = 32


class Window(NamedTuple):
    """Input of the network.

    Attributes:
      image: `[h, w, c]`.
      inside: bool `[h, w]`, True where the image is, in a larger array whose size other
        images share; None for an image without padding.
    """

    image: Any
    inside: Any = None


class Network(NamedTuple):
    """A model, its parameters, and the number of rotations to average."""

    model: Upscaler
    params: Params
    rotations: int

    def whole_scale(self, start: np.ndarray, pitch: np.ndarray) -> Size | None:
        """The scale, if output pixels divide input pixels into whole numbers."""
        scale = np.rint(1 / pitch)
        first = start * scale
        divides = np.allclose(scale * pitch, 1, rtol=0, atol=1e-9) and np.allclose(
            first, np.rint(first), rtol=0, atol=1e-6
        )
        return tuple(scale.astype(int).tolist()) if divides else None

    def padded_size(self, window: Size, size: Size, most: int) -> Size:
        """Size of the array for windows of an image, which few sizes of images have.

        Args:
          window: size of the windows.
          size: of the image. A window that is smaller needs no padding.
          most: largest side of a window.
        """
        if not hasattr(self.model, "encode_part"):
            return window
        sides = (
            _SMALLEST if m <= _SMALLEST else -(-m // _STEP) * _STEP for m in window
        )
        return tuple(
            min(side, most) if m == n else m
            for m, n, side in zip(window, size, sides, strict=True)
        )

    def bind(self, window: Window) -> "Rotated":
        fields = []
        for k in range(self.rotations):
            image, inside = _turned(window, k)
            if inside is None:
                fields.append(bind(self.model, self.params, image))
            else:
                feature_map = _encode_part(self.model, self.params, image, inside)
                fields.append(BoundField(self.model, self.params, feature_map))
        return Rotated(tuple(fields))


def pad(part: np.ndarray, size: Size) -> Window:
    """A window in the corner of an array of a size, which is at least as large."""
    if part.shape[:2] == size:
        return Window(part)
    inside = np.ones(part.shape[:2], bool)
    widths = [(0, n - m) for n, m in zip(size, inside.shape, strict=True)]
    return Window(np.pad(part, [*widths, (0, 0)]), np.pad(inside, widths))


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=("fields",), meta_fields=()
)
@dataclass(frozen=True)
class Rotated:
    """Mean of fields, the k-th of which is of the image after k quarter turns."""

    fields: tuple[BoundField, ...]

    def __call__(self, coords: Array) -> Array:
        values = [f(_rotate(coords, k)) for k, f in enumerate(self.fields)]
        return functools.reduce(jnp.add, values) / len(values)

    def cell_mean(self, coords: Array, cell: Array) -> Array:
        values = [
            f.cell_mean(_rotate(coords, k), cell[::-1] if k % 2 else cell)
            for k, f in enumerate(self.fields)
        ]
        return functools.reduce(jnp.add, values) / len(values)


@functools.partial(jax.jit, static_argnames=("model", "rotations", "scale"))
def all_pixels(
    model: Upscaler, params: Params, rotations: int, window: Window, scale: Size
) -> Array:
    """A complete window enlarged, `[scale[0] h, scale[1] w, c]`."""
    outputs = []
    for k in range(rotations):
        image, inside = _turned(window, k)
        if inside is None:
            feature_map = model.apply(params, image, method="encode")
        else:
            feature_map = model.apply(params, image, inside, method="encode_part")
        rotated_scale = scale[::-1] if k % 2 else scale
        pixels = model.apply(params, feature_map, rotated_scale, method="pixels")
        outputs.append(jnp.rot90(cast(Array, pixels), -k))
    return functools.reduce(jnp.add, outputs) / rotations


@functools.partial(jax.jit, static_argnames=("model", "rotations", "scale"))
def _all_pixels_of_windows(
    model: Upscaler, params: Params, rotations: int, windows: Window, scale: Size
) -> Array:
    """Windows, stacked, enlarged."""
    return jax.vmap(lambda window: all_pixels(model, params, rotations, window, scale))(
        windows
    )


@functools.partial(jax.jit, static_argnames="model")
def _encode_part(
    model: Upscaler, params: Params, image: ArrayLike, inside: ArrayLike
) -> Any:
    return model.apply(params, image, inside, method="encode_part")


def _turned(window: Window, k: int) -> Window:
    """The window after k quarter turns."""
    return Window(*(x if x is None else jnp.rot90(x, k) for x in window))


def _rotate(coords: Array, k: int) -> Array:
    """Coords in `np.rot90(image, k)` of the point with these coords in the image."""
    y, x = coords[..., 0], coords[..., 1]
    return jnp.stack(((y, x), (-x, y), (-y, -x), (x, -y))[k], -1)


def enlarge(
    network: Network, windows: list[Window], scale: Size, split: Split | None
) -> list[np.ndarray]:
    """Windows enlarged, each on its own device if there are several."""
    if split is None:
        return [np.asarray(all_pixels(*network, window, scale)) for window in windows]
    padding = [windows[-1]] * (split.count - len(windows))
    stack = jax.tree.map(lambda *x: np.stack(x), *windows, *padding)
    stack = jax.device_put(stack, split.rows)
    return [*np.asarray(_all_pixels_of_windows(*network, stack, scale))[: len(windows)]]
