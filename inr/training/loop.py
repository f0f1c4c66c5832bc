"""`train`: the loop around the pure step.

The driver `inr._loop` takes many steps in one compiled call and sizes these chunks by
the clock. Training needs a batch from the host for every step, so that a chunk would
have to be stacked and copied first. This loop dispatches single steps ahead of the
device instead, which hides the host's work as well. Checkpoints and evaluations come at
fixed steps, so that the result does not depend on the clock. The loss of one batch does
not tell which parameters are the best; an evaluation does.
"""

import collections
import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import PyTree

from inr import _checks
from inr._progress import progress_bar
from inr._sharding import Devices, Split, as_split, from_local_rows
from inr._typing import Array, Key
from inr.checkpoints import check_num_steps
from inr.training.interruption import interruptions
from inr.training.processes import Vote, code_of, replicate, team_of
from inr.training.results import TrainingDiverged, TrainResult
from inr.training.session import Session
from inr.training.step import (
    Loss,
    TrainInfo,
    TrainState,
    init_training,
    train_step,
    warmup_adam,
)

_STEPS_AHEAD = 2  # dispatched before the oldest of them must have finished


def train(
    key: Key,
    loss: Loss,
    params: PyTree,
    batches: Iterable[PyTree],
    *,
    num_steps: int,
    optimizer: optax.GradientTransformation | float | None = None,
    ema_decay: float = 0.999,
    evaluate: Callable[[PyTree], Mapping[str, Array | float]] | None = None,
    score: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1000,
    sharding: Devices | None = None,
    progress: bool = True,
) -> TrainResult:
    """Train any parameters on any loss, one batch a step.

    With a `checkpoint` folder, the same call resumes a training that was killed, and
    its result equals that of an uninterrupted training bit by bit. Ctrl-C ends the
    training after the current step; pressed twice, it ends the training at once.

    After `join_processes`, all processes make the same call with a mesh of all devices,
    and `batches` are each process's own rows of every batch. They compare their
    arguments first. The first process reads and writes the folder, and shows the bar;
    `evaluate` runs in all of them, but only its values in the first process count. The
    results have the parameters on one device of each process.

    Args:
      key: PRNG key; the number of each step is folded in.
      loss: `(params, key, batch) -> (scalar, metrics)`; the metrics are scalars by
        name, or `{}`. Define it at module level: a new lambda is compiled again.
      params: output of `model.init`, whose collection `params` is trained; or any tree
        of arrays, all of which are trained. At least float32; for bfloat16
        arithmetic, set the model's `dtype`.
      batches: trees of arrays, in order. To resume, it must be a grain dataset, such as
        the one that `crop_batches` returns.
      num_steps: total number of steps, including those before a checkpoint.
      optimizer: an optax optimizer with its own learning rate and clipping, or a
        number, the peak rate of `warmup_adam`; by default `warmup_adam(num_steps)`.
        Build an optimizer once: a second one that is built alike is compiled again.
      ema_decay: decay of the moving average of the parameters, see `train_step`.
      evaluate: maps the average to values by name; called every `checkpoint_every`
        steps and after the last step.
      score: name of the value whose minimum selects the best average.
      checkpoint: folder of the last two checkpoints, the best one and `metrics.jsonl`;
        the training resumes from it. `num_steps` may change, but not below the stored
        step. Refused are another `key`, `loss`, `ema_decay` or `score`, and other
        shapes of parameters, of the optimizer's state or of batches. Not compared are
        their values, the optimizer's rates, and the code of functions.
      checkpoint_every: number of steps between checkpoints, and between evaluations.
      sharding: devices among which each batch is split along its leading axis: a
        mesh, such as `jax.make_mesh((8,), ("batch",))`, or a `NamedSharding`.
        Parameters are replicated. By default, one device is used. See below for
        devices of several processes.
      progress: show a bar with the loss, the last evaluation and the time left.

    Returns:
      A `TrainResult`.

    Raises:
      TrainingDiverged: if the loss or its gradient becomes NaN or infinite.
      ValueError, TypeError: if options contradict each other, there are fewer batches
        than steps, a batch cannot be split evenly, a checkpoint is of another training
        or of more steps, or processes differ in their arguments or read equal rows.
    """
    num_steps = _checks.as_count("num_steps", num_steps)
    checkpoint_every = _checks.as_count("checkpoint_every", checkpoint_every)
    ema_decay = _checks.as_fraction("ema_decay", ema_decay)
    _check_inputs(batches, evaluate, score)
    _checks.check_flag("progress", progress)
    key = _checks.as_key("key", key)
    optimizer = _as_optimizer(optimizer, num_steps)
    loss = _checks.as_pytree("loss", loss)
    split = None if sharding is None else as_split("sharding", sharding)
    team = team_of(split)
    with contextlib.ExitStack() as stack:
        is_interrupted = stack.enter_context(interruptions())
        state = init_training(params, optimizer=optimizer)
        arguments = _arguments(key, loss, state, ema_decay)
        call = _call(params, batches, loss, evaluate, num_steps, checkpoint_every)
        iterator = iter(batches)
        session = Session(stack, team, checkpoint, score, iterator, arguments, call)
        key, state = _to_all_devices((key, session.resume(state)), split)
        start = int(state.step)
        check_num_steps(num_steps, start)
        show = progress and team.index == 0
        bar = stack.enter_context(progress_bar(num_steps, initial=start, progress=show))
        pending: collections.deque[tuple[int, TrainInfo, Any]] = collections.deque()
        for step in range(start + 1, num_steps + 1):
            batch = _to_rows(session.next_batch(step, num_steps), split)
            votes = team.vote(session.vote(is_interrupted()), split)
            state, info, vote = _step(
                key, state, batch, loss, votes, optimizer=optimizer, ema_decay=ema_decay
            )
            pending.append((step, info, vote))
            due = step % checkpoint_every == 0 or step == num_steps
            stopping = team.size == 1 and is_interrupted()
            ahead = 0 if due or stopping else _STEPS_AHEAD
            stopping |= _wait(pending, ahead, session, state)
            if due and evaluate is not None:
                ema = team.local(state.ema)
                session.add_evaluation(step, evaluate(ema), ema)
            if due or stopping:
                session.save(step, state)
            bar.set_postfix_str(session.describe(), refresh=False)
            bar.update()
            if stopping and step < num_steps:
                return session.result(state, "interrupted")
        return session.result(state, "finished")


