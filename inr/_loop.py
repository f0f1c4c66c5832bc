"""The driver of long loops: compiled chunks of steps, and the host's work in between.

`advance(state, limit) -> Chunk` takes up to `limit` steps in one compiled call. It
stops before a step whose loss is not finite or has reached the target. The driver does
what only the host can do: it chooses the length of the chunks so that the progress bar
moves and Ctrl-C is handled quickly, keeps the best state, writes checkpoints and calls
the callback.
"""

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from inr import _checks
from inr._progress import progress_bar
from inr._typing import Array
from inr.checkpoints import Checkpoints, check_num_steps, open_checkpoints

MAX_STEPS = 128
"""Greatest number of steps of one compiled call: the length of its buffer of losses."""

Status: TypeAlias = Literal["finished", "target reached", "interrupted", "diverged"]
"""How a loop ended."""

_SECONDS_PER_CHUNK = 0.25
_SECONDS_PER_CHECKPOINT = 30.0


class Chunk(NamedTuple):
    """Result of `advance`. Trailing axes `...` are those of a batch of fields.

    Attributes:
      state: state after the last step.
      losses: `[MAX_STEPS, ...]`, the loss before each step.
      count: `[...]` int32, the number of losses.
      stopped: `[...]` bool, True if the last loss ended the loop: it is not finite or
        has reached the target, and no step followed it.
    """

    state: Any
    losses: Array
    count: Array
    stopped: Array


class Outcome(NamedTuple):
    """Result of a loop.

    Attributes:
      state: the last state; if `status` is "interrupted" or "diverged", the best one.
      history: `[n, ...]` float32, the loss before each step.
      status: how the loop ended.
    """

    state: Any
    history: np.ndarray
    status: Status


def repeat(
    step: Callable[[Any], tuple[Any, Array]],
    state: Any,
    limit: Array | int,
    target_loss: Array | float,
) -> Chunk:
    """Repeat `step`, `state -> (state, loss before it)`, up to `limit` times."""

    def should_continue(chunk: Chunk) -> Array:
        return (chunk.count < limit) & ~chunk.stopped

    def body(chunk: Chunk) -> Chunk:
        state, loss = step(chunk.state)
        stopped = ~(jnp.isfinite(loss) & (loss > target_loss))
        state = jax.tree.map(
            lambda old, new: jnp.where(stopped, old, new), chunk.state, state
        )
        losses = chunk.losses.at[chunk.count].set(loss.astype(jnp.float32))
        return Chunk(state, losses, chunk.count + 1, stopped)

    losses = jnp.zeros((MAX_STEPS,), jnp.float32)
    start = Chunk(state, losses, jnp.int32(0), jnp.bool_(False))
    return lax.while_loop(should_continue, body, start)


def repeat_on_host(
    step: Callable[[Any], tuple[Any, Array]], state: Any, limit: int
) -> Chunk:
    """`repeat` for steps that are compiled one by one.

    The state may then hold arrays of NumPy, which the step changes in place. Use it
    where a step takes so long that the calls do not matter.
    """
    losses = np.zeros((MAX_STEPS,), np.float32)
    count, finite = 0, True
    while count < limit and finite:
        state, losses[count] = step(state)
        finite = bool(np.isfinite(losses[count]))
        count += 1
    return Chunk(state, jnp.asarray(losses), jnp.int32(count), jnp.bool_(not finite))


def drive(
    advance: Callable[[Any, int], Chunk],
    state: Any,
    *,
    num_steps: int,
    progress: bool,
    describe: Callable[[np.ndarray], str],
    arguments: Mapping[str, Any],
    callback: Callable[[int, np.ndarray, Any], None] | None = None,
    checkpoint: str | os.PathLike | None = None,
) -> Outcome:
    """Run `advance` until `num_steps`, a stop of its own, or Ctrl-C.

    Args:
      advance: function of `(state, limit)`; see the module's docstring.
      state: initial state; a checkpoint in the folder replaces it.
      num_steps: total number of steps, including those before a checkpoint.
      progress: show a bar with the remaining time.
      describe: function that turns losses `[...]` into the bar's text.
      arguments: values by name on which the result depends; a checkpoint of others is
        refused.
      callback: function of the step, the losses and the state, called after every
        chunk.
      checkpoint: folder to resume from, written every half minute and at the end.

    Returns:
      An `Outcome`.

    Raises:
      ValueError: for a checkpoint of other arguments or of more steps.
    """
    _checks.check_flag("progress", progress)
    _checks.check_callable("describe", describe)
    with contextlib.ExitStack() as stack:
        writer = _CheckpointWriter(stack, checkpoint, arguments)
        state, history = writer.resume(state)
        check_num_steps(num_steps, len(history))
        best, best_loss, limit, status = state, np.inf, 1, "finished"
        bar = stack.enter_context(
            progress_bar(num_steps, initial=len(history), progress=progress)
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
                if np.asarray(chunk.stopped).all():
                    status = "target reached"
                    break
                writer.save_if_due(state, history)
                limit = _next_limit(limit, time.monotonic() - start)
        except KeyboardInterrupt:
            writer.save(state, history)
            return Outcome(best, history, "interrupted")
        # No step followed the loss that reached the target: resuming computes it again.
        writer.save(state, history[: len(history) - (status == "target reached")])
        return Outcome(state, history, status)


class _CheckpointWriter:
    """Resumes from a folder and writes checkpoints to it; without one does nothing."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        folder: str | os.PathLike | None,
        arguments: Mapping[str, Any],
    ) -> None:
        self._checkpoints: Checkpoints | None = None
        if folder is not None:
            checkpoints = open_checkpoints(folder, arguments)
            self._checkpoints = stack.enter_context(checkpoints)
        self._time_of_last = time.monotonic()

    def resume(self, state: Any) -> tuple[Any, np.ndarray]:
        stored = self._checkpoints.load(state) if self._checkpoints else None
        if stored is None:
            return state, np.zeros((0,), np.float32)
        state, extra = stored
        return state, extra["history"]

    def save(self, state: Any, history: np.ndarray) -> None:
        if self._checkpoints and len(history):  # orbax stores no empty array.
            self._checkpoints.save(len(history), state, history=history)

    def save_if_due(self, state: Any, history: np.ndarray) -> None:
        if time.monotonic() - self._time_of_last > _SECONDS_PER_CHECKPOINT:
            self.save(state, history)
            self._time_of_last = time.monotonic()


def _append(history: np.ndarray, chunk: Chunk) -> np.ndarray:
    """Append a chunk's losses; a field that stopped early repeats its last one."""
    losses, count = np.asarray(chunk.losses), np.asarray(chunk.count)
    steps = np.arange(count.max()).reshape((-1,) + (1,) * count.ndim)
    new = np.take_along_axis(losses, np.minimum(steps, count - 1), axis=0)
    return np.concatenate([history.reshape((-1, *new.shape[1:])), new])


def _next_limit(limit: int, seconds: float) -> int:
    """Steps that should take a quarter of a second; the first chunk also compiles."""
    steps = int(limit * _SECONDS_PER_CHUNK / max(seconds, 1e-6))
    return max(1, min(steps, 4 * limit, MAX_STEPS))
