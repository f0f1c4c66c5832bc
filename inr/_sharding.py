"""The option `sharding`: an array's leading axis, split over the devices of a mesh."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from inr import _checks
from inr._typing import Array

Devices: TypeAlias = Mesh | NamedSharding
"""A mesh, whose devices all take a part, or a sharding of the leading axis."""


class Split(NamedTuple):
    """Shardings on one mesh with automatic axes.

    Attributes:
      rows: sharding of arrays whose leading axis is split.
      replicated: sharding of arrays that every device holds completely.
    """

    rows: NamedSharding
    replicated: NamedSharding

    @property
    def count(self) -> int:
        """Number of parts of the leading axis."""
        size = self.rows.mesh.size
        return size // self.rows.shard_shape((size,))[0]

    @property
    def devices(self) -> np.ndarray:
        """All devices of the mesh, `[n]`."""
        mesh = self.rows.mesh
        assert isinstance(mesh, Mesh)  # `as_split` has checked it.
        return mesh.devices.ravel()


def as_split(argument: str, value: Any) -> Split:
    """Return the shardings that an option stands for.

    Meshes of `jax.make_mesh` have explicit axes, which every operation would have to
    name; the same devices with automatic axes take any program.

    Args:
      argument: name of the option in messages.
      value: a `Mesh`, over all axes of which the leading axis is split; or a
        `NamedSharding` that splits the leading axis alone.

    Raises:
      TypeError: if it is neither.
      ValueError: if it has no devices, or does not split the leading axis alone.
    """
    _checks.check_type(argument, value, Mesh, NamedSharding)
    mesh = value if isinstance(value, Mesh) else value.mesh
    if not isinstance(mesh, Mesh):
        raise _checks.fail(argument, "on a mesh of devices", "an abstract mesh")
    spec = PartitionSpec(mesh.axis_names)
    if isinstance(value, NamedSharding):
        spec = value.spec
        if not spec or spec[0] is None or any(axis is not None for axis in spec[1:]):
            names = ", ".join(map(repr, mesh.axis_names))
            expected = f"a split of the leading axis over {names}"
            raise _checks.fail(argument, expected, spec, "Or give the mesh itself.")
    automatic = Mesh(mesh.devices, mesh.axis_names)
    return Split(
        NamedSharding(automatic, PartitionSpec(spec[0])),
        NamedSharding(automatic, PartitionSpec()),
    )


def as_local_split(argument: str, value: Any) -> Split | None:
    """Return the shardings of an option on devices of this process; None for None.

    Raises:
      ValueError: as `as_split`, and for devices of other processes.
    """
    if value is None:
        return None
    split = as_split(argument, value)
    if not split.rows.is_fully_addressable:
        expected = "on devices of this process"
        raise _checks.fail(argument, expected, "a mesh of several processes")
    return split


def check_rows(argument: str, split: Split, rows: int) -> None:
    """Raise unless rows can be split evenly over the devices."""
    if rows % split.count:
        raise _checks.fail(
            argument,
            f"a multiple of {split.count} along the leading axis, one for each device",
            rows,
            "Change their number, or use fewer devices.",
        )


def to_devices(split: Split | None, shared: PyTree, rows: PyTree) -> Any:
    """Return `(shared, rows)` on the devices, where `map_rows` reads them."""
    if split is None:
        return shared, rows
    is_even = len(jax.tree.leaves(rows)[0]) % split.count == 0
    where = split.rows if is_even else split.replicated
    return jax.device_put(shared, split.replicated), jax.device_put(rows, where)


def map_rows(
    function: Callable[[Any, Any], Any],
    shared: PyTree,
    rows: PyTree,
    split: Split | None,
) -> PyTree:
    """Call a function of `shared` and some rows on each device; return all its rows.

    Rows that the devices do not divide are padded by repetition.

    Args:
      function: maps `(shared, rows)` to arrays with as many rows.
      shared: tree that every device holds completely.
      rows: tree of arrays or keys `[rows, ...]`.
      split: shardings; None for one device.
    """
    if split is None:
        return function(shared, rows)
    padded, count = _padded(rows, split)
    axes = split.rows.spec
    on_devices = jax.shard_map(
        function,
        mesh=split.rows.mesh,
        in_specs=(PartitionSpec(), axes),
        out_specs=axes,
        check_vma=False,
    )
    return jax.tree.map(lambda x: x[:count], on_devices(shared, padded))


def mean_of_rows(
    function: Callable[[Any, Any, Array], Any],
    shared: PyTree,
    rows: PyTree,
    split: Split | None,
) -> PyTree:
    """Sum a function of some rows and their weights, which sum to 1, over the devices.

    Padding as in `map_rows` has the weight 0.

    Args:
      function: maps `(shared, rows, weights)` to a tree that is linear in the weights.
      shared: tree that every device holds completely.
      rows: tree of arrays or keys `[rows, ...]`.
      split: shardings; None for one device.
    """
    count = len(jax.tree.leaves(rows)[0])
    if split is None:
        return function(shared, rows, jnp.full(count, 1 / count, jnp.float32))
    padded, _ = _padded(rows, split)
    size = len(jax.tree.leaves(padded)[0])
    weights = jnp.where(jnp.arange(size, dtype=jnp.int32) < count, 1 / count, 0.0)
    axes = split.rows.spec

    def on_device(shared: PyTree, rows: PyTree, weights: Array) -> PyTree:
        return lax.psum(function(shared, rows, weights), axes[0])

    on_devices = jax.shard_map(
        on_device,
        mesh=split.rows.mesh,
        in_specs=(PartitionSpec(), axes, axes),
        out_specs=PartitionSpec(),
        check_vma=False,
    )
    return on_devices(shared, padded, weights.astype(jnp.float32))


def _padded(rows: PyTree, split: Split) -> tuple[PyTree, int]:
    """Rows, repeated up to a multiple of the devices, and their number without that."""
    count = len(jax.tree.leaves(rows)[0])
    index = np.arange(-(-count // split.count) * split.count) % count
    if len(index) == count:
        return rows, count
    return jax.tree.map(lambda x: x[index], rows), count


def from_local_rows(argument: str, split: Split, tree: PyTree) -> PyTree:
    """Return arrays on all devices from the rows of each process.

    Raises:
      ValueError: if the rows cannot be split evenly over the devices.
    """
    parts = split.rows.addressable_devices_indices_map((split.count,)).values()
    rows = len({index[0].start for index in parts if index is not None})

    def put(x: Any) -> jax.Array:
        array = np.asarray(x)
        if array.ndim == 0 or len(array) % rows:
            raise _checks.fail(
                argument,
                f"arrays of a multiple of {rows} rows, for {rows} devices",
                f"shape {array.shape}",
                "Change the size of the batch, or use fewer devices.",
            )
        return jax.make_array_from_process_local_data(split.rows, array)

    return jax.tree.map(put, tree)
