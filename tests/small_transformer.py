"""A texture transformer small enough for tests."""

import jax
import jax.numpy as jnp
import numpy as np
from small_restorer import random_params

from inr.models import LoadedModel
from inr.references import TextureTransformer

BLOCKS = {1: (1, 1), 2: (1, 1, 1), 4: (1, 1, 1, 1)}


def photo(seed, h, w):
    return np.random.default_rng(seed).random((h, w, 3), np.float32)


def module(scale):
    return TextureTransformer(scale, 8, BLOCKS[scale], textures=(4, 6, 8))


def transformer(scale):
    model = module(scale)
    params = random_params(model, *model.example_inputs())
    return LoadedModel(model, jax.tree.map(jnp.asarray, params))
