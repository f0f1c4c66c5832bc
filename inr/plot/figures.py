"""New figures, and values with their labels."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import matplotlib.figure

from inr import _checks


def new_figure(width: float, height: float) -> "matplotlib.figure.Figure":
    """Create an empty figure.

    Args:
      width: inches.
      height: inches.

    Returns:
      The figure, whose axes do not overlap.

    Raises:
      ImportError: if matplotlib is not installed.
    """
    try:
        from inr.plot._figure import NotebookFigure
    except ImportError:
        raise ImportError(
            '`inr.plot` needs matplotlib: `pip install "inr[examples]"`.'
        ) from None
    return NotebookFigure(figsize=(width, height), dpi=100, layout="constrained")


def with_labels(argument: str, value: Any) -> dict[str, Any]:
    """Values by label: a mapping itself, or one value without a label.

    Args:
      argument: name of the value in errors.
      value: a mapping from labels, or anything else.

    Returns:
      A dictionary that is not empty.

    Raises:
      ValueError: for an empty mapping.
      TypeError: for labels that are not text.
    """
    values = dict(value) if isinstance(value, Mapping) else {"": value}
    if not values:
        raise _checks.fail(argument, "a mapping from labels", "an empty one")
    check_labels(argument, list(values))
    return values


def check_labels(argument: str, labels: Sequence[Any]) -> None:
    """Raise TypeError unless all labels are text."""
    for label in labels:
        _checks.check_type(argument, label, str)
