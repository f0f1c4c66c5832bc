"""A restorer small enough for tests, and what to give it."""

import jax
import jax.numpy as jnp
import numpy as np

from inr import coords
from inr.restoration import Restorer

SMALL = Restorer(widths=(8, 12), width=16, depth=1, side=16)


def picture(h=16, w=20):
    y, x = np.moveaxis(np.asarray(coords.grid((h, w))), -1, 0)
    return (0.5 + 0.3 * np.sin(4 * y + 2 * x)[..., None]).astype(np.float32)


def noisy(model=SMALL, *inputs):
    """Random parameters, on which every path has a say; from NumPy, at no compile."""
    inputs = inputs or (jnp.zeros((1, 2)), picture())
    shapes = jax.eval_shape(model.init, jax.random.key(0), *inputs)
    draw = np.random.default_rng(0)

    def random(leaf):
        scale = np.sqrt(max(np.prod(leaf.shape[:-1]), 1)) if leaf.ndim > 1 else 10
        return (draw.normal(size=leaf.shape) / scale).astype(np.float32)

    return jax.tree.map(random, shapes)
