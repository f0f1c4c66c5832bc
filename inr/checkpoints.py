"""A few lines around orbax: numbered checkpoints of a tree in a folder.

Contract: a tree is any pytree of arrays and numbers. Leaves are stored by position, so
that no class is needed to read them; the tree to fill comes from the caller. Writing
goes on in the background and is complete when the `with` block ends.
"""

import contextlib
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

    def save(self, step: int, tree: Any, **extra: np.ndarray) -> None:
        """Keeps `tree`, and arrays by name, as the checkpoint of `step`."""
        import orbax.checkpoint as ocp

        if step == self._manager.latest_step():
            return
        leaves = {f"{i:04d}": x for i, x in enumerate(jax.tree.leaves(tree))}
        item = ocp.args.StandardSave({"tree": leaves, "extra": extra})
        self._manager.save(step, args=item)

    def load(self, tree: Any) -> tuple[Any, dict[str, np.ndarray]] | None:
        """The last checkpoint, in the structure of `tree`; None where there is none.

        Raises:
          ValueError: if its leaves do not have the number, shapes and dtypes of those
            of `tree`: it belongs to something else.
        """
        import orbax.checkpoint as ocp

        step = self._manager.latest_step()
        if step is None:
            return None
        stored = self._manager.restore(step, args=ocp.args.StandardRestore())
        leaves, treedef = jax.tree.flatten(tree)
        kept = [stored["tree"][name] for name in sorted(stored["tree"])]
        expected = [(np.shape(x), jnp.result_type(x)) for x in leaves]
        found = [(np.shape(x), jnp.result_type(x)) for x in kept]
        if expected != found:
            raise ValueError(
                f"`checkpoint` holds another model or optimiser: {self._folder} has "
                f"{len(found)} arrays that do not match the {len(expected)} of this "
                "call. Give another folder, or the model and optimiser of the first."
            )
        return jax.tree.unflatten(treedef, kept), dict(stored.get("extra") or {})


@contextlib.contextmanager
def open_checkpoints(folder: str | pathlib.Path) -> Iterator[Checkpoints]:
    """The checkpoints in `folder`, which is made if missing; the last two are kept.

    Args:
      folder: where they are; relative paths are resolved at once.

    Yields:
      `Checkpoints`. Leaving the block waits until the last one is on disk.
    """
    import orbax.checkpoint as ocp

    folder = pathlib.Path(folder).resolve()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"`checkpoint` must be a folder, got the file {folder}.")
    options = ocp.CheckpointManagerOptions(max_to_keep=2, create=True)
    with ocp.CheckpointManager(folder, options=options) as manager:
        yield Checkpoints(manager, folder)
        manager.wait_until_finished()
