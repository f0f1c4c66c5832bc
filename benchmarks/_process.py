"""Time and memory of a call in a separate process."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import _common
import jax


def measure(call: str, **variables: str) -> dict[str, float]:
    """Run "module.function(...)" in a new process; return the output of `report`.

    `variables` are set in the environment of the process.
    """
    code = f"import {call.split('.')[0]}; {call}"
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=_common.HERE,
        env={**os.environ, **variables},
        capture_output=True,
        check=True,
    )
    return json.loads(process.stdout)


def report(call: Callable, repeats: int = 2) -> None:
    """Print the seconds of the first and the last call, and the peak of their memory.

    The memory is the peak of this process minus its memory before the calls.
    """
    before = resident("VmRSS")
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(call())
        seconds.append(time.perf_counter() - start)
    gib = resident("VmHWM") - before
    print(json.dumps({"first_s": seconds[0], "last_s": seconds[-1], "gib": gib}))


def report_anonymous(call: Callable[[], dict]) -> None:
    """Print what a call returns, with the peak of memory that maps no file, in MiB.

    The peak is above the memory before the call, and sampled a hundred times a second.
    """
    before = resident("RssAnon")
    peak, done = before, threading.Event()

    def sample() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, resident("RssAnon"))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        values = call()
    finally:
        done.set()
        thread.join()
    print(json.dumps({**values, "peak_mib": (peak - before) * 1024}))


def resident(name: str) -> float:
    """Memory of this process in GiB.

    `VmRSS` is its current value, `VmHWM` its peak, and `RssAnon` the current value
    without the pages of mapped files.
    """
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    (line,) = (x for x in lines if x.startswith(name))
    return int(line.split()[1]) / 2**20
