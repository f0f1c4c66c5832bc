"""Training by two processes, each pinned to one core, against one such process.

Three arrangements run in turns: one process; two that train together, with twice the
batch; and two at once that are not connected. The third one shows how much the cores
slow each other down, so that the second has only the cost of communication besides.
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

FEW_STEPS, STEPS = 2, 20
CROPS, SIDE = 8, 128


def measure(repeats: int = 3) -> dict:
    """Images per second of the three arrangements, medians, and their ratios."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("two cores are needed, got one")
    rates: dict[str, list[float]] = {"one": [], "together": [], "unconnected": []}
    for _ in range(repeats):
        rates["one"].append(_rate(cores[:1], connected=False))
        rates["together"].append(_rate(cores[:2], connected=True))
        rates["unconnected"].append(_rate(cores[:2], connected=False))
    row: dict = {name: statistics.median(values) for name, values in rates.items()}
    row["share_of_twice_one"] = row["together"] / (2 * row["one"])
    row["share_of_unconnected"] = row["together"] / row["unconnected"]
    return {**row, "crops": CROPS, "side": SIDE, "load": os.getloadavg()[0]}


def _rate(cores: list[int], *, connected: bool) -> float:
    """Images per second of a process on each core together."""
    count = len(cores) if connected else 1
    port = _free_port()
    children = []
    for i, core in enumerate(cores):
        index = i if connected else 0
        # Pinned before JAX counts the cores for its threads.
        code = (
            f"import os; os.sched_setaffinity(0, {{{core}}}); import _two_processes; "
            f"_two_processes.train({index}, {count}, {port})"
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
    return sum(STEPS * CROPS / s for s in seconds)


def train(index: int, count: int, port: int) -> None:
    """Print the seconds of some steps of a warm training in this process.

    They are the difference of a long and a short training, because the comparison of
    the processes at the start does not grow with the steps.
    """
    import jax

    from inr import colorization, training

    training.join_processes(f"127.0.0.1:{port}", process=index, num_processes=count)
    model = colorization.Restorer()
    inputs = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), model.example_inputs())
    params = jax.device_get(model.init(jax.random.key(0), *inputs))
    loss = colorization.restorer_loss(model)
    optimizer = training.warmup_adam(STEPS)
    mesh = jax.make_mesh((count,), ("batch",)) if count > 1 else None

    def seconds_of(num_steps: int) -> float:
        start = time.perf_counter()
        training.train(
            jax.random.key(1), loss, params, _batches(index), num_steps=num_steps,
            optimizer=optimizer, sharding=mesh, progress=False,
        )  # fmt: skip
        return time.perf_counter() - start

    seconds_of(FEW_STEPS)
    few = seconds_of(FEW_STEPS)
    print(json.dumps({"seconds": seconds_of(FEW_STEPS + STEPS) - few}))


def _batches(index: int) -> Iterator[np.ndarray]:
    """Random crops, others in each process; they cost no time of reading."""
    generator = np.random.default_rng(index)
    batch = generator.integers(0, 256, (CROPS, SIDE, SIDE, 3), np.uint8)
    while True:
        yield batch


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
