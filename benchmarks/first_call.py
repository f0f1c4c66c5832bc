"""First calls: seconds and compiled programs of fresh processes, and with a cache.

Usage:

    python benchmarks/first_call.py [upscale] [colorize] [seamless_clone] [merge] \
        [fit_image] [render] [sample]

Each figure is the median of fresh processes on an image of 256x256 pixels. A time runs
from the first call to its result, behind the imports, which have a row of their own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

SIDE, SCALE, REPEATS = 256, 4, 3
NAMES = (
    *("upscale", "colorize", "seamless_clone", "merge", "fit_image"),
    *("render", "sample"),
)


def call_of(name: str) -> Callable[[], object]:
    """A function of no arguments; its images are NumPy arrays, ready before."""
    import jax

    import inr

    rng = np.random.default_rng(0)
    image = rng.uniform(0, 1, (SIDE, SIDE, 3)).astype(np.float32)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[40:200, 50:190] = True
    quiet = {"progress": False}

    def render():
        model = inr.Siren(features=3, width=256, depth=3)
        coords = np.zeros((1, 2), np.float32)
        params = jax.jit(model.init)(jax.random.key(0), coords)
        return inr.render(inr.bind(model, params), (SIDE, SIDE), **quiet)

    def fit_image():
        return inr.fit_image(jax.random.key(0), image, num_steps=1, **quiet).params

    def sample():
        key = jax.random.key(0)
        return inr.diffusion.sample(
            key,
            lambda x, t: -x,
            jax.random.normal(key, (SIDE, SIDE)),
            schedule=inr.diffusion.cosine_schedule(1000),
            predicts="v",
            sampler=inr.diffusion.dpmpp(num_steps=20),
        )

    calls = {
        "upscale": lambda: inr.upscale(image, SCALE, **quiet),
        "colorize": lambda: inr.colorize(image[..., 0], **quiet),
        "seamless_clone": lambda: inr.seamless_clone(image, image[::-1], mask),
        "merge": lambda: inr.merge([image, image[::-1]]),
        "fit_image": fit_image,
        "render": render,
        "sample": sample,
    }
    return calls[name]


def measure(name: str) -> dict:
    """Figures of this process: imports, first call, second call, programs."""
    start = time.perf_counter()
    import jax

    import inr  # noqa: F401

    imports = time.perf_counter() - start
    programs: list[str] = []

    def count(event: str, seconds: float, **details: object) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            programs.append(str(details.get("fun_name", "")))

    jax.monitoring.register_event_duration_secs_listener(count)
    call, seconds = call_of(name), []
    for _ in range(2):
        start = time.perf_counter()
        jax.block_until_ready(call())
        seconds.append(time.perf_counter() - start)
        if len(seconds) == 1:
            number = len(programs)
    return {
        "imports": imports,
        "first": seconds[0],
        "warm": seconds[1],
        "programs": number,
        "names": programs[:number],
    }


def in_fresh_process(name: str, cache: str | None) -> dict:
    """`measure` in a process of its own, with a folder of compiled programs or none."""
    names = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")
    environment = {k: v for k, v in os.environ.items() if k not in names}
    if cache is not None:
        environment |= dict(zip(names, (cache, "0"), strict=True))
    command = [sys.executable, __file__, "--measure", name]
    output = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout
    return json.loads(output.splitlines()[-1])


def row(name: str, repeats: int) -> dict:
    """Median figures of a verb."""
    cold = [in_fresh_process(name, None) for _ in range(repeats)]
    with tempfile.TemporaryDirectory() as cache:
        in_fresh_process(name, cache)
        cached = [in_fresh_process(name, cache) for _ in range(repeats)]

    def median(runs: list[dict], figure: str) -> float:
        return statistics.median(run[figure] for run in runs)

    return {
        "cold_seconds": median(cold, "first"),
        "cached_seconds": median(cached, "first"),
        "warm_seconds": median(cached, "warm"),
        "programs": cold[0]["programs"],
        "imports_seconds": median(cold + cached, "imports"),
    }


def main() -> None:
    import _common

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--measure", choices=NAMES, help="measure in this process")
    parser.add_argument("--remark", help="stored beside the figures")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    rows = {name: row(name, options.repeats) for name in options.names or NAMES}
    imports = [r.pop("imports_seconds") for r in rows.values()]
    rows["imports"] = {"seconds": statistics.median(imports)}
    if options.remark:
        rows = {name: {**r, "remark": options.remark} for name, r in rows.items()}
    _common.save("first_call", rows)


if __name__ == "__main__":
    main()
