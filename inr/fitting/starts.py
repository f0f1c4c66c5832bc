"""Where a fit starts: parameters, a learned start, or the name of a shipped one."""

import dataclasses
import functools
from typing import Any, TypeAlias

import jax
from flax import linen as nn

from inr import _checks, _display, pretrained
from inr._field_checks import check_module, check_params
from inr._typing import Params
from inr.fields import load_field


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("params", "rates"),
    meta_fields=("model",),
)
@dataclasses.dataclass(frozen=True, eq=False)
class Init:
    """A model with parameters to start fits from; `inr.meta.learn_init` learns one.

    Attributes:
      model: Linen module, whose omega the parameters were learned for.
      params: its collections, with the normalization of the start.
      rates: a tree like `params["params"]` of learning rates of gradient descent, for
        `inr.meta.adapt`; None for a start without rates. Other fits do not use them.
    """

    model: nn.Module
    params: Params
    rates: Any = None

    def __repr__(self) -> str:
        rates = "" if self.rates is None else ", with rates"
        return f"Init({_display.params_text(self.model, self.params)}{rates})"


Start: TypeAlias = Params | Init | str
"""Parameters, an `Init`, or the name of a start that is part of the library."""


def resolve_start(
    model: nn.Module | None, init: Start | None
) -> tuple[nn.Module | None, Params | None]:
    """Return the model and the parameters of the options `model` and `init` of a fit.

    Args:
      model: a Linen module, or None for that of the start.
      init: parameters, an `Init`, the name of a shipped start, or None.

    Returns:
      The model, None if neither option has one, and parameters or None.

    Raises:
      TypeError: for another start.
      ValueError: for a name that is not shipped, or a start of another model.
    """
    if model is not None:
        check_module(model)
    if isinstance(init, str):
        init = _shipped(init)
    if not isinstance(init, Init):
        return model, init
    check_params(init.model, init.params, argument="init")
    if model is not None and model != init.model:
        expected = f"that of `init`, {_display.module_text(init.model)}"
        got = _display.module_text(model)
        raise _checks.fail("model", expected, got, "Leave out `model`.")
    return init.model, init.params


def require_model(
    model: nn.Module | None, init: Start | None
) -> tuple[nn.Module, Params | None]:
    """`resolve_start` for a fit without a default model."""
    model, params = resolve_start(model, init)
    check_module(model)
    assert model is not None  # `check_module` refuses it
    return model, params


@functools.cache
def _shipped(name: str) -> Init:
    _checks.check_choice("init", name, pretrained.names())
    try:
        # Arrays that an outer jit traces would stay in the cache after its end.
        with jax.ensure_compile_time_eval():
            field = load_field(pretrained.file(name)).field
    except ValueError:  # the file of a conditional model
        raise _checks.fail("init", "the name of a start", repr(name)) from None
    return Init(field.model, field.params)
