"""`train`: the loop around the pure step.

It is not the driver of `inr._loop`, which takes many steps in one compiled call and
sizes such chunks by the clock. Here every step needs a batch from the host, so a chunk
would have to be stacked and shipped first. Single steps are dispatched ahead of the
device instead, which hides the host's work as well; checkpoints and evaluations come at
fixed steps, so that a training does the same whatever the clock says; and no loss of a
batch tells which parameters are the best.
"""

import collections
import contextlib
import json
import math
import os
import pathlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from tqdm.auto import tqdm

from inr import _checks
from inr._typing import Key
from inr.checkpoints import open_checkpoints
from inr.training.records import Records
from inr.training.step import (
    Loss,
    TrainInfo,
    TrainState,
    init_training,
    train_step,
    warmup_adam,
)

_STEPS_AHEAD = 2  # dispatched before the first of them has to be finished


class TrainResult(NamedTuple):
    """What a training came to.

    Attributes:
      params: after the last step.
      ema: their exponential moving average.
      best: the average at the evaluation with the lowest score; None without a score.
      history: the rows of `metrics.jsonl`. Each step has one: `step`, the `loss` before
        it, `gradient_norm` and the loss's metrics. Each evaluation has one behind that:
        `step` and its values.
      step: steps that led to `params`.
      status: `"finished"`, `"interrupted"` or `"diverged"`.
    """

    params: Any
    ema: Any
    best: Any
    history: list[dict[str, Any]]
    step: int
    status: str


class TrainingDiverged(ArithmeticError):
    """The loss or its gradient became NaN or infinite; `result` is from before that."""

    def __init__(self, result: TrainResult):
        row = result.history[-1]
        super().__init__(
            f"Not finite in step {row['step']}: loss {row['loss']}, norm of the "
            f"gradient {row['gradient_norm']}. If only the gradient is not, look for a "
            "square root or division at zero in the loss. If the loss grew before, "
            "lower the learning rate, warm up longer, or lower `max_norm`; then resume "
            "from the last checkpoint. The parameters before that step are in this "
            "error's `result`."
        )
        self.result = result


def train(
    key: Key,
    loss: Loss,
    params: Any,
    batches: Iterable[Any],
    *,
    num_steps: int,
    optimizer: optax.GradientTransformation | None = None,
    ema_decay: float = 0.999,
    evaluate: Callable[[Any], Mapping[str, Any]] | None = None,
    score: str | None = None,
    checkpoint: str | os.PathLike | None = None,
    checkpoint_every: int = 1000,
    sharding: NamedSharding | None = None,
    progress: bool = True,
) -> TrainResult:
    """Trains any parameters on any loss, one batch a step.

    With a folder, a training that was killed goes on from its last checkpoint when the
    same call is made again, and then equals an uninterrupted one bit by bit. Ctrl-C
    ends it after the current step, which is kept; a second Ctrl-C ends it at once.

    Args:
      key: PRNG key; each step folds its own number in.
      loss: `(params, key, batch) -> (scalar, metrics)`, the metrics scalars by name,
        `{}` for none. Define it at module level: a new lambda compiles anew.
      params: what `model.init` returns, whose collection `params` is trained; or any
        tree of arrays, all trained. To compute in bfloat16 give the model that `dtype`.
      batches: trees of arrays, in order; to resume, a grain dataset such as
        `crop_batches` gives.
      num_steps: steps in all, those before a checkpoint included.
      optimizer: any optax optimizer, with its own rate and clipping; by default
        `warmup_adam(num_steps)`. Build it once: equal ones are not equal.
      ema_decay: of the moving average of the parameters, see `train_step`.
      evaluate: maps the average to values by name; called every `checkpoint_every`
        steps and after the last.
      score: which of these values tells the best parameters, by being lowest.
      checkpoint: folder for the last two checkpoints, the best one, and
        `metrics.jsonl`; and to resume from.
      checkpoint_every: steps from one checkpoint, and evaluation, to the next.
      sharding: of the batch's leading axis over the devices of a mesh, such as
        `NamedSharding(mesh, PartitionSpec("batch"))`; parameters are replicated. By
        default one device has all.
      progress: shows a bar with the loss, the last evaluation and the time left.

    Returns:
      A `TrainResult`.

    Raises:
      TrainingDiverged: if the loss or its gradient becomes NaN or infinite.
      ValueError, TypeError: for options that do not fit, batches that end too early,
        and a checkpoint of another model or optimizer.
    """
    num_steps = _checks.as_count("num_steps", num_steps)
    checkpoint_every = _checks.as_count("checkpoint_every", checkpoint_every)
    if score is not None and evaluate is None:
        raise _checks.fail("score", "None without `evaluate`", repr(score))
    optimizer = warmup_adam(num_steps) if optimizer is None else optimizer
    loss = _checks.as_pytree("loss", loss)
    on_batch, on_all = _shardings(sharding)
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(_interruptions())
        iterator = iter(batches)
        session = _Session(stack, checkpoint, score)
        state = session.resume(init_training(params, optimizer=optimizer), iterator)
        key, state = jax.device_put((key, state), on_all)
        start = int(state.step)
        bar = tqdm(total=num_steps, initial=start, disable=not progress)
        stack.enter_context(bar)
        pending: collections.deque[tuple[int, TrainInfo]] = collections.deque()
        for step in range(start + 1, num_steps + 1):
            batch = _place(_next(iterator, step, num_steps), on_batch)
            state, info = _step(
                key, state, batch, loss, optimizer=optimizer, ema_decay=ema_decay
            )
            pending.append((step, info))
            due = step % checkpoint_every == 0 or step == num_steps
            stopping = stop()
            while len(pending) > (0 if due or stopping else _STEPS_AHEAD):
                finite = session.note(*pending.popleft())
                if not finite:
                    raise TrainingDiverged(session.result(state, "diverged"))
            if due and evaluate is not None:
                session.rate(step, evaluate(state.ema), state.ema)
            if due or stopping:
                session.save(step, state, iterator)
            bar.set_postfix_str(session.describe(), refresh=False)
            bar.update()
            if stopping and step < num_steps:
                return session.result(state, "interrupted")
        return session.result(state, "finished")


