"""The option `optimizer`: an optax optimizer, or learning rates of the default one."""

from collections.abc import Mapping
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from inr import _checks
from inr._field_checks import check_module
from inr._typing import Params

Rates: TypeAlias = float | Mapping[str, float]
"""A learning rate, or a mapping from layer names to learning rates."""

Optimizer: TypeAlias = optax.GradientTransformation | float | Mapping[str, float]
"""An optax optimizer, or the peak learning rates of the default optimizer."""


def default_rates(
    model: nn.Module, ndim: int, *, factor: float = 1.0
) -> dict[str, float]:
    """Return the default peak learning rate of every layer, for the option `optimizer`.

    Args:
      model: a Linen module. Its attribute `default_learning_rate` is a number or a
        mapping from layer names to numbers; without the attribute the rate is 1e-3.
      ndim: d, the number of coordinates.
      factor: multiplies the rates. Small batches need lower rates than full ones.

    Returns:
      A mapping from layer names to rates.
    """
    check_module(model)
    ndim = _checks.as_count("ndim", ndim)
    factor = _checks.as_positive("factor", factor)
    rates = _default_rates(model)
    if isinstance(rates, Mapping):
        return {name: factor * rate for name, rate in rates.items()}
    coords = jax.ShapeDtypeStruct((1, ndim), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), coords)
    return dict.fromkeys(variables["params"], factor * rates)


def split_optimizer(
    model: nn.Module, params: Params, optimizer: Optimizer | None
) -> tuple[optax.GradientTransformation | None, Rates]:
    """Return a custom optimizer or None, and the rates of the default optimizer.

    Raises:
      TypeError: for anything but an optimizer, a number or a mapping.
      ValueError: for a rate that is not finite and above 0, or a mapping with other
        keys than the layers of `params`.
    """
    if isinstance(optimizer, optax.GradientTransformation):
        return optimizer, 0.0
    rates = _default_rates(model) if optimizer is None else optimizer
    check_optimizer(rates)
    if not isinstance(rates, Mapping):
        return None, float(rates)
    layers = params["params"].keys()
    if rates.keys() != layers:
        raise _checks.fail(
            "optimizer",
            f"one number, or one for each of the layers {', '.join(sorted(layers))}",
            f"numbers for {', '.join(sorted(map(str, rates)))}",
        )
    return None, {name: float(rate) for name, rate in rates.items()}


def check_optimizer(optimizer: Optimizer | None) -> None:
    """Check the option without the names of its layers, which need the params."""
    if optimizer is None or isinstance(optimizer, optax.GradientTransformation):
        return
    numbers = int | float | np.number | np.ndarray | jax.Array
    if not isinstance(optimizer, numbers | Mapping) or isinstance(optimizer, bool):
        raise TypeError(
            "`optimizer` must be an optax optimizer, a learning rate or a mapping from "
            f"layer names to learning rates, got {type(optimizer).__name__}."
        )
    is_mapping = isinstance(optimizer, Mapping)
    for rate in optimizer.values() if is_mapping else (optimizer,):
        _checks.as_positive("optimizer", rate)


def _default_rates(model: nn.Module) -> Rates:
    return getattr(model, "default_learning_rate", 1e-3)
