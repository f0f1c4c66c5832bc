"""Training by two processes of one thread of computation each, against one of them.

Four arrangements run in turns: one process; two that train together, with twice the
batch; two that train together without being pinned; and two that are not connected,
which shows how much the cores slow each other down. Every process is pinned to a core
of its own when JAX counts the cores for its threads. In the third arrangement the
system then places all threads of both processes, so that those that wait for the other
process do not hold up those that send.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import _common
import numpy as np

SIDE = 128
FEW_STEPS = 2  # not counted
IMAGES = 160  # of the steps that are counted


def measure(crops: int, repeats: int = 3) -> dict:
    """Images per second of the four arrangements, medians, and their ratios."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("two cores are needed, got one")
    arrangements = {
        "one": lambda: _rate(crops, cores[:1], connected=False),
        "together": lambda: _rate(crops, cores[:2]),
        "together_placed": lambda: _rate(crops, cores[:2], pinned=False),
        "unconnected": lambda: _rate(crops, cores[:2], connected=False),
    }
    runs = [{x: rate() for x, rate in arrangements.items()} for _ in range(repeats)]
    row: dict = {x: statistics.median(run[x] for run in runs) for x in arrangements}
    shares = {f"{x}_share": row[x] / (2 * row["one"]) for x in row if x != "one"}
    return {**row, **shares, "crops": crops, "side": SIDE, "load": os.getloadavg()[0]}


def _rate(
    crops: int, cores: list[int], *, connected: bool = True, pinned: bool = True
) -> float:
    """Images per second of a process on each core together."""
    count = len(cores) if connected else 1
    port = _free_port()
    children = []
    for i, core in enumerate(cores):
        index = i if connected else 0
        arguments = (crops, index, count, port, None if pinned else cores)
        # Pinned before JAX counts the cores for its threads.
        code = (
            f"import os; os.sched_setaffinity(0, {{{core}}}); import _two_processes; "
            f"_two_processes.train(*{arguments})"
        )
        children.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=_common.HERE,
                env={**os.environ, "JAX_PLATFORMS": "cpu"},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    outputs = [child.communicate()[0] for child in children]
    if any(child.returncode for child in children):
        raise SystemExit("a process failed; see its message above")
    # The other libraries print too; the result is the last line.
    seconds = [json.loads(text.splitlines()[-1])["seconds"] for text in outputs]
    return sum(IMAGES / s for s in seconds)


def train(
    crops: int, index: int, count: int, port: int, cores: list[int] | None
) -> None:
    """Print the seconds of some steps of a warm training in this process.

    They are the difference of a long and a short training, because the comparison of
    the processes at the start does not grow with the steps. The threads may move to
    `cores`, if given, after JAX has made them.
    """
    import jax

    from inr import colorization, training

    training.join_processes(f"127.0.0.1:{port}", process=index, num_processes=count)
    jax.devices()
    if cores is not None:
        for thread in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(thread), cores)
    model = colorization.Restorer()
    inputs = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), model.example_inputs())
    params = jax.device_get(model.init(jax.random.key(0), *inputs))
    loss = colorization.restorer_loss(model)
    many_steps = FEW_STEPS + IMAGES // crops
    optimizer = training.warmup_adam(many_steps)
    mesh = jax.make_mesh((count,), ("batch",)) if count > 1 else None

    def seconds_of(num_steps: int) -> float:
        start = time.perf_counter()
        training.train(
            jax.random.key(1), loss, params, _batches(index, crops),
            num_steps=num_steps, optimizer=optimizer, sharding=mesh, progress=False,
        )  # fmt: skip
        return time.perf_counter() - start

    seconds_of(FEW_STEPS)
    few = seconds_of(FEW_STEPS)
    print(json.dumps({"seconds": seconds_of(many_steps) - few}))


def _batches(index: int, crops: int) -> Iterator[np.ndarray]:
    """Random crops, others in each process; they cost no time of reading."""
    generator = np.random.default_rng(index)
    batch = generator.integers(0, 256, (crops, SIDE, SIDE, 3), np.uint8)
    while True:
        yield batch


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
