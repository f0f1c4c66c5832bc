"""A small restorer, its input, and random parameters for any module."""

import jax
import jax.numpy as jnp
import numpy as np

from inr import coords
from inr.colorization import Restorer

SMALL = Restorer(widths=(8, 12), width=16, depth=1, side=16)


def gray_image(h=16, w=20):
    """A smooth gray image `[h, w, 1]`."""
    y, x = np.moveaxis(np.asarray(coords.grid((h, w))), -1, 0)
    return (0.5 + 0.3 * np.sin(4 * y + 2 * x)[..., None]).astype(np.float32)


def random_params(model=SMALL, *inputs):
    """Random parameters, none of them zero. From NumPy, so that nothing compiles."""
    inputs = inputs or (jnp.zeros((1, 2)), gray_image())
    shapes = jax.eval_shape(model.init, jax.random.key(0), *inputs)
    generator = np.random.default_rng(0)

    def random(leaf):
        scale = np.sqrt(max(np.prod(leaf.shape[:-1]), 1)) if leaf.ndim > 1 else 10
        return (generator.normal(size=leaf.shape) / scale).astype(np.float32)

    return jax.tree.map(random, shapes)
