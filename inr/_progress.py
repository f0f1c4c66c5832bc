"""The progress bar of loops: a widget in notebooks, text elsewhere."""

import contextlib
import contextvars
import threading
import time
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
      options: further options of `tqdm`.

    Returns:
      A context manager with a method `update(count)`. The first text that the loop
      sets replaces "compiling".
    """
    bar = tqdm(total=total, disable=not progress or _hidden.get(), **options)
    bar.set_postfix_str("compiling")
    return bar


class _PixelBar(tqdm):
    """Bar that says "compiling" until the first pixels."""

    def update(self, n: int | float | None = 1) -> bool | None:
        self.set_postfix_str("", refresh=False)
        return super().update(n)


@contextlib.contextmanager
def pixel_bar(total: int, *, progress: bool) -> Iterator[tqdm]:
    """Progress bar that counts pixels and appears after two seconds.

    A thread shows it then, because the loop may compile for longer than that.

    Args:
      total: number of pixels.
      progress: whether to show the bar.

    Yields:
      A bar with a method `update(pixels)`.
    """
    bar = _PixelBar(
        total=total,
        disable=not progress or _hidden.get(),
        delay=_SECONDS_WITHOUT_PIXEL_BAR,
        unit="px",
        unit_scale=True,
    )
    with bar:
        if bar.disable:
            yield bar
            return
        bar.set_postfix_str("compiling", refresh=False)
        # A notebook finds the cell of the bar in the context of its thread.
        run = contextvars.copy_context().run
        timer = threading.Timer(_SECONDS_WITHOUT_PIXEL_BAR, run, (_show, bar))
        timer.daemon = True
        timer.start()
        try:
            yield bar
        finally:
            timer.cancel()
            timer.join()


def _show(bar: tqdm) -> None:
    bar.last_print_t = time.time()  # or `close` takes the bar for a hidden one
    bar.refresh()


@contextlib.contextmanager
def hidden_bars() -> Iterator[None]:
    """Hide all bars that loops of this thread create in the block."""
    token = _hidden.set(True)
    try:
        yield
    finally:
        _hidden.reset(token)
