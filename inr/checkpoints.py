"""A thin layer over orbax: numbered checkpoints of a tree in a folder.

Contract: a tree is any pytree of arrays and numbers. Leaves are stored by position, so
that reading needs no class; the caller passes a tree of the same structure. Writing
runs in the background and is complete when the `with` block ends.
"""

import contextlib
import math
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class Checkpoints:
    """The checkpoints in one folder. Use `open_checkpoints` to create one."""

    def __init__(self, manager: Any, folder: pathlib.Path):
        self._manager = manager
        self._folder = folder

    def save(
        self, step: int, tree: Any, *, rating: float = math.inf, **extra: np.ndarray
    ) -> None:
        """Store `tree` and named arrays as the checkpoint of `step`.

        Args:
          step: greater than that of every earlier checkpoint; the last one again is
            ignored.
          tree: a pytree of arrays and numbers. They are copied at once, and stored
            without their sharding.
          rating: the checkpoint with the lowest rating is the best; infinite for a
            checkpoint without a rating.
          **extra: arrays that `load` returns under the same names.
        """
        import orbax.checkpoint as ocp

        if step == self._manager.latest_step():
            return
        leaves = jax.device_get(jax.tree.leaves(tree))
        leaves = {f"{i:04d}": x for i, x in enumerate(leaves)}
        item = ocp.args.StandardSave({"tree": leaves, "extra": extra})
        self._manager.save(step, args=item, metrics={"rating": rating})

    def load(
        self, tree: Any, *, best: bool = False
    ) -> tuple[Any, dict[str, np.ndarray]] | None:
        """Load the last checkpoint in the structure of `tree`; None if there is none.

        Args:
          tree: a tree of the expected structure, shapes and dtypes.
          best: load the checkpoint with the lowest rating instead; of equal ratings,
            the last one.

        Returns:
          The stored tree, and the extra arrays by name.

        Raises:
          ValueError: if the stored leaves do not have the number, shapes and dtypes of
            those of `tree`, because the checkpoint belongs to another call.
        """
        import orbax.checkpoint as ocp

        step = self._manager.best_step() if best else self._manager.latest_step()
        if step is None:
            return None
        self._manager.wait_until_finished()
        item = self._manager.restore(step, args=ocp.args.StandardRestore())
        leaves, treedef = jax.tree.flatten(tree)
        stored = [item["tree"][name] for name in sorted(item["tree"])]
        expected = [(np.shape(x), jnp.result_type(x)) for x in leaves]
        got = [(np.shape(x), jnp.result_type(x)) for x in stored]
        if expected != got:
            raise ValueError(
                f"`checkpoint` must be a folder of the same model and optimizer, got "
                f"{self._folder} with {len(got)} arrays that do not match the "
                f"{len(expected)} of this call. Choose another folder, or the model "
                "and optimizer of the first call."
            )
        return jax.tree.unflatten(treedef, stored), dict(item.get("extra") or {})


@contextlib.contextmanager
def open_checkpoints(folder: str | os.PathLike) -> Iterator[Checkpoints]:
    """Open the checkpoints in `folder`, which is created if missing.

    The last two checkpoints are kept, and the one with the lowest rating.

    Args:
      folder: path of the folder; a relative path is resolved at once.

    Yields:
      `Checkpoints`. Leaving the block waits until the last one is on disk.
    """
    import orbax.checkpoint as ocp

    path = pathlib.Path(folder).resolve()
    if path.exists() and not path.is_dir():
        raise ValueError(f"`checkpoint` must be a folder, got the file {path}.")
    policies = ocp.checkpoint_managers
    last = policies.LatestN(2)
    best = policies.BestN(
        get_metric_fn=_rating, reverse=True, n=1, keep_checkpoints_without_metrics=False
    )
    options = ocp.CheckpointManagerOptions(
        best_fn=_rating,
        best_mode="min",
        preservation_policy=policies.AnyPreservationPolicy([last, best]),
    )
    with ocp.CheckpointManager(path, options=options) as manager:
        yield Checkpoints(manager, path)
        manager.wait_until_finished()


def _rating(metrics: dict[str, float]) -> float:
    return metrics["rating"]
