"""The option `sharding`: an array's leading axis, split over the devices of a mesh."""

from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from inr import _checks

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
