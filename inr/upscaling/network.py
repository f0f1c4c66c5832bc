"""The network of `upscale`: a model bound to windows, by itself or on many devices."""

import functools
from dataclasses import dataclass
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from inr._sharding import Split
from inr._typing import Array, ArrayLike, Params, Size
from inr.fields import BoundField, bind
from inr.upscaling.upscaler import Upscaler


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

    def bind(self, image: ArrayLike) -> "Rotated":
        images = [jnp.rot90(image, k) for k in range(self.rotations)]
        return Rotated(tuple(bind(self.model, self.params, x) for x in images))


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
    model: Upscaler, params: Params, rotations: int, image: ArrayLike, scale: Size
) -> Array:
    """A complete window enlarged, `[scale[0] h, scale[1] w, c]`."""
    outputs = []
    for k in range(rotations):
        feature_map = model.apply(params, jnp.rot90(image, k), method="encode")
        rotated_scale = scale[::-1] if k % 2 else scale
        pixels = model.apply(params, feature_map, rotated_scale, method="pixels")
        outputs.append(jnp.rot90(cast(Array, pixels), -k))
    return functools.reduce(jnp.add, outputs) / rotations


@functools.partial(jax.jit, static_argnames=("model", "rotations", "scale"))
def _all_pixels_of_windows(
    model: Upscaler, params: Params, rotations: int, images: ArrayLike, scale: Size
) -> Array:
    """Windows `[n, h, w, c]` enlarged."""
    return jax.vmap(lambda image: all_pixels(model, params, rotations, image, scale))(
        images
    )


def _rotate(coords: Array, k: int) -> Array:
    """Coords in `np.rot90(image, k)` of the point with these coords in the image."""
    y, x = coords[..., 0], coords[..., 1]
    return jnp.stack(((y, x), (-x, y), (-y, -x), (x, -y))[k], -1)


def enlarge(
    network: Network, parts: list[np.ndarray], scale: Size, split: Split | None
) -> list[np.ndarray]:
    """Windows enlarged, each on its own device if there are several."""
    if split is None:
        return [np.asarray(all_pixels(*network, part, scale)) for part in parts]
    padding = [parts[-1]] * (split.count - len(parts))
    stack = jax.device_put(np.stack(parts + padding), split.rows)
    return [*np.asarray(_all_pixels_of_windows(*network, stack, scale))[: len(parts)]]
