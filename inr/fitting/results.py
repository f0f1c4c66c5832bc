"""Results of fits, and the error of a fit that diverged."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from inr import _checks, _display
from inr._loop import Status as Status
from inr._typing import Params
from inr.fields import BoundField

Callback: TypeAlias = Callable[[int, float, BoundField], None]
"""Function of the step, the loss and the field."""


class FitResult(NamedTuple):
    """Result of a fit.

    Attributes:
      field: the fitted field; after an interruption or a divergence the best one.
      history: `[n]` float32, the loss before each step, in the data's units.
      num_steps: number of steps that led to `field`.
      status: `"finished"`, `"target reached"`, `"interrupted"` or `"diverged"`.
    """

    field: BoundField
    history: np.ndarray
    num_steps: int
    status: Status

    @property
    def params(self) -> Params:
        """The field's parameters, for `bind` or for another fit's `init`."""
        return self.field.params

    def __repr__(self) -> str:
        field = _display.params_text(self.field.model, self.field.params)
        loss = _loss_text(self.history)
        return f"FitResult({self.status} after {self.num_steps} steps, {loss}{field})"

    def _repr_png_(self) -> bytes | None:
        """Picture of an image field, for notebooks; None for another field."""
        return _display.picture(self.field)


class FitManyResult(NamedTuple):
    """Result of `fit_many` for b signals.

    Attributes:
      fields: the fitted fields as one `BoundField` whose leaves have a leading axis b;
        map a function over them with `jax.vmap`.
      history: `[n, b]` float32, the loss of every field before each step.
      num_steps: `[b]` int32, the number of steps that led to each field.
      status: for each field `"finished"`, `"target reached"`, `"interrupted"` or
        `"diverged"`.
    """

    fields: BoundField
    history: np.ndarray
    num_steps: np.ndarray
    status: tuple[Status, ...]

    @property
    def params(self) -> Params:
        """The fields' parameters, every leaf with a leading axis b."""
        return self.fields.params

    def __repr__(self) -> str:
        counts = {s: self.status.count(s) for s in dict.fromkeys(self.status)}
        summary = ", ".join(f"{n} {status}" for status, n in counts.items())
        fields = _display.params_text(self.fields.model, self.fields.params)
        return f"FitManyResult({summary}, {_loss_text(self.history)}{fields})"


class FitDiverged(ArithmeticError):
    """The loss became NaN or infinite. `result` holds the best field so far."""

    def __init__(self, result: FitResult):
        steps = len(result.history)
        super().__init__(
            f"The loss is not finite after {steps} steps. Lower the learning rate "
            "(`optimizer=1e-4`), lower the model's `omega`, or scale coords to "
            "[-1, 1]. The best field so far is in this error's `result`."
        )
        self.result = result


def _loss_text(history: Any) -> str:
    """The last loss, or the range of many; nothing for traced or missing losses."""
    is_array = isinstance(history, np.ndarray | jax.Array)
    if not is_array or not _checks.is_concrete(history) or not np.size(history):
        return ""
    low, high = np.min(history[-1]), np.max(history[-1])
    return f"loss {low:.3g}, " if low == high else f"loss {low:.3g} to {high:.3g}, "
