"""A thin layer over orbax: numbered checkpoints of a tree in a folder.

Contract: a tree is any pytree of arrays. Leaves are stored by position, so that reading
needs no class; the caller passes a tree of the same structure. Writing runs in the
background and is complete when the `with` block ends.

A checkpoint is never confused with another: it contains digests of the arguments of the
call that wrote it, and a checksum of everything that it contains. One process at a time
can open a folder.
"""

import contextlib
import json
import math
import os
import pathlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks
from inr._files import as_path
from inr._fingerprint import digest
from inr._locks import locked_folder

DERIVED = "initial parameters"
"""The argument that other arguments determine: an error names it only if they agree."""


class Stored(NamedTuple):
    """Contents of a checkpoint: the tree, and the extra arrays by name."""

    tree: Any
    extra: dict[str, np.ndarray]


class Checkpoints:
    """The checkpoints in one folder. Use `open_checkpoints` to create one."""

    def __init__(
        self,
        manager: Any,
        folder: pathlib.Path,
        fingerprint: dict[str, str],
        ratings: dict[int, float],
    ):
        self._manager = manager
        self._folder = folder
        self._fingerprint = fingerprint
        self._ratings = ratings
        self._damaged: set[int] = set()

    def save(
        self, step: int, tree: Any, *, rating: float = math.inf, **extra: np.ndarray
    ) -> None:
        """Store `tree` and named arrays as the checkpoint of `step`.

        Args:
          step: greater than that of every earlier checkpoint; the last one again is
            ignored.
          tree: a pytree of arrays with at least one element each. They are copied at
            once, and stored without their sharding.
          rating: the checkpoint with the lowest rating is the best; infinite for a
            checkpoint without a rating.
          **extra: arrays that `load` returns under the same names.
        """
        import orbax.checkpoint as ocp

        for damaged in self._damaged & {*self._manager.all_steps()}:
            self._manager.delete(damaged)
        self._damaged.clear()
        if step == self._manager.latest_step():
            return
        for old in self._ratings.keys() - {*self._manager.all_steps()}:
            del self._ratings[old]
        self._ratings[step] = rating
        record = {"arguments": self._fingerprint, "ratings": self._ratings}
        leaves = jax.device_get(jax.tree.leaves(tree))
        item = {
            "tree": {f"{i:04d}": np.asarray(x) for i, x in enumerate(leaves)},
            "extra": extra,
            "record": np.frombuffer(json.dumps(record).encode(), np.uint8),
        }
        checksum = np.frombuffer(_checksum(item), np.uint8)
        args = ocp.args.StandardSave({**item, "checksum": checksum})
        self._manager.save(step, args=args)

    def load(self, tree: Any) -> Stored | None:
        """Load the last checkpoint in the structure of `tree`; None if there is none.

        A damaged checkpoint is ignored with a warning, and deleted by the next `save`.

        Args:
          tree: a tree of the expected structure, shapes and dtypes.

        Returns:
          The stored tree, and the extra arrays by name.

        Raises:
          ValueError: if no checkpoint is intact, or the last one is of other arguments
            or does not have the leaves of `tree`.
        """
        self._manager.wait_until_finished()
        steps = sorted(self._manager.all_steps(), reverse=True)
        item = self._first_intact(steps)
        if item is None and steps:
            numbers = ", ".join(map(str, sorted(steps)))
            raise _checks.fail(
                "checkpoint",
                "a folder with an intact checkpoint",
                f"{self._folder}, where those of the steps {numbers} are damaged",
                "Delete the folder, or choose another one, to start from step 0.",
            )
        if item is None:
            return None
        record = json.loads(item["record"].tobytes())
        self._check_arguments(record["arguments"])
        self._ratings.update((int(k), x) for k, x in record["ratings"].items())
        return self._unflatten(tree, item)

    def load_best(self, tree: Any) -> Stored:
        """Load the checkpoint with the lowest rating, after `load`.

        Of equal ratings, the last one is loaded.

        Args:
          tree: a tree of the expected structure, shapes and dtypes.

        Returns:
          The stored tree, and the extra arrays by name.
        """
        item = self._first_intact(_by_rating(self._manager.all_steps(), self._ratings))
        assert item is not None  # `load` has found an intact one.
        return self._unflatten(tree, item)

    def _first_intact(self, steps: Sequence[int]) -> dict[str, Any] | None:
        for step in steps:
            if step in self._damaged:
                continue
            try:
                return self._read(step)
            except MemoryError:
                raise
            except Exception as error:  # Those of orbax have no common base.
                self._damaged.add(step)
                warnings.warn(
                    f"`checkpoint`: step {step} in {self._folder} is damaged and "
                    f"ignored ({error!r:.200})",
                    stacklevel=2,
                )
        return None

    def _read(self, step: int) -> dict[str, Any]:
        import orbax.checkpoint as ocp

        item = dict(self._manager.restore(step, args=ocp.args.StandardRestore()))
        checksum = item.pop("checksum").tobytes()
        if checksum != _checksum(item):
            raise ValueError("the checksum does not match")
        return item

    def _check_arguments(self, stored: Mapping[str, str]) -> None:
        own = self._fingerprint
        names = [x for x in {**own, **stored} if own.get(x) != stored.get(x)]
        if names:
            names = [x for x in names if x != DERIVED] or names
            raise _checks.fail(
                "checkpoint",
                "a new folder or one of the same call",
                f"{self._folder}, which differs in {' and '.join(names)}",
                "Choose another folder, or repeat the arguments of the first call.",
            )

    def _unflatten(self, tree: Any, item: dict[str, Any]) -> Stored:
        leaves, treedef = jax.tree.flatten(tree)
        stored = [item["tree"][name] for name in sorted(item["tree"])]
        expected = [(np.shape(x), jnp.result_type(x)) for x in leaves]
        got = [(np.shape(x), jnp.result_type(x)) for x in stored]
        if expected != got:
            raise _checks.fail(
                "checkpoint",
                "a folder of the same model and optimizer",
                f"{self._folder} with {len(got)} arrays that do not match the "
                f"{len(expected)} of this call",
                "Choose another folder, or the model and optimizer of the first call.",
            )
        return Stored(
            jax.tree.unflatten(treedef, stored), dict(item.get("extra") or {})
        )