_step = jax.jit(train_step, static_argnames="optimizer")


class _Session:
    """What outlasts the steps: rows, checkpoints, and the best average so far."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        folder: str | os.PathLike | None,
        score: str | None,
    ) -> None:
        self._checkpoints = self._path = None
        if folder is not None:
            self._checkpoints = stack.enter_context(open_checkpoints(folder))
            self._path = pathlib.Path(folder) / "metrics.jsonl"
        self._score_name = score
        self._score = self._best_score = math.inf
        self._best = None
        self._shown: dict[str, float] = {}

    def resume(self, state: TrainState, iterator: Iterator[Any]) -> TrainState:
        """The state of the last checkpoint, if there is one, and `batches` at it."""
        if self._checkpoints is not None:
            if not hasattr(iterator, "get_state"):
                raise _checks.fail(
                    "batches",
                    "a grain dataset where `checkpoint` is given",
                    f"an iterable of {type(iterator).__name__}",
                    "Only its position can be kept: see `crop_batches`.",
                )
            found = self._checkpoints.load(state)
            if found is not None:
                best, extra = self._checkpoints.load(state, best=True)
                self._best_score = float(extra["score"])
                if self._best_score < math.inf:
                    self._best = best.ema
                state, extra = found
                iterator.set_state(json.loads(extra["batches"].tobytes()))
        self._records = Records(self._path, int(state.step))
        return state

    def note(self, step: int, info: TrainInfo) -> bool:
        """Waits for a step and adds its row; False if it was not finite."""
        loss, norm, metrics = jax.device_get(info)
        row = {"step": step, "loss": loss, "gradient_norm": norm}
        if row.keys() & metrics.keys():
            raise _checks.fail("loss", f"free of metrics named {list(row)}", [*metrics])
        row = self._records.add({**row, **metrics})
        self._shown["loss"] = row["loss"]
        return math.isfinite(row["loss"]) and math.isfinite(row["gradient_norm"])

    def rate(self, step: int, values: Mapping[str, Any], ema: Any) -> None:
        """Adds the row of an evaluation, and keeps the average if it is the best."""
        row = self._records.add({"step": step, **jax.device_get(dict(values))})
        self._shown.update((name, row[name]) for name in values)
        if self._score_name is None:
            return
        if self._score_name not in values:
            raise _checks.fail(
                "score", f"one of {sorted(values)}", repr(self._score_name)
            )
        value = row[self._score_name]
        self._score = value if math.isfinite(value) else math.inf
        # Of equal ones the last, as the checkpoints do.
        if self._score <= self._best_score and self._score < math.inf:
            self._best, self._best_score = ema, self._score

    def save(self, step: int, state: TrainState, iterator: Iterator[Any]) -> None:
        score, self._score = self._score, math.inf
        if self._checkpoints is not None:
            position = np.frombuffer(json.dumps(iterator.get_state()).encode(), "u1")
            extra = {"batches": position, "score": np.asarray(score)}
            self._checkpoints.save(step, state, rating=score, **extra)

    def describe(self) -> str:
        """The last loss and the last evaluation, for the bar."""
        return ", ".join(f"{name} {value:.4g}" for name, value in self._shown.items())

    def result(self, state: TrainState, status: str) -> TrainResult:
        rows, step = self._records.rows, int(state.step)
        return TrainResult(state.params, state.ema, self._best, rows, step, status)


def _shardings(
    sharding: NamedSharding | None,
) -> tuple[NamedSharding | None, NamedSharding | None]:
    """That of the batch and that of everything else, on a mesh XLA divides itself."""
    if sharding is None:
        return None, None
    mesh = Mesh(sharding.mesh.devices, sharding.mesh.axis_names)
    return NamedSharding(mesh, sharding.spec), NamedSharding(mesh, PartitionSpec())


def _place(batch: Any, sharding: NamedSharding | None) -> Any:
    if sharding is None:
        return batch
    return jax.tree.map(
        lambda x: jax.make_array_from_process_local_data(sharding, np.asarray(x)), batch
    )


def _next(iterator: Iterator[Any], step: int, num_steps: int) -> Any:
    try:
        return next(iterator)
    except StopIteration:
        fix = "Repeat the dataset, or lower `num_steps`."
        got = f"{step - 1}"
        raise _checks.fail("batches", f"{num_steps} of them", got, fix) from None


@contextlib.contextmanager
def _interruptions() -> Iterator[Callable[[], bool]]:
    """Yields a function that tells whether Ctrl-C was pressed; a second one raises.

    A step, its batch and the position in `batches` belong together, so that an
    exception in between would leave nothing that could be kept.
    """
    pressed = []
    before = signal.getsignal(signal.SIGINT)
    # Only the main thread may, and does, hear it, and not what a shell has started in
    # the background.
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or before == signal.SIG_IGN:
        yield lambda: False
        return

    def note(number: int, frame: Any) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
