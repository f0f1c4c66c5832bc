"""Save and load conditional models: one safetensors file, arrays in float16.

A file holds no code, and `load_model` is safe for a file from a stranger: memory and
time are in proportion to the file.
"""

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, _display, pretrained
from inr._field_checks import check_params
from inr._files import as_path
from inr._model_files import read_model, read_module, write_model
from inr._registry import registered, registered_name
from inr._typing import Array, Params
from inr.fields import BoundField, FieldModule, bind
from inr.models.conditional import ConditionalModel


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

    def __repr__(self) -> str:
        return f"LoadedModel({_display.params_text(self.model, self.params)})"


def save_model(path: str | os.PathLike, model: nn.Module, params: Params) -> None:
    """Write a model to one file, with its floating arrays as float16.

    If writing fails, a file of that name stays as it was.

    Args:
      path: file name ending in `.safetensors`.
      model: a module of a class that is registered with `inr.models.register`.
      params: its parameters, such as the `ema` of a training.

    Raises:
      FileNotFoundError: if the folder does not exist.
      OSError: if the disk is full.
      TypeError: if the class of the model is not registered.
      ValueError: for another extension, parameters of another model, parameters that
        are not finite in float16, or hyperparameters that a file cannot hold; see
        `register`.
    """
    if registered_name(model) not in _kinds():
        kinds = ", ".join(sorted(_kinds()))
        raise TypeError(
            f"`model` must be of a registered class ({kinds}), got "
            f"{type(model).__name__}. Decorate the class with `inr.models.register`."
        )
    check_params(model, params)
    shared = _shared_variables(model)
    params = {name: x for name, x in params.items() if name not in shared}
    with np.errstate(over="ignore"):
        half = jax.tree.map(_as_float16, params)
    for keys, array in jax.tree_util.tree_leaves_with_path(half):
        if not np.isfinite(array).all():
            name = jax.tree_util.keystr(keys, simple=True, separator="/")
            raise ValueError(
                "`params` must be finite and at most 65504 in size, the range of "
                f"float16, got NaN or larger values in {name!r}. Did the training "
                "diverge?"
            )
    write_model(path, model, half, inputs=_example_inputs, argument="params")


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
    return _load_named("model", model)


def resolve(
    model: str | os.PathLike | LoadedModel, task: str, *, argument: str = "model"
) -> LoadedModel:
    """Return the model that a verb's `model` argument names.

    Args:
      model: a pretrained name, a file, or a `LoadedModel`.
      task: the `task` that the model must have; see `ConditionalModel`.
      argument: name of the argument in errors.

    Returns:
      The model; a `LoadedModel` is returned unchanged.

    Raises:
      FileNotFoundError, ValueError: as `load_model`, and for a model of another task.
    """
    if isinstance(model, LoadedModel):
        loaded = model
    else:
        loaded = _load_named(argument, model, task)
    actual = getattr(loaded.model, "task", None)
    if actual != task:
        got = f"{type(loaded.model).__name__} for task {actual!r}"
        names = ", ".join(_names_for(task))
        fix = f"Pretrained for this task: {names}." if names else ""
        raise _checks.fail(argument, f"a model for task {task!r}", got, fix)
    return loaded


def pretrained_names(task: str) -> tuple[str, ...]:
    """Names of the pretrained models for a task.

    Args:
      task: verb that uses the models, as `ConditionalModel.task`.

    Returns:
      Names, sorted.

    Raises:
      ValueError: for a task without pretrained models.
    """
    _checks.check_choice("task", task, sorted({*map(_task, pretrained.names())}))
    return _names_for(task)


def _names_for(task: str) -> tuple[str, ...]:
    return tuple(name for name in pretrained.names() if _task(name) == task)


@functools.cache
def _task(name: str) -> str:
    return getattr(read_module(pretrained.file(name), _kinds()), "task", "")


def _load_named(
    argument: str, model: str | os.PathLike, task: str | None = None
) -> LoadedModel:
    if as_path(argument, model).suffix == ".safetensors":
        return _load(model)
    if model not in pretrained.names():
        names = pretrained.names() if task is None else _names_for(task)
        _checks.check_choice(argument, model, names)
    return _load_pretrained(str(model))


@functools.cache
def _load_pretrained(name: str) -> LoadedModel:
    # Arrays that an outer jit traces would stay in the cache after its end.
    with jax.ensure_compile_time_eval():
        return _load(pretrained.file(name), trusted=True)


def _load(path: str | os.PathLike, *, trusted: bool = False) -> LoadedModel:
    inputs = None if trusted else _example_inputs
    model, arrays, _ = read_model(path, _kinds(), inputs=inputs, writer="save_model")
    params = {**arrays, **_shared_variables(model)}
    return LoadedModel(model, jax.tree.map(_as_float32, params))


def _shared_variables(model: nn.Module) -> dict[str, Any]:
    """Collections that are in no file; see `ConditionalModel.shared_variables`."""
    return model.shared_variables() if isinstance(model, ConditionalModel) else {}


def _as_float16(array: Any) -> np.ndarray:
    """A floating array as float16, any other unchanged."""
    array = np.asarray(array)
    is_floating = jnp.issubdtype(array.dtype, jnp.floating)
    return array.astype(np.float16) if is_floating else array


def _as_float32(array: np.ndarray) -> Array:
    """A floating array as float32, any other unchanged."""
    is_floating = jnp.issubdtype(array.dtype, jnp.floating)
    # NumPy converts, because XLA would compile a program for every shape.
    return jax.device_put(array.astype(np.float32) if is_floating else array)


def _example_inputs(model: nn.Module, arrays: Mapping[str, Any]) -> Sequence[Any]:
    del arrays
    inputs: Sequence[Any] = model.example_inputs()
    return inputs


def _kinds() -> dict[str, type[nn.Module]]:
    classes: dict[str, Any] = registered(nn.Module)
    return {k: v for k, v in classes.items() if not issubclass(v, FieldModule)}