def _wait(
    pending: collections.deque[tuple[int, TrainInfo, Array | None]],
    ahead: int,
    session: Session,
    state: TrainState,
) -> bool:
    """Wait for all but `ahead` steps; for all, and return True, after a vote to stop.

    Processes stop together, because all of them see the vote of the same step.
    """
    stopping = False
    while len(pending) > ahead:
        step, info, vote = pending.popleft()
        vote = Vote.CONTINUE if vote is None else Vote(int(vote))
        if vote == Vote.FAIL:
            raise session.failure or RuntimeError(
                f"Another process failed to read its batch of step {step}; see there."
            )
        if not session.add_step(step, info):
            raise TrainingDiverged(session.result(state, "diverged"))
        if vote == Vote.STOP:
            stopping, ahead = True, 0
    return stopping


@functools.partial(jax.jit, static_argnames="optimizer")
def _step(
    key: Key,
    state: TrainState,
    batch: PyTree,
    loss: Loss,
    votes: Array | None,
    **options: Any,
) -> tuple[TrainState, TrainInfo, Array | None]:
    """A step, and the strongest of the processes' votes."""
    state, info = train_step(key, state, batch, loss, **options)
    return state, info, None if votes is None else jnp.max(votes)


def _call(
    params: PyTree,
    batches: Any,
    loss: Loss,
    evaluate: Any,
    num_steps: int,
    checkpoint_every: int,
) -> dict[str, Any]:
    """Name what processes must agree on besides the arguments of a checkpoint."""
    return {
        "params": params,
        "images": getattr(batches, "fingerprint", None),
        "num_steps": num_steps,
        "checkpoint_every": checkpoint_every,
        "code": [code_of(loss), code_of(evaluate)],
    }


def _to_all_devices(tree: PyTree, split: Split | None) -> PyTree:
    if split is None:
        return jax.device_put(tree)
    if split.rows.is_fully_addressable:
        return jax.device_put(tree, split.replicated)
    return replicate(split, tree)


def _check_inputs(batches: Any, evaluate: Any, score: Any) -> None:
    if not isinstance(batches, Iterable):
        raise _checks.fail("batches", "trees of arrays", type(batches).__name__)
    if evaluate is not None:
        _checks.check_callable("evaluate", evaluate)
    if score is not None:
        _checks.check_type("score", score, str)
        if evaluate is None:
            raise _checks.fail("score", "None without `evaluate`", repr(score))


def _as_optimizer(
    optimizer: optax.GradientTransformation | float | None, num_steps: int
) -> optax.GradientTransformation:
    if optimizer is None:
        return warmup_adam(num_steps)
    if isinstance(optimizer, optax.GradientTransformation):
        return optimizer
    rate = _checks.as_positive("optimizer", optimizer)
    return warmup_adam(num_steps, learning_rate=rate)


def _arguments(
    key: Key, loss: Loss, state: TrainState, ema_decay: float
) -> dict[str, Any]:
    """Name the arguments that a checkpoint must agree with.

    Of the parameters and the optimizer, only the layout is compared: initial values
    depend on the device, and a lower learning rate continues a training that diverged.
    """
    layout = jax.tree.map(lambda x: (np.shape(x), jnp.result_type(x)), state)
    return {
        "loss": loss,
        "key": key,
        "params": layout.params,
        "optimizer": layout.opt_state,
        "ema_decay": ema_decay,
    }


def _to_rows(batch: PyTree, split: Split | None) -> PyTree:
    return batch if split is None else from_local_rows("batches", split, batch)
