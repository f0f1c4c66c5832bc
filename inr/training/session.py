"""The host's side of a training: metrics, checkpoints and the best average."""

import contextlib
import itertools
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import PyTree

from inr import _checks
from inr._typing import Array
from inr.checkpoints import open_checkpoints
from inr.training.processes import Team, Vote
from inr.training.records import Records
from inr.training.results import Status, TrainResult
from inr.training.step import TrainInfo, TrainState


@runtime_checkable
class Resumable(Protocol):
    """An iterator whose position can be saved and restored, as those of grain."""

    def get_state(self) -> dict[str, Any]: ...
    def set_state(self, state: dict[str, Any]) -> None: ...


class Session:
    """Metrics, checkpoints and the best average of one training.

    `resume` comes first; then `next_batch` and `add_step` for each step, and
    `add_evaluation` and `save` at the steps that are evaluated and saved.

    Attributes:
      failure: the error of this process's batches in a training by several processes.
        It takes the steps until all of them know of it, because each needs the others.
    """

    def __init__(
        self,
        stack: contextlib.ExitStack,
        team: Team,
        folder: str | os.PathLike[str] | None,
        score: str | None,
        iterator: Iterator[Any],
        arguments: Mapping[str, Any],
        call: Mapping[str, Any],
    ) -> None:
        """Open the checkpoints of `folder` until `stack` closes.

        Args:
          stack: closes the folder.
          team: the processes of the training, of which the first uses the folder.
          folder: folder of checkpoints of the same arguments, or None.
          score: name of the value to minimize, or None.
          iterator: the batches, at their first one.
          arguments: other values by name on which the result depends.
          call: further values that a checkpoint may change, but no process.

        Raises:
          ValueError: in all processes, if they differ or have equal rows.
        """
        self.failure: Exception | None = None
        batch = None
        if folder is not None or team.size > 1:
            batch, iterator = _peek(iterator, resumable=folder is not None)
            layout = _layout_of(batch, team.size)
            arguments = {**arguments, "score": score, "batches": layout}
            team.check_agreement({**arguments, **call, "checkpoint": folder is None})
            team.check_parts(batch)
        self._iterator, self._first_batch = iterator, batch
        self._team = team
        self._checkpoints = self._path = None
        if folder is not None:

            def open_folder() -> None:
                checkpoints = open_checkpoints(folder, arguments)
                self._checkpoints = stack.enter_context(checkpoints)
                self._path = pathlib.Path(folder) / "metrics.jsonl"

            team.first(open_folder)
        self._score_name = score
        self._score = self._best_score = math.inf
        self._best_ema: PyTree | None = None
        self._latest: dict[str, float] = {}

    def resume(self, state: TrainState) -> TrainState:
        """Restore the last checkpoint, if any, and the position of the batches."""
        self._records = Records(None, 0)
        stored = self._team.first(lambda: self._load(state))
        self._records.rows, arrays, self._best_score, best, position = stored
        if position is not None:
            _set_position(self._iterator, position)
        if best is not None:
            self._best_ema = jax.tree.unflatten(jax.tree.structure(state.ema), best)
        if arrays is not None:
            state = jax.tree.unflatten(jax.tree.structure(state), arrays)
        return state

    def _load(self, state: TrainState) -> tuple[Any, ...]:
        """Read the folder: rows, state, best score, best average, and position.

        The state and the average are lists of arrays, which can be sent to processes.
        """
        last = self._checkpoints.load(state) if self._checkpoints else None
        if self._checkpoints is None or last is None:
            self._records = Records(self._path, int(state.step))
            return self._records.rows, None, math.inf, None, None
        best = self._checkpoints.load_best(state)
        score = float(best.extra["score"])
        ema = jax.tree.leaves(best.tree.ema) if score < math.inf else None
        position = json.loads(last.extra["batches"].tobytes())
        self._records = Records(self._path, int(last.tree.step))
        return self._records.rows, jax.tree.leaves(last.tree), score, ema, position

    def next_batch(self, step: int, num_steps: int) -> PyTree:
        """Return the batch of a step; after a failure in a team, any one."""
        try:
            if self.failure is None:
                return next(self._iterator)
        except StopIteration:
            expected = f"{num_steps} or more trees of arrays"
            fix = "Repeat the dataset, or lower `num_steps`."
            self.failure = _checks.fail("batches", expected, f"{step - 1}", fix)
        except Exception as error:
            self.failure = error
        assert self.failure is not None
        if self._team.size == 1:
            raise self.failure
        return self._first_batch

    def vote(self, is_interrupted: bool) -> Vote:
        """What this process wants after the step of the last batch."""
        if self.failure is not None:
            return Vote.FAIL
        return Vote.STOP if is_interrupted else Vote.CONTINUE

    def add_step(self, step: int, info: TrainInfo) -> bool:
        """Wait for a step and add its row. Return False if it was not finite."""
        loss, norm, metrics = jax.device_get(info)
        row = {"step": step, "loss": loss, "gradient_norm": norm}
        if row.keys() & metrics.keys():
            expected = f"a loss without metrics named {', '.join(row)}"
            raise _checks.fail("loss", expected, [*metrics])
        row = self._records.add({**row, **metrics})
        self._latest["loss"] = row["loss"]
        return math.isfinite(row["loss"]) and math.isfinite(row["gradient_norm"])

    def add_evaluation(
        self, step: int, values: Mapping[str, Array | float], ema: PyTree
    ) -> None:
        """Add the row of an evaluation, and keep the average if it is the best.

        The values are those of the first process.
        """
        values = self._team.first(lambda: jax.device_get(dict(values)))
        row = self._records.add({"step": step, **values})
        self._latest.update((name, row[name]) for name in values)
        if self._score_name is None:
            return
        if self._score_name not in values:
            expected = "one of " + ", ".join(map(repr, sorted(values)))
            raise _checks.fail("score", expected, repr(self._score_name))
        value = row[self._score_name]
        self._score = value if math.isfinite(value) else math.inf
        # Of equal scores the last one counts, as in `inr.checkpoints`.
        if self._score <= self._best_score and self._score < math.inf:
            self._best_ema, self._best_score = ema, self._score

    def save(self, step: int, state: TrainState) -> None:
        """Write a checkpoint, rated by the score of this step's evaluation."""
        score, self._score = self._score, math.inf
        if self._checkpoints is not None:
            assert isinstance(self._iterator, Resumable)  # `_peek` has checked it.
            state_bytes = json.dumps(self._iterator.get_state()).encode()
            position = np.frombuffer(state_bytes, np.uint8)
            extra = {"batches": position, "score": np.asarray(score)}
            self._checkpoints.save(step, state, rating=score, **extra)

    def describe(self) -> str:
        """The latest loss and evaluation, for the progress bar."""
        return ", ".join(f"{name} {value:.4g}" for name, value in self._latest.items())

    def result(self, state: TrainState, status: Status) -> TrainResult:
        return TrainResult(
            params=self._team.local(state.params),
            ema=self._team.local(state.ema),
            best_ema=self._best_ema,
            history=self._records.rows,
            num_steps=int(state.step),
            status=status,
        )


