"""Ctrl-C as a request to stop, which a loop grants after its current step."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def interruptions() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C was pressed; a second press raises.

    A step, its batch and the position in the dataset belong together. An exception
    between them would leave a state that cannot be saved.
    """
    pressed = []
    previous = signal.getsignal(signal.SIGINT)
    # Only the main thread receives the signal. A shell makes its background processes
    # ignore it.
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or previous == signal.SIG_IGN:
        yield lambda: False
        return

    def handle(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, previous)
