"""Processes that train one model together, and what they exchange besides gradients.

Each process has its own devices, reads its own part of every batch and holds all
parameters. The first process writes the files. What only one process can find out, such
as the contents of a folder, it sends to the others; an error too, so that all of them
raise it and none waits for the rest.
"""

import enum
import functools
import inspect
import pickle
import platform
import socket
import time
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from inr import _checks
from inr._fingerprint import digest
from inr._sharding import Split

T = TypeVar("T")


def join_processes(
    coordinator: str, *, process: int, num_processes: int, timeout: float = 60.0
) -> None:
    """Connect this process to others, so that `jax.devices` lists all their devices.

    Call it before any other function of JAX. On a cluster that JAX detects (Slurm, TPU
    pods, Open MPI), `jax.distributed.initialize()` does the same without arguments. On
    CPUs, the processes communicate by gloo.

    Args:
      coordinator: `"host:port"` of process 0, a free port there.
      process: number of this process, from 0.
      num_processes: number of processes; a single one connects to nothing.
      timeout: seconds to wait for the coordinator, and for all processes.

    Raises:
      ValueError: if an argument is out of range.
      TimeoutError: if nothing answers at the coordinator's address.
    """
    _checks.check_type("coordinator", coordinator, str)
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal():
        raise _checks.fail("coordinator", "'host:port'", repr(coordinator))
    num_processes = _checks.as_count("num_processes", num_processes)
    process = _checks.as_count("process", process, least=0, most=num_processes - 1)
    timeout = _checks.as_positive("timeout", timeout)
    if num_processes == 1:
        return
    if process > 0:
        # JAX ends the process without an exception if the coordinator is missing.
        _wait_for(host, int(port), timeout)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        coordinator,
        num_processes,
        process,
        initialization_timeout=max(1, round(timeout)),
    )


def _wait_for(host: str, port: int, timeout: float) -> None:
    end = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((host, port), timeout=min(timeout, 5.0)).close()
            return
        except OSError as error:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"`coordinator` must be the address of process 0, got {host}:{port}"
                    f", where nothing answered for {timeout:g} s ({error}). Start "
                    "process 0, and check the host, the port and the firewall."
                ) from None
            time.sleep(min(0.2, timeout))


class Vote(enum.IntEnum):
    """What a process wants all to do after a step."""

    CONTINUE = 0
    STOP = 1
    FAIL = 2


class Team(NamedTuple):
    """The processes of a training. A training in one process is a team of one.

    Attributes:
      index: number of this process in the team.
      size: number of processes.
    """

    index: int
    size: int

    def first(self, compute: Callable[[], T]) -> T:
        """Call a function in the first process; return or raise the same in all."""
        if self.size == 1:
            return compute()
        result, error = None, None
        if self.index == 0:
            try:
                result = compute()
            except Exception as exception:
                error = _portable(exception)
        result, error = _broadcast((result, error))
        if error is not None:
            raise error
        return result

    def check_agreement(self, values: Mapping[str, Any]) -> None:
        """Raise in all processes unless they have equal values of every name."""
        if self.size == 1:
            return
        mine = {name: digest(value) for name, value in values.items()}
        first, *others = _gather(mine)
        for process, theirs in enumerate(others, start=1):
            names = [x for x in {**first, **theirs} if first.get(x) != theirs.get(x)]
            if names:
                raise _checks.fail(
                    " and ".join(names),
                    "equal in all processes",
                    f"others in process {process} than in process 0",
                    "Start all processes with the same code, options and data.",
                )

    def check_parts(self, batch: PyTree) -> None:
        """Raise in all processes if two of them have read the same rows."""
        if self.size == 1:
            return
        parts = _gather(digest([np.asarray(x) for x in jax.tree.leaves(batch)]))
        for i, part in enumerate(parts):
            if part in parts[:i]:
                raise _checks.fail(
                    "batches",
                    "a different part of each batch in every process",
                    f"equal first batches in processes {parts.index(part)} and {i}",
                    "See the option `part` of `crop_batches`.",
                )

    def vote(self, value: Vote, split: Split | None) -> jax.Array | None:
        """Return the votes of all processes as an array; None in a team of one."""
        if self.size == 1 or split is None:
            return None
        mesh = Mesh(split.devices, ("device",))
        sharding = NamedSharding(mesh, PartitionSpec("device"))
        return jax.make_array_from_callback(
            split.devices.shape, sharding, lambda index: np.full(1, value, np.int32)
        )

    def local(self, tree: PyTree) -> PyTree:
        """Return replicated arrays as arrays on one device of this process."""
        if self.size == 1:
            return tree
        return jax.tree.map(lambda x: x.addressable_data(0), tree)


def team_of(split: Split | None) -> Team:
    """Return the processes whose devices a sharding has.

    Raises:
      ValueError: if it has devices of some processes, but not of all.
    """
    if split is None or split.rows.is_fully_addressable:
        return Team(0, 1)
    owners = {device.process_index for device in split.devices}
    if owners != {*range(jax.process_count())}:
        raise _checks.fail(
            "sharding",
            "on devices of this process alone, or of all processes",
            f"those of {len(owners)} of {jax.process_count()} processes",
        )
    return Team(jax.process_index(), jax.process_count())


def code_of(function: Any) -> Any:
    """Describe what a function computes, and the versions of what it calls.

    Two processes of one training should agree on it; a checkpoint need not, because
    byte code depends on the version of Python.
    """
    while isinstance(function, functools.partial):
        function = function.func
    versions = [platform.python_version(), jax.__version__]
    return [versions, _instructions(getattr(inspect.unwrap(function), "__code__", 0))]


def _instructions(code: Any) -> Any:
    if not isinstance(code, types.CodeType):
        return repr(code) if isinstance(code, frozenset) else code
    constants = [_instructions(constant) for constant in code.co_consts]
    return [code.co_code, code.co_names, constants]


def replicate(split: Split, tree: PyTree) -> PyTree:
    """Copy arrays that are equal in all processes to every device."""

    def put(x: Any) -> jax.Array:
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            # A typed key cannot be put on devices of other processes, but its data can.
            data = put(jax.random.key_data(x))
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(x))
        return jax.make_array_from_process_local_data(split.replicated, np.asarray(x))

    return jax.tree.map(put, tree)


def _gather(value: Any) -> list[Any]:
    """Return the values of all processes, in order."""
    from jax.experimental import multihost_utils

    content = np.frombuffer(pickle.dumps(value), np.uint8)
    sizes = multihost_utils.process_allgather(np.int32(len(content)))
    padded = np.pad(content, (0, int(sizes.max()) - len(content)))
    rows = multihost_utils.process_allgather(padded)
    return [pickle.loads(row[:n].tobytes()) for row, n in zip(rows, sizes, strict=True)]


def _broadcast(value: Any) -> Any:
    """Return the value of the first process. The others give any value."""
    from jax.experimental import multihost_utils

    # As bytes: a sum of floats would lose the sign of zero.
    content = np.frombuffer(pickle.dumps(value), np.uint8)
    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(content))))
    padded = np.resize(content, size)
    return pickle.loads(multihost_utils.broadcast_one_to_all(padded).tobytes())


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent to other processes."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:  # Of a class that cannot be pickled.
        return RuntimeError(f"In process 0: {error!r}")
