"""Save and load conditional models: one safetensors file, arrays in float16."""

import functools
import os
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, pretrained
from inr._model_files import (
    check_arrays,
    read_model,
    registered,
    registered_name,
    write_model,
)
from inr._typing import Array, Params
from inr.fields import BoundField, FieldModule, bind


class LoadedModel(NamedTuple):
    """A model and its parameters.

    Attributes:
      model: the module.
      params: its parameters, float32.
    """

    model: nn.Module
    params: Params

    def bind(self, image: Array) -> BoundField:
        """The field that the model predicts from an image `[h, w, c]`."""
        return bind(self.model.for_image(image), self.params, image)


def save_model(path: str | os.PathLike, model: nn.Module, params: Params) -> None:
    """Write a model to one file, with its arrays as float16.

    If writing fails, a file of that name stays as it was.

    Args:
      path: file name ending in `.safetensors`.
      model: a module of a class that is registered with `inr.models.register`.
      params: its parameters, such as the `ema` of a training.

    Raises:
      TypeError: if the class of the model is not registered.
      ValueError: for another extension, parameters of another model, or parameters
        that are not finite in float16.
    """
    if registered_name(model) not in _kinds():
        kinds = ", ".join(sorted(_kinds()))
        raise TypeError(
            f"`model` must be of a registered class ({kinds}), got "
            f"{type(model).__name__}. Decorate the class with `inr.models.register`."
        )
    check_arrays(model, params, *model.example_inputs())
    with np.errstate(over="ignore"):
        half = jax.tree.map(lambda x: np.asarray(x).astype(np.float16), dict(params))
    if not all(np.isfinite(x).all() for x in jax.tree.leaves(half)):
        raise ValueError(
            "`params` must be finite and at most 65504 in size, the range of float16, "
            "got NaN or larger values. Did the training diverge?"
        )
    write_model(path, model, half)


def load_model(model: str | os.PathLike) -> LoadedModel:
    """Read a model that `save_model` wrote, or one that comes with the library.

    Args:
      model: file name ending in `.safetensors`, or a name in `inr.pretrained.names()`.

    Returns:
      The module and its parameters.

    Raises:
      FileNotFoundError: if the file does not exist.
      ValueError: for an unknown name; if the file is damaged, holds a model of an
        unregistered class, or its arrays do not fit its hyperparameters.
    """
    if pathlib.Path(model).suffix == ".safetensors":
        return _load(model)
    _checks.check_choice("model", model, pretrained.names())
    return _load_pretrained(str(model))


def resolve(model: str | os.PathLike | LoadedModel, task: str) -> LoadedModel:
    """Return the model that a verb's `model` argument names.

    Args:
      model: a pretrained name, a file, or a `LoadedModel`.
      task: the `task` that the model must have; see `ConditionalModel`.

    Returns:
      The model; a `LoadedModel` is returned unchanged.

    Raises:
      FileNotFoundError, ValueError: as `load_model`, and for a model of another task.
    """
    loaded = model if isinstance(model, LoadedModel) else load_model(model)
    actual = getattr(loaded.model, "task", None)
    if actual != task:
        got = f"{type(loaded.model).__name__} for task {actual!r}"
        raise _checks.fail("model", f"a model for task {task!r}", got)
    return loaded


@functools.cache
def _load_pretrained(name: str) -> LoadedModel:
    return _load(pretrained.file(name))


def _load(path: str | os.PathLike) -> LoadedModel:
    model, arrays, _ = read_model(path, _kinds(), writer="save_model")
    inputs = model.example_inputs()
    check_arrays(model, arrays, *inputs, argument="path", source=str(path))
    return LoadedModel(model, jax.tree.map(jnp.float32, arrays))


def _kinds() -> dict[str, type[nn.Module]]:
    classes: dict[str, Any] = registered(nn.Module)
    return {k: v for k, v in classes.items() if not issubclass(v, FieldModule)}
