"""Feature maps of conditional models, and the memory that they take."""

import functools
from typing import Any

import jax
from flax import linen as nn

from inr._memory import program_bytes
from inr._typing import ArrayLike, Params


@functools.partial(jax.jit, static_argnums=0, static_argnames="method")
def encode(
    model: nn.Module, params: Params, image: ArrayLike, *, method: str = "encode"
) -> Any:
    """Feature map of an image `[h, w, c]`, by a method of the model."""
    return model.apply(params, image, method=method)


def encoding_bytes(
    model: nn.Module, params: Params, image: jax.ShapeDtypeStruct
) -> int:
    """Memory that `bind` allocates for a conditional model, with temporary arrays.

    Args:
      model: conditional model.
      params: its collections.
      image: shape and dtype of the image.

    Returns:
      Bytes.
    """
    return program_bytes(encode.lower(model, params, image))
