"""A few lines around orbax: numbered checkpoints of a tree in a folder.

Contract: a tree is any pytree of arrays and numbers. Leaves are stored by position, so
that no class is needed to read them; the tree to fill comes from the caller. Writing
goes on in the background and is complete when the `with` block ends.
"""

import contextlib
import math
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class Checkpoints:
    """The checkpoints in one folder; made by `open_checkpoints`."""

    def __init__(self, manager: Any, folder: pathlib.Path):
        self._manager = manager
        self._folder = folder

    def save(
        self, step: int, tree: Any, *, rating: float = math.inf, **extra: np.ndarray
    ) -> None:
        """Keeps `tree`, and arrays by name, as the checkpoint of `step`.

        Args:
          step: later than that of any other checkpoint; the last one again is ignored.
          tree: of arrays and numbers. They are copied at once, and stored without how
            they were spread over devices.
          rating: the lowest is the best; infinite for a checkpoint without one.
          **extra: arrays to be had back by their names.
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
        """The last checkpoint, in the structure of `tree`; None where there is none.

        Args:
          tree: whose structure, shapes and dtypes are expected.
          best: takes the one of the lowest rating instead, of equal ones the last.

        Returns:
          The stored tree, and the extra arrays by name.

        Raises:
          ValueError: if its leaves do not have the number, shapes and dtypes of those
            of `tree`: it belongs to something else.
        """
        import orbax.checkpoint as ocp

        step = self._manager.best_step() if best else self._manager.latest_step()
        if step is None:
            return None
        self._manager.wait_until_finished()
        stored = self._manager.restore(step, args=ocp.args.StandardRestore())
        leaves, treedef = jax.tree.flatten(tree)
        kept = [stored["tree"][name] for name in sorted(stored["tree"])]
        expected = [(np.shape(x), jnp.result_type(x)) for x in leaves]
        found = [(np.shape(x), jnp.result_type(x)) for x in kept]
        if expected != found:
            raise ValueError(
                f"`checkpoint` holds another model or optimizer: {self._folder} has "
                f"{len(found)} arrays that do not match the {len(expected)} of this "
                "call. Give another folder, or the model and optimizer of the first."
            )
        return jax.tree.unflatten(treedef, kept), dict(stored.get("extra") or {})


@contextlib.contextmanager
def open_checkpoints(folder: str | pathlib.Path) -> Iterator[Checkpoints]:
    """The checkpoints in `folder`, which is made if missing.

    The last two are kept, and the one of the lowest rating.

    Args:
      folder: where they are; relative paths are resolved at once.

    Yields:
      `Checkpoints`. Leaving the block waits until the last one is on disk.
    """
    import orbax.checkpoint as ocp

    folder = pathlib.Path(folder).resolve()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"`checkpoint` must be a folder, got the file {folder}.")
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
    with ocp.CheckpointManager(folder, options=options) as manager:
        yield Checkpoints(manager, folder)
        manager.wait_until_finished()


def _rating(metrics: dict[str, float]) -> float:
    return metrics["rating"]
