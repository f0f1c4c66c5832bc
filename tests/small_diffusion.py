"""A small diffusion restorer with random parameters."""

import jax
import jax.numpy as jnp
import numpy as np
from small_restorer import gray_image, random_params

from inr.colorization import DiffusionRestorer
from inr.models import LoadedModel

TINY = DiffusionRestorer(
    widths=(8, 12), width=16, depth=1, side=16, diffused="chroma", deviation=0.08
)


def random_model(**options):
    """`TINY` with other options."""
    model = TINY.clone(**options)
    x = jnp.zeros((1, model.channels))
    inputs = jnp.zeros((1, 2)), gray_image(), x, jnp.zeros(())
    return LoadedModel(model, random_params(model, *inputs))


def zero_prediction(loaded):
    """The model with a denoiser whose prediction is 0."""
    parts = dict(loaded.params["params"])
    zeros = jax.tree.map(np.zeros_like, parts["denoiser"]["v"])
    parts["denoiser"] = {**parts["denoiser"], "v": zeros}
    return LoadedModel(loaded.model, {"params": parts})
