"""The one driver of long loops: compiled chunks, and the host's work in between.

`advance(state, limit) -> Chunk` takes up to `limit` steps in one compiled call. It
stops by itself before a step whose loss is not finite or has reached the target. The
driver does what only the host can: it sizes the chunks so that a bar moves and Ctrl-C
is heard, keeps the best state, writes checkpoints and calls back.
"""

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm.auto import tqdm

from inr._typing import Array
from inr.checkpoints import open_checkpoints

MOST_STEPS = 128
"""Steps that one compiled call may take; the length of its buffer of losses."""

_SECONDS_A_CHUNK = 0.25
_SECONDS_A_CHECKPOINT = 30.0


class Chunk(NamedTuple):
    """What `advance` returns; trailing axes `...` are those of a batch of fields.

    Attributes:
      state: after the steps taken.
      losses: `[MOST_STEPS, ...]`, the loss found before each step.
      count: `[...]` int32, how many of them were found.
      stopped: `[...]` bool, True where the last loss ended the loop: it is not finite,
        or has reached the target, and no step was taken on it.
    """

    state: Any
    losses: Array
    count: Array
    stopped: Array


class Outcome(NamedTuple):
    """What a loop came to.

    Attributes:
      state: the last one; where `status` is "interrupted" or "diverged", the best.
      history: `[n, ...]` float32, the loss found before each step.
      status: `"finished"`, `"target reached"`, `"interrupted"` or `"diverged"`.
    """

    state: Any
    history: np.ndarray
    status: str


def drive(
    advance: Callable[[Any, int], Chunk],
    state: Any,
    *,
    num_steps: int,
    progress: bool,
    describe: Callable[[np.ndarray], str],
    callback: Callable[[int, np.ndarray, Any], None] | None = None,
    checkpoint: str | os.PathLike | None = None,
) -> Outcome:
    """Runs `advance` until `num_steps`, a stop of its own, or Ctrl-C.

    Args:
      advance: takes `(state, limit)`, see the module's docstring.
      state: where to start; a checkpoint in the folder goes before it.
      num_steps: steps in all, those before a checkpoint included.
      progress: shows a bar with the time left.
      describe: turns losses `[...]` into the bar's text.
      callback: called after every chunk with the step, the losses and the state.
      checkpoint: folder to resume from, and to write to every half minute and at the
        end.

    Returns:
      An `Outcome`.
    """
    with contextlib.ExitStack() as stack:
        keeper = _Keeper(stack, checkpoint)
        state, history = keeper.resume(state)
        best, best_loss, limit, status = state, np.inf, 1, "finished"
        bar = stack.enter_context(
            tqdm(total=num_steps, initial=len(history), disable=not progress)
        )
        try:
            while len(history) < num_steps:
                start = time.monotonic()
                chunk = advance(state, min(limit, num_steps - len(history)))
                state = jax.block_until_ready(chunk).state
                history = _append(history, chunk)
                loss = np.asarray(history[-1])
                bar.set_postfix_str(describe(loss), refresh=False)
                bar.update(len(history) - bar.n)
                if not np.isfinite(loss).any():
                    return Outcome(best, history, "diverged")
                if np.nanmean(loss) < best_loss:
                    best, best_loss = state, np.nanmean(loss)
                if callback is not None:
                    callback(len(history), loss, state)
                if bool(chunk.stopped.all()):
                    status = "target reached"
                    break
                keeper.save_sometimes(state, history)
                limit = _next_limit(limit, time.monotonic() - start)
        except KeyboardInterrupt:
            keeper.save(state, history)
            return Outcome(best, history, "interrupted")
        # The loss that reached the target led to no step: resuming finds it again.
        keeper.save(state, history[: len(history) - (status == "target reached")])
        return Outcome(state, history, status)


class _Keeper:
    """Writes checkpoints, if there is a folder for them, every so often and at once."""

    def __init__(
        self, stack: contextlib.ExitStack, folder: str | os.PathLike | None
    ) -> None:
        self._checkpoints = None
        if folder is not None:
            self._checkpoints = stack.enter_context(open_checkpoints(folder))
        self._saved = time.monotonic()

    def resume(self, state: Any) -> tuple[Any, np.ndarray]:
        found = self._checkpoints.load(state) if self._checkpoints else None
        if found is None:
            return state, np.zeros((0,), np.float32)
        state, extra = found
        return state, extra["history"]

    def save(self, state: Any, history: np.ndarray) -> None:
        if self._checkpoints:
            self._checkpoints.save(len(history), state, history=history)

    def save_sometimes(self, state: Any, history: np.ndarray) -> None:
        if time.monotonic() - self._saved > _SECONDS_A_CHECKPOINT:
            self.save(state, history)
            self._saved = time.monotonic()


def _append(history: np.ndarray, chunk: Chunk) -> np.ndarray:
    """Adds the losses found; a field that stopped early repeats its last one."""
    losses, count = np.asarray(chunk.losses), np.asarray(chunk.count)
    steps = np.arange(count.max()).reshape((-1,) + (1,) * count.ndim)
    new = np.take_along_axis(losses, np.minimum(steps, count - 1), axis=0)
    return np.concatenate([history.reshape((-1, *new.shape[1:])), new])


def _next_limit(limit: int, seconds: float) -> int:
    """Steps that should take a quarter of a second; the first chunk also compiles."""
    steps = int(limit * _SECONDS_A_CHUNK / max(seconds, 1e-6))
    return max(1, min(steps, 4 * limit, MOST_STEPS))
