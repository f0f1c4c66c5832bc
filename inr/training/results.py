"""What `train` returns, and the error of a training that diverged."""

from typing import Literal, NamedTuple

from jaxtyping import PyTree

from inr.training.records import Row

Status = Literal["finished", "interrupted", "diverged"]
"""How a training ended."""


class TrainResult(NamedTuple):
    """Result of a training.

    Attributes:
      params: parameters after the last step.
      ema: exponential moving average of the parameters.
      best_ema: average at the evaluation with the lowest score; None without a score.
      history: rows of `metrics.jsonl`. Each step has a row with `step`, the `loss`
        before the step, `gradient_norm` and the metrics of the loss. Each evaluation
        adds a row with `step` and its values.
      num_steps: number of steps that led to `params`.
      status: `"finished"`, `"interrupted"` or `"diverged"`.
    """

    params: PyTree
    ema: PyTree
    best_ema: PyTree | None
    history: list[Row]
    num_steps: int
    status: Status

    def __repr__(self) -> str:
        losses = [row["loss"] for row in self.history if "loss" in row]
        loss = f", loss={losses[-1]:.4g}" if losses else ""
        return f"TrainResult({self.status!r}, num_steps={self.num_steps}{loss})"


class TrainingDiverged(ArithmeticError):
    """The loss or its gradient became NaN or infinite; `result` is from before that."""

    def __init__(self, result: TrainResult):
        row = result.history[-1]
        super().__init__(
            f"Training diverged in step {row['step']}: the loss is {row['loss']}, the "
            f"norm of its gradient is {row['gradient_norm']}. If the loss increased "
            "before, lower the learning rate, extend the warm-up, or lower `max_norm`, "
            "and resume from the last checkpoint. If only the gradient is not finite, "
            "look for a square root or a division at zero in the loss. The attribute "
            "`result` of this error has the parameters before that step."
        )
        self.result = result
