"""The progress bar of loops: a widget in notebooks, text elsewhere."""

import contextlib
import contextvars
import warnings
from collections.abc import Iterator
from typing import Any

from tqdm import TqdmWarning

with warnings.catch_warnings():
    # A notebook without ipywidgets has the text bar, which needs no warning.
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm as tqdm

_SECONDS_WITHOUT_PIXEL_BAR = 2.0
_hidden = contextvars.ContextVar("hidden", default=False)


def progress_bar(total: int, *, progress: bool, **options: Any) -> tqdm:
    """A bar of its own for each loop, which says "compiling" until the first step.

    Args:
      total: number of steps.
      progress: whether to show the bar.
      options: further options of `tqdm`. With `delay` the bar is hidden at first, and
        does not say "compiling".

    Returns:
      A context manager with a method `update(count)`. The first text that the loop
      sets replaces "compiling".
    """
    bar = tqdm(total=total, disable=not progress or _hidden.get(), **options)
    if "delay" not in options:
        bar.set_postfix_str("compiling")
    return bar


def pixel_bar(total: int, *, progress: bool) -> tqdm:
    """Progress bar that counts pixels and appears after two seconds.

    Args:
      total: number of pixels.
      progress: whether to show the bar.

    Returns:
      A context manager with a method `update(pixels)`.
    """
    return progress_bar(
        total,
        progress=progress,
        delay=_SECONDS_WITHOUT_PIXEL_BAR,
        unit="px",
        unit_scale=True,
    )


@contextlib.contextmanager
def hidden_bars() -> Iterator[None]:
    """Hide all bars that loops of this thread create in the block."""
    token = _hidden.set(True)
    try:
        yield
    finally:
        _hidden.reset(token)
