"""A codec with random networks, and latents, for tests."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from inr.codec import Codec
from inr.codec.networks import at_position
from inr.codec.pyramid import grid_sizes, planes
from inr.codec.training import init_networks
from inr.models import LoadedModel

MODEL = Codec(weights=(1e-4, 1e-2))


@functools.cache
def params():
    """Equal in every process, whatever JAX's types are."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(lambda: init_networks(jax.random.key(0), MODEL))

    def fill(path, shape):
        name = path[-1].key
        if path[1].key == "changes":
            return rng.normal(0, 0.1, shape.shape).astype(np.float32)
        if name == "filter":
            return np.array([-0.023, 0.227, 0.867, -0.07], np.float32)
        if name == "log_step":
            return np.full(shape.shape, -3, np.float32)
        fan = np.prod((shape.shape[:2] if shape.ndim == 4 else ()) + shape.shape[-2:-1])
        deviation = 1 / np.sqrt(fan) if shape.ndim > 1 else 0.1
        return rng.normal(0, deviation, shape.shape).astype(np.float32)

    return jax.tree_util.tree_map_with_path(fill, shapes)


def networks():
    """In the middle of the range."""
    return at_position(params(), 0.0)


@functools.cache
def codec():
    return LoadedModel(MODEL, jax.tree.map(jnp.asarray, params()))


def latents(size, seed=0, scale=1.0):
    """Whole numbers, larger on coarse levels, as photographs have them."""
    rng = np.random.default_rng(seed)
    return tuple(
        np.rint(rng.laplace(0, scale * (0.5 + k), (*s, planes(k)))).astype(np.float32)
        for k, s in enumerate(grid_sizes(size))
    )


def picture(size, channels=3):
    """A smooth picture with an edge."""
    y, x = np.meshgrid(*(np.linspace(0, 1, n) for n in size), indexing="ij")
    rgb = np.stack([0.3 + 0.4 * y, 0.6 - 0.3 * x * y, 0.2 + 0.5 * (x > y)], -1)
    return (np.rint(255 * rgb[..., :channels]) / 255).astype(np.float32)
