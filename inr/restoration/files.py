"""A restorer in one safetensors file, in half of its training's precision."""

import os
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr._typing import Params
from inr.io.models import check_arrays, read_model, write_model
from inr.restoration.restorer import Restorer

_KINDS = {"Restorer": Restorer}


class RestorerFile(NamedTuple):
    """What a file holds.

    Attributes:
      model: the module.
      params: its parameters, float32.
    """

    model: Restorer
    params: Params


def save_restorer(path: str | os.PathLike, model: Restorer, params: Params) -> None:
    """Writes a restorer, its arrays as float16: all of it or nothing.

    Args:
      path: file name, ending in `.safetensors`.
      model: the module; of its uses the file does not tell: `exact_luma` is False.
      params: its parameters, such as the `ema` of a training.

    Raises:
      TypeError: if the model is no `Restorer`.
      ValueError: for another extension, or parameters that are not finite in float16.
    """
    if not isinstance(model, Restorer):
        raise TypeError(f"`model` must be a `Restorer`, got {type(model).__name__}.")
    with np.errstate(over="ignore"):
        half = jax.tree.map(lambda x: np.asarray(x).astype(np.float16), dict(params))
    if not all(np.isfinite(x).all() for x in jax.tree.leaves(half)):
        raise ValueError(
            "`params` must be finite and at most 65504 in size, as float16 is, got "
            "others. A training that diverged leaves such."
        )
    write_model(path, model.clone(exact_luma=False), half)


def load_restorer(path: str | os.PathLike) -> RestorerFile:
    """Reads what `save_restorer` wrote.

    Args:
      path: file name, ending in `.safetensors`.

    Returns:
      The module and its parameters.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if the file is truncated, holds another kind of model, or its arrays
        do not fit its hyperparameters.
    """
    model, arrays, _ = read_model(path, _KINDS, writer="save_restorer")
    image = jax.ShapeDtypeStruct((model.side, model.side, 1), jnp.float32)
    check_arrays(path, model, arrays, jax.ShapeDtypeStruct((1, 2), jnp.float32), image)
    return RestorerFile(model, jax.tree.map(lambda x: jnp.float32(x), arrays))
