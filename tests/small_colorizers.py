"""Small colorizers of each kind."""

import jax
import jax.numpy as jnp
from small_restorer import gray_image

from inr.colorization import (
    FULL_RELU,
    FULL_SIREN,
    SIREN_RELU_SIREN,
    Colorizer,
    DenseColorizer,
    PatchColorizer,
)
from inr.models import LoadedModel

KINDS = {
    "relu": Colorizer(FULL_RELU, width=8, embedding_width=6, side=16),
    "sines": Colorizer(FULL_SIREN, width=8, embedding="zeros", side=16),
    "both": Colorizer(SIREN_RELU_SIREN, width=8, original=True, side=16),
    "dense": DenseColorizer(side=8, width=32, depth=1),
    "patches": PatchColorizer(side=16, width=16, depth=1, patch=4, context=8),
}


def initialized(kind):
    """A colorizer with its initial parameters."""
    model = KINDS[kind]
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)), gray_image())
    return LoadedModel(model, params)
