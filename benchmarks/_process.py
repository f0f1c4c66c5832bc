"""Shared by benchmarks of time and memory: a call in a process of its own."""

import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable

import _common
import jax


def measured(call: str) -> dict[str, float]:
    """What `report` prints for a call "module.function(...)" in a new process."""
    code = f"import {call.split('.')[0]}; {call}"
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=_common.HERE, capture_output=True, check=True
    )
    return json.loads(out.stdout)


def report(call: Callable, repeats: int = 2) -> None:
    """Prints the seconds of the first call and the last, and the memory they took."""
    before = resident("VmRSS")
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(call())
        seconds.append(time.perf_counter() - start)
    gib = resident("VmHWM") - before
    print(json.dumps({"first_s": seconds[0], "last_s": seconds[-1], "gib": gib}))


def resident(name: str) -> float:
    """Memory of this process in GiB, now or at most."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    (line,) = (x for x in lines if x.startswith(name))
    return int(line.split()[1]) / 2**20
