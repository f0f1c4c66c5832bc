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
from inr.checkpoints import Checkpoints, open_checkpoints

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
        folder = None
        if checkpoint is not None:
            folder = stack.enter_context(open_checkpoints(checkpoint))
        state, history = _resume(folder, state)
        bar = stack.enter_context(
            tqdm(
                total=num_steps,
                initial=len(history),
                disable=not progress,
                unit="step",
                leave=True,
            )
        )
        best, best_loss, limit = state, np.inf, 1
        status, saved = "finished", time.monotonic()
        try:
            while len(history) < num_steps:
                start = time.monotonic()
                chunk = advance(state, min(limit, num_steps - len(history)))
                state, losses, count, stopped = jax.block_until_ready(chunk)
                history, loss = _append(history, losses, count), _last(losses, count)
                bar.update(int(count.max()))
                bar.set_postfix_str(describe(loss), refresh=False)
                if not np.isfinite(loss).any():
                    state, status = best, "diverged"
                    break
                if np.nanmean(loss) < best_loss:
                    best, best_loss = state, np.nanmean(loss)
                if callback is not None:
                    callback(len(history), loss, state)
                if stopped.all():
                    status = "target reached"
                    break
                limit = _next_limit(limit, time.monotonic() - start)
                if folder and time.monotonic() - saved > _SECONDS_A_CHECKPOINT:
                    folder.save(len(history), state, history=history)
                    saved = time.monotonic()
            if folder and status != "diverged":
                # The loss that stopped the loop led to no step: it is found again.
                steps = history[: len(history) - (status == "target reached")]
                folder.save(len(steps), state, history=steps)
        except KeyboardInterrupt:
            status = "interrupted"
            if folder:
                folder.save(len(history), state, history=history)
            state = best
        return Outcome(state, history, status)


def _resume(folder: Checkpoints | None, state: Any) -> tuple[Any, np.ndarray]:
    found = folder.load(state) if folder else None
    if found is None:
        return state, np.zeros((0,), np.float32)
    state, extra = found
    return state, extra["history"]


def _last(losses: Array, count: Array) -> np.ndarray:
    losses, count = np.asarray(losses), np.asarray(count)
    return np.take_along_axis(losses, count[None] - 1, axis=0)[0]


def _append(history: np.ndarray, losses: Array, count: Array) -> np.ndarray:
    """Adds the losses found; a field that stopped early repeats its last one."""
    steps = np.arange(int(count.max()))
    last = np.asarray(count)[None] - 1
    index = np.minimum(steps.reshape((-1,) + (1,) * count.ndim), last)
    new = np.take_along_axis(np.asarray(losses), index, axis=0)
    return np.concatenate([history.reshape((-1, *new.shape[1:])), new])


def _next_limit(limit: int, seconds: float) -> int:
    """Steps that should take a quarter of a second; the first chunk also compiles."""
    steps = int(limit * _SECONDS_A_CHUNK / max(seconds, 1e-6))
    return max(1, min(steps, 4 * limit, MOST_STEPS))
