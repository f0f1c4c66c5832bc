"""Results of fits, and the error of a fit that diverged."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

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
        return (
            f"FitResult({_loss_of(self.history)}num_steps={self.num_steps}, "
            f"status={self.status!r}, model={type(self.field.model).__name__})"
        )


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
        return (
            f"FitManyResult({len(self.status)} fields of "
            f"{type(self.fields.model).__name__}: {summary})"
        )


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


def _loss_of(history: np.ndarray) -> str:
    return f"loss={float(history[-1]):.3g}, " if len(history) else ""