class _LastTwoAndBest:
    """A preservation policy of orbax."""

    def __init__(self, ratings: Mapping[int, float]):
        self._ratings = ratings

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any):
        del context
        steps = [checkpoint.step for checkpoint in checkpoints]
        preserved = {*steps[-2:], *_by_rating(steps, self._ratings)[:1]}
        return [step in preserved for step in steps]


@contextlib.contextmanager
def open_checkpoints(
    folder: str | os.PathLike, arguments: Mapping[str, Any]
) -> Iterator[Checkpoints]:
    """Open the checkpoints in `folder`, which is created if missing.

    The last two checkpoints are kept, and the one with the lowest rating.

    Args:
      folder: path of the folder; a relative path is resolved at once.
      arguments: values by name on which the result depends. A folder with others is
        refused. See also `DERIVED`.

    Yields:
      `Checkpoints`. Leaving the block waits until the last one is on disk.

    Raises:
      ValueError: if `folder` is a file, or in use by another process; or if this is not
        the first of several processes that JAX has connected.
    """
    import orbax.checkpoint as ocp

    path = as_path("checkpoint", folder).resolve()
    if path.exists() and not path.is_dir():
        raise ValueError(f"`checkpoint` must be a folder, got the file {path}.")
    path.mkdir(parents=True, exist_ok=True)
    ratings: dict[int, float] = {}
    options = ocp.CheckpointManagerOptions(
        preservation_policy=_LastTwoAndBest(ratings),
        create=False,
        multiprocessing_options=_first_process(),
    )
    with (
        locked_folder("checkpoint", path),
        ocp.CheckpointManager(path, options=options) as manager,
    ):
        fingerprint = {name: digest(value) for name, value in arguments.items()}
        yield Checkpoints(manager, path, fingerprint, ratings)
        manager.wait_until_finished()


def _first_process() -> Any:
    """Keep orbax from waiting for other processes; only the first one can write."""
    import orbax.checkpoint as ocp

    if jax.process_count() == 1:
        return ocp.options.MultiprocessingOptions()
    if jax.process_index() != 0:
        raise _checks.fail(
            "checkpoint",
            f"None in process {jax.process_index()} of {jax.process_count()}",
            "a folder",
            "For work that is independent, do not connect the processes.",
        )
    return ocp.options.MultiprocessingOptions(
        active_processes={0}, barrier_sync_key_prefix="inr"
    )


def check_num_steps(num_steps: int, step: int) -> None:
    """Raise if the last checkpoint, of `step`, is after the last of `num_steps`."""
    if num_steps < step:
        raise _checks.fail(
            "num_steps",
            f"at least {step}, the step of the checkpoint",
            num_steps,
            "Choose another folder for fewer steps.",
        )


def _by_rating(steps: Sequence[int], ratings: Mapping[int, float]) -> list[int]:
    """Sort steps by their ratings; of equal ratings, the last step comes first."""
    return sorted(steps, key=lambda step: (ratings.get(step, math.inf), -step))


def _checksum(item: Mapping[str, Any]) -> bytes:
    leaves = jax.tree_util.tree_leaves_with_path(item)
    arrays = {jax.tree_util.keystr(path): np.asarray(x) for path, x in leaves}
    return bytes.fromhex(digest(arrays))
