"""Modules and arrays: those of a file must be what `init` of its module gives."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import linen as nn, traverse_util
from flax.core import DenyList

from inr import _checks
from inr._hyperparameters import short
from inr._typing import Params

Inputs = Callable[[nn.Module, Mapping[str, Any]], Sequence[Any]]
"""Maps a module and its arrays by path to the inputs of `init` behind the key.

The arrays and the inputs may be `jax.ShapeDtypeStruct`s.
"""


def build(
    cls: type[nn.Module],
    hyperparameters: Mapping[str, Any],
    arrays: Mapping[str, jax.ShapeDtypeStruct],
    inputs: Inputs,
    *,
    source: str,
    argument: str = "path",
) -> nn.Module:
    """Build the module of a file, whose hyperparameters are not trusted.

    `apply` is traced first. It fails at the first layer without an array in the file,
    whereas `init` adds every layer that the hyperparameters ask for. So the work is in
    proportion to the number of arrays in the file.

    Args:
      cls: class of the module.
      hyperparameters: fields of the module.
      arrays: shapes of the arrays by path.
      inputs: example inputs of the module.
      source: the file, for errors.
      argument: name that errors give to the source.

    Raises:
      ValueError: if the class does not accept the hyperparameters, or its arrays are
        others.
    """
    try:
        model = cls(**hyperparameters)
        hash(model)
        examples = inputs(model, arrays)
    except Exception as error:  # each class has its own errors
        expected = f"a file with hyperparameters that {cls.__name__} accepts"
        got = f"{short(hyperparameters)} in {source} ({error})"
        raise _checks.fail(argument, expected, got) from error

    shapes = tuple((name, x.shape, np.dtype(x.dtype)) for name, x in arrays.items())
    leaves, structure = jax.tree.flatten(tuple(examples))
    problem = _problem(model, shapes, tuple(leaves), structure)
    if problem is not None:
        raise _others(argument, model, f"{source}{problem}")
    return model


@functools.lru_cache(maxsize=64)
def _problem(
    model: nn.Module,
    shapes: tuple[tuple[str, Any, np.dtype], ...],
    leaves: tuple[Any, ...],
    structure: Any,
) -> str | None:
    """Why a module cannot have arrays of some shapes; None if it can.

    Of each module and shapes the answer is found once, because tracing takes time. The
    leaves and their structure are the example inputs, which need not hash.
    """
    examples = jax.tree.unflatten(structure, leaves)

    def apply(*arguments: Any) -> Any:
        # A key that is created under the trace needs no program of its own.
        rngs = {"params": jax.random.key(0)}
        return model.apply(*arguments, rngs=rngs, mutable=DenyList("params"))

    arrays = {name: jax.ShapeDtypeStruct(shape, dtype) for name, shape, dtype in shapes}
    try:
        tree = traverse_util.unflatten_dict(dict(arrays), sep="/")
        jax.eval_shape(apply, tree, *examples)
    except Exception as error:  # each layer has its own errors
        return f": {str(error).split(' (http')[0]}"
    return _difference(model, arrays, examples)


def as_arrays(
    model: nn.Module, params: Params, inputs: Inputs, *, argument: str, source: str
) -> dict[str, np.ndarray]:
    """Arrays of params by path, finite and those of a module.

    Args:
      model: the module.
      params: collections of arrays.
      inputs: example inputs of the module.
      argument: name of the params in errors.
      source: the class, for errors.

    Raises:
      ValueError: for arrays of another module, NaN or infinity.
    """
    _checks.check_concrete(argument, params)
    flat: dict[str, Any] = traverse_util.flatten_dict(dict(params), sep="/")
    arrays = {name: np.asarray(x, order="C") for name, x in flat.items()}
    examples = inputs(model, arrays)
    check_arrays(model, arrays, examples, argument=argument, source=source)
    check_finite(arrays, argument=argument, source=source)
    return arrays


def check_arrays(
    model: nn.Module,
    arrays: Mapping[str, Any],
    examples: Sequence[Any],
    *,
    argument: str,
    source: str,
) -> None:
    """Raise unless arrays have the paths, shapes and kinds of dtype of `init`.

    Floats of any precision stand for each other, but not for integers.

    Args:
      model: the module.
      arrays: arrays by path, or their shapes.
      examples: inputs of `init` behind the key.
      argument: name of the arrays in errors.
      source: the file or the class, for errors.
    """

    problem = _difference(model, arrays, examples)
    if problem is not None:
        raise _others(argument, model, f"{source}{problem}")


def _difference(
    model: nn.Module, arrays: Mapping[str, Any], examples: Sequence[Any]
) -> str | None:
    """The first difference of arrays from those of `init`."""

    def init(*inputs: Any) -> Any:
        return model.init(jax.random.key(0), *inputs)

    shared = getattr(model, "shared_variables", dict)()
    tree = jax.eval_shape(init, *examples)
    tree = {name: arrays for name, arrays in tree.items() if name not in shared}
    flat: Any = traverse_util.flatten_dict(tree, sep="/")
    expected, actual = (
        {(name, tuple(x.shape), _kind(x.dtype)) for name, x in arrays_by_path.items()}
        for arrays_by_path in (flat, arrays)
    )
    if expected == actual:
        return None
    name, shape, kind = min(expected ^ actual)
    return f"; the first difference is {name!r}, {kind} with shape {shape}"


def check_finite(arrays: Mapping[str, Any], *, argument: str, source: str) -> None:
    """Raise if an array, of arrays by path, holds NaN or infinity."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(
                f"`{argument}` must hold finite arrays, got NaN or infinity in "
                f"{name!r} of {source}. Did the training diverge?"
            )


def num_elements(arrays: Mapping[str, Any]) -> int:
    """Number of elements of all arrays."""
    return sum(math.prod(x.shape) for x in arrays.values())


def _others(argument: str, model: nn.Module, source: str) -> ValueError:
    kind = type(model).__name__
    return ValueError(
        f"`{argument}` must hold the arrays of {kind}, got others in {source}."
    )


def _kind(dtype: Any) -> str:
    """Name of a dtype without its bits; an unusual float is a kind of its own."""
    name = np.dtype(dtype).name.rstrip("0123456789")
    return "float" if name == "bfloat" else name
