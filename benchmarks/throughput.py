"""Throughput of the main programs on this device, and what a device needs for them.

    python benchmarks/throughput.py [--jobs fit render] [--counts] [--plot FILE]

Every job is one compiled program or verb, run at growing sizes: points of a fit or a
rendering, images, signals. Its row has the rate at each size (median of five calls),
the memory at the largest size by the compiler (arguments, results and temporary
arrays), and the exponent of time against size over the larger half of the sizes, which
is 1 if time is linear. Operations and bytes read and written are counted by the
compiler at the second size: it counts the body of a loop once, and larger batches are
split into blocks.
`--counts` stores these counts and the memory alone, without any time.

`device` has the measured rates of a product of matrices in float32 and of copying, of
which the rates of the jobs are given as fractions. `bfloat16` has the errors of the
pretrained models when their layers compute in 16 bits. `processes` has the images per
second of a training by one process on one core, and by two processes on two cores; it
needs two cores without other work.

It runs on whatever device JAX has. On a GPU or TPU, please send us the JSON file.
"""

import argparse
import json
import pathlib
import time
from collections.abc import Callable
from typing import Any

import _bfloat16
import _common
import _two_processes
import jax
import jax.numpy as jnp
import numpy as np
from _programs import JOBS, KEY, LOOPS, VERBS, Job


def measure(job: Job, name: str, device_rates: dict) -> dict:
    """The row of a job, whose rates are given as shares of this run's device rates."""
    rates, seconds = [], []
    for size in job.sizes:
        program, arguments = compiled(job, size, name)
        seconds.append(median_seconds(program, arguments))
        rates.append(size / seconds[-1])
    half = len(job.sizes) // 2
    slope = np.polyfit(np.log(job.sizes[half:]), np.log(seconds[half:]), 1)[0]
    row = {
        **counts(job, name),
        "rates": rates,
        "best_rate": max(rates),
        "exponent": float(slope),
    }
    if "gflop_each" in row:
        row["gflop_per_s"] = row["gflop_each"] * max(rates)
        row["gb_per_s"] = row["mb_each"] * max(rates) / 1e3
        for rate, device_rate in device_rates.items():
            row[f"share_of_{rate}"] = row[rate] / device_rate
    return row


def counts(job: Job, name: str) -> dict:
    """What the compiler counts."""
    row = {"unit": job.unit, "sizes": list(job.sizes)}
    if name in VERBS:
        return row
    memory = compiled(job, job.sizes[-1], name)[0].memory_analysis()
    parts = ("argument", "output", "temp")
    num_bytes = sum(getattr(memory, f"{part}_size_in_bytes") for part in parts)
    row["memory_mib"] = num_bytes / 2**20
    if name not in LOOPS:
        size = job.sizes[1]
        cost = compiled(job, size, name)[0].cost_analysis()
        row["gflop_each"] = cost["flops"] / size / 1e9
        row["mb_each"] = cost["bytes accessed"] / size / 1e6
    return row


def compiled(job: Job, size: int, name: str) -> tuple[Any, tuple]:
    """The program of a size, or a verb, and its arguments."""
    function, arguments = job.build(size)
    if name in VERBS:
        return function, arguments
    return jax.jit(function).lower(*arguments).compile(), arguments


def median_seconds(program: Callable, arguments: tuple, repeats: int = 5) -> float:
    jax.block_until_ready(program(*arguments))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(program(*arguments))
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def device() -> dict:
    """Rates of a product of matrices and of copying, the best of their sizes."""
    products, copies = [], []
    for n in (1024, 2048, 4096):
        x = jax.random.normal(KEY, (n, n))
        products.append(2 * n**3 / median_seconds(jax.jit(jnp.dot), (x, x)) / 1e9)
    for n in (2**24, 2**26):
        x = jnp.ones(n, jnp.float32)
        copies.append(8 * n / median_seconds(jax.jit(lambda x: x + 1), (x,)) / 1e9)
    return {"gflop_per_s": max(products), "gb_per_s": max(copies)}


def plot(path: pathlib.Path) -> None:
    """Rates against sizes, each as a share of the job's best."""
    from matplotlib import pyplot as plt

    rows = json.loads((_common.HERE / "throughput.json").read_text())
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name, row in rows.items():
        if "rates" in row:
            share = np.array(row["rates"]) / max(row["rates"])
            label = f"{name} ({row['best_rate']:,.0f} {row['unit']}s/s)"
            axes.plot(row["sizes"], share, "o-", label=label)
    axes.set(xscale="log", xlabel="size of a call", ylabel="share of the best rate")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    names = [*JOBS, "processes", "bfloat16"]
    parser.add_argument("--jobs", nargs="+", choices=names, default=names)
    parser.add_argument("--counts", action="store_true", help="measure no time")
    parser.add_argument("--plot", type=pathlib.Path)
    args = parser.parse_args()
    if "processes" in args.jobs:  # first, while this process has no threads
        for crops in (8, 32):
            row = _two_processes.measure(crops)
            _common.save("throughput", {f"processes_{crops}": row})
    jobs = [name for name in args.jobs if name in JOBS]
    device_rates = {} if args.counts or not jobs else device()
    if device_rates:
        _common.save("throughput", {"device": device_rates})
    for name in jobs:
        job = JOBS[name]
        row = counts(job, name) if args.counts else measure(job, name, device_rates)
        _common.save("throughput", {name: row})
    if "bfloat16" in args.jobs:
        _common.save("throughput", {"bfloat16": _bfloat16.measure()})
    if args.plot:
        plot(args.plot)


if __name__ == "__main__":
    main()