def _peek(iterator: Iterator[Any], *, resumable: bool) -> tuple[PyTree, Iterator[Any]]:
    """Return the first batch, None if there is none, and an iterator that starts at it.

    Args:
      iterator: the batches.
      resumable: refuse an iterator without a position.
    """
    if not isinstance(iterator, Resumable):
        if resumable:
            raise _checks.fail(
                "batches",
                "a grain dataset where `checkpoint` is set",
                f"an iterable of {type(iterator).__name__}",
                "Its position must be saved too: see `crop_batches`.",
            )
        first = [*itertools.islice(iterator, 1)]
        return first[0] if first else None, itertools.chain(first, iterator)
    start = iterator.get_state()
    batch = next(iterator, None)
    iterator.set_state(start)
    return batch, iterator


def _layout_of(batch: PyTree, parts: int) -> list[Any]:
    """Return the structure, shapes and dtypes of a batch.

    Args:
      batch: the rows of one process.
      parts: number of processes. The layout is that of all rows, so that a checkpoint
        can be resumed by another number of processes.
    """
    leaves, structure = jax.tree.flatten(jax.tree.map(np.asarray, batch))
    rows = [tuple(parts * n for n in x.shape[:1]) for x in leaves]
    shapes = [first + x.shape[1:] for first, x in zip(rows, leaves, strict=True)]
    return [structure, [(s, x.dtype) for s, x in zip(shapes, leaves, strict=True)]]


def _set_position(iterator: Iterator[Any], position: dict[str, Any]) -> None:
    assert isinstance(iterator, Resumable)  # `_peek` has checked it.
    try:
        iterator.set_state(position)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise _checks.fail(
            "batches",
            "the dataset of the checkpoint",
            f"one without the position {position}",
            "Choose another folder for another dataset.",
        ) from error
