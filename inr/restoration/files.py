"""A model in one safetensors file, in half of its training's precision."""

import functools
import os
import pathlib
import typing
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, pretrained
from inr._typing import Params
from inr.io.models import check_arrays, read_model, write_model
from inr.restoration.colorizers import Colorizer
from inr.restoration.diffusion_restorer import DiffusionRestorer
from inr.restoration.fully_connected import DenseColorizer, PatchColorizer
from inr.restoration.restorer import Restorer
from inr.restoration.texture import TextureTransformer
from inr.restoration.upscaler import Upscaler

Model = (
    Restorer
    | DiffusionRestorer
    | Upscaler
    | Colorizer
    | DenseColorizer
    | PatchColorizer
    | TextureTransformer
)

_KINDS = {kind.__name__: kind for kind in typing.get_args(Model)}


class LoadedModel(NamedTuple):
    """What a file holds.

    Attributes:
      model: the module.
      params: its parameters, float32.
    """

    model: Model
    params: Params


def save_model(path: str | os.PathLike, model: Model, params: Params) -> None:
    """Writes a model, its arrays as float16: all of it or nothing.

    Args:
      path: file name, ending in `.safetensors`.
      model: a `Restorer`, `DiffusionRestorer`, `Upscaler`, `Colorizer`,
        `DenseColorizer`, `PatchColorizer` or `TextureTransformer`. Of its uses the file
        does not tell: `exact_luma` and `gray` are False.
      params: its parameters, such as the `ema` of a training.

    Raises:
      TypeError: if the model is of another kind.
      ValueError: for another extension, parameters that are not finite in float16, or
        a colorizer whose embedding is given.
    """
    if not isinstance(model, Model):
        kinds = " or ".join(f"`{kind}`" for kind in _KINDS)
        raise TypeError(f"`model` must be a {kinds}, got {type(model).__name__}.")
    if getattr(model, "embedding", None) == "given":
        fix = "Nobody gives it to a model that is read from a file."
        raise _checks.fail("model", "without an embedding to be given", model, fix)
    with np.errstate(over="ignore"):
        half = jax.tree.map(lambda x: np.asarray(x).astype(np.float16), dict(params))
    if not all(np.isfinite(x).all() for x in jax.tree.leaves(half)):
        raise ValueError(
            "`params` must be finite and at most 65504 in size, as float16 is, got "
            "others. A training that diverged leaves such."
        )
    uses = {name: False for name in ("exact_luma", "gray") if hasattr(model, name)}
    model = model.clone(**uses)
    write_model(path, model, half)


def load_model(path: str | os.PathLike) -> LoadedModel:
    """Reads what `save_model` wrote.

    Args:
      path: file name, ending in `.safetensors`.

    Returns:
      The module and its parameters.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if the file is truncated, holds another kind of model, or its arrays
        do not fit its hyperparameters.
    """
    model, arrays, _ = read_model(path, _KINDS, writer="save_model")
    check_arrays(path, model, arrays, *example_inputs(model))
    return LoadedModel(model, jax.tree.map(lambda x: jnp.float32(x), arrays))


def example_inputs(model: Model) -> tuple[Any, ...]:
    """What `model.init` takes besides its key, as shapes."""
    if isinstance(model, TextureTransformer):
        image = jax.ShapeDtypeStruct((4, 4, 3), jnp.float32)
        hole = jax.ShapeDtypeStruct((4, 4), bool) if model.scale == 1 else None
        return image, [jax.ShapeDtypeStruct((4, 4, 3), jnp.float32)], hole
    size = (4, 4, 3) if isinstance(model, Upscaler) else (model.side, model.side, 1)
    shapes = [(1, 2), size]
    if isinstance(model, DiffusionRestorer):
        shapes += [(1, model.channels), ()]
    return tuple(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)


def resolve(model: str | os.PathLike | LoadedModel, *kinds: type) -> LoadedModel:
    """The model that is meant by a shipped name, a file or itself, of these kinds."""
    found = _found(model)
    if not isinstance(found.model, kinds):
        expected = " or ".join(f"`{kind.__name__}`" for kind in kinds)
        got = f"a `{type(found.model).__name__}`"
        raise _checks.fail("model", f"a {expected}", got)
    return found


def _found(model: str | os.PathLike | LoadedModel) -> LoadedModel:
    if isinstance(model, LoadedModel):
        return model
    if pathlib.Path(model).suffix == ".safetensors":
        return load_model(model)
    _checks.check_choice("model", model, pretrained.names())
    return _shipped(model)


@functools.cache
def _shipped(name: str) -> LoadedModel:
    return load_model(pretrained.file(name))
