"""The result of an iterative solve, and the error for one that did not converge."""

from typing import NamedTuple

import numpy as np

from inr import _checks
from inr._typing import Array


class Solution(NamedTuple):
    """Result of an iterative solve.

    Attributes:
      value: `[h, w, c]`.
      residual: `[c]`, norm of the last residual divided by the norm of the first, as
        computed by the iteration. Above the tolerance, or NaN, where a channel did not
        converge.
      num_steps: `[c]`, number of iterations.
    """

    value: Array
    residual: Array
    num_steps: Array

    def __repr__(self) -> str:
        shape = "[" + ", ".join(map(str, np.shape(self.value))) + "]"
        steps = f"residual={self.residual}, num_steps={self.num_steps}"
        return f"Solution(value={shape}, {steps})"


class NotConverged(RuntimeError):
    """An iterative solve ended above its tolerance.

    Attributes:
      solution: the last iterate, as a `Solution`.
    """

    def __init__(self, message: str, solution: Solution):
        super().__init__(message)
        self.solution = solution


def raise_unless_converged(solution: Solution, rtol: float) -> None:
    """Raise `NotConverged` if a concrete residual is above `rtol`, or NaN."""
    if not _checks.is_concrete(solution):
        return
    residual = np.asarray(solution.residual)
    if not np.all(residual <= rtol):
        raise NotConverged(
            f"The Poisson solve ended at a residual of {residual.max():.3g} after "
            f"{np.max(solution.num_steps)} steps, above rtol={rtol:g}. Increase "
            "`max_steps` or `rtol`, choose another `solver`, or use float64. The "
            "attribute `solution` of this exception holds the last iterate.",
            solution,
        )
