"""Throughput of the main programs on this device, and what a device needs for them.

    python benchmarks/throughput.py [--jobs fit render] [--plot throughput.png]

Every job is one compiled program, run at growing sizes: points of a fit or a rendering,
images, signals. Its row has the rate at each size (median of five calls), the counts
by the compiler of operations and of bytes read and written, its memory (arguments,
results and temporary arrays), and the exponent of time against size over the larger
half of the sizes, which is 1 if time is linear. `device` has the measured rates of a
product of matrices in float32 and of copying, of which the rates of the jobs are given
as fractions. `bfloat16` has the largest error of programs whose parameters and inputs
have 16 bits. `processes` has the images per second of a training by one process on one
core, and by two processes on two cores; it needs two cores without other work.

It runs on whatever device JAX has. On a GPU or TPU, please send us the JSON file.
"""

import argparse
import dataclasses
import json
import pathlib
import time
from collections.abc import Callable, Sequence

import _common
import _two_processes
import jax
import jax.numpy as jnp
import numpy as np

import inr
from inr import colorization, fitting, training
from inr.meta.inner import adapt_params
from inr.upscaling.network import all_pixels

SIREN = inr.Siren(features=3, width=256, depth=3)
SMALL_SIREN = inr.Siren(features=3, width=64, depth=3)
KEY = jax.random.key(0)


@dataclasses.dataclass
class Job:
    """A program at growing sizes.

    Attributes:
      unit: what is counted.
      sizes: counts of a call.
      build: maps a size to a function and its arguments.
    """

    unit: str
    sizes: Sequence[int]
    build: Callable[[int], tuple[Callable, tuple]]


def points(n: int) -> jax.Array:
    return jax.random.uniform(KEY, (n, 2), minval=-1.0, maxval=1.0)


def fit(n: int) -> tuple[Callable, tuple]:
    coords = points(n)
    data = (coords, jnp.zeros((n, 3)))
    state = fitting.init_fit(KEY, SIREN, data)

    def step(state, coords, values):
        return fitting.fit_step(KEY, state, SIREN, (coords, values))[0]

    return step, (state, *data)


def fit_many(n: int) -> tuple[Callable, tuple]:
    coords = inr.coords.grid((32, 32)).reshape(-1, 2)
    values = jax.random.uniform(KEY, (n, 1024, 3))
    keys = jax.random.split(KEY, n)
    states = jax.vmap(
        lambda key, x: fitting.init_fit(key, SMALL_SIREN, (coords, x))
    )(keys, values)  # fmt: skip

    def step(keys, states, values):
        def one(key, state, x):
            return fitting.fit_step(key, state, SMALL_SIREN, (coords, x))[0]

        return jax.vmap(one)(keys, states, values)

    return step, (keys, states, values)


def field() -> inr.BoundField:
    return inr.bind(SIREN, SIREN.init(KEY, jnp.zeros((1, 2))))


def render(n: int) -> tuple[Callable, tuple]:
    return lambda field, coords: field(coords), (field(), points(n))


def derivatives(n: int) -> tuple[Callable, tuple]:
    return inr.value_gradient_laplacian, (field(), points(n))


def images(n: int, side: int, channels: int) -> jax.Array:
    return jax.random.uniform(KEY, (n, side, side, channels))


def upscale(n: int) -> tuple[Callable, tuple]:
    model, params = inr.models.load_model("upscale")

    def enlarge(params, images):
        return jax.vmap(lambda x: all_pixels(model, params, 1, x, (2, 2)))(images)

    return enlarge, (params, images(n, 128, 3))


def colorize(n: int) -> tuple[Callable, tuple]:
    model, params = inr.models.load_model("portraits")
    coords = inr.coords.grid((128, 128))

    def restore(params, grays):
        return jax.vmap(lambda x: inr.bind(model, params, x)(coords))(grays)

    return restore, (params, images(n, 64, 1))


def sample(n: int) -> tuple[Callable, tuple]:
    params = SMALL_SIREN.init(KEY, jnp.zeros((1, 4)))

    def draw(params, noise):
        def denoiser(x, t):
            times = jnp.broadcast_to(t, (*x.shape[:-1], 1))
            return SMALL_SIREN.apply(params, jnp.concatenate([x, times], -1))

        return inr.diffusion.sample(
            KEY, denoiser, noise, schedule=inr.diffusion.cosine_schedule(1000),
            predicts="v", sampler=inr.diffusion.dpmpp(num_steps=20),
        )  # fmt: skip

    return draw, (params, jax.random.normal(KEY, (n, 3)))


def encode(n: int) -> tuple[Callable, tuple]:
    model = inr.Modulated(features=3, model=SMALL_SIREN, latent_shape=(64,))
    coords = inr.coords.grid((32, 32)).reshape(-1, 2)
    params = model.init(KEY, coords)
    rates = {"latent": jnp.full(64, 0.2)}

    def encode_all(params, rates, values):
        def one(x):
            return adapt_params(model, params, rates, (coords, x), 3)

        return jax.vmap(lambda x: one(x)["params"]["latent"])(values)

    return encode_all, (params, rates, jax.random.uniform(KEY, (n, 1024, 3)))


def train(n: int) -> tuple[Callable, tuple]:
    model = colorization.Restorer()
    inputs = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), model.example_inputs())
    optimizer = training.warmup_adam(100)
    state = training.init_training(model.init(KEY, *inputs), optimizer=optimizer)
    loss = colorization.restorer_loss(model)

    def step(state, crops):
        return training.train_step(KEY, state, crops, loss, optimizer=optimizer)[0]

    return step, (state, (255 * images(n, 128, 3)).astype(jnp.uint8))


def poisson(n: int) -> tuple[Callable, tuple]:
    side = round(n**0.5)
    guidance = jax.random.normal(KEY, (side, side, 2, 1))
    return lambda x: inr.poisson.integrate(x, mean=0.5), (guidance,)


JOBS = {
    "fit": Job("point", [2**k for k in range(10, 18)], fit),
    "fit_many": Job("signal", [2**k for k in range(1, 8)], fit_many),
    "encode": Job("signal", [2**k for k in range(1, 8)], encode),
    "render": Job("point", [2**k for k in range(10, 19)], render),
    "derivatives": Job("point", [2**k for k in range(10, 17)], derivatives),
    "upscale": Job("image", [1, 2, 4, 8], upscale),
    "colorize": Job("image", [1, 2, 4, 8, 16], colorize),
    "sample": Job("point", [2**k for k in range(10, 18)], sample),
    "train": Job("image", [1, 2, 4, 8, 16], train),
    "poisson": Job("pixel", [4**k for k in range(5, 12)], poisson),
}
LOOPS = {"sample", "encode"}
"""Programs with a loop, whose body the compiler's counts have once."""


def measure(job: Job, name: str) -> dict:
    """The row of a job."""
    rates, seconds = [], []
    program = arguments = None
    for size in job.sizes:
        function, arguments = job.build(size)
        program = jax.jit(function).lower(*arguments).compile()
        seconds.append(median_seconds(program, arguments))
        rates.append(size / seconds[-1])
    assert program is not None
    half = len(job.sizes) // 2
    slope = np.polyfit(np.log(job.sizes[half:]), np.log(seconds[half:]), 1)[0]
    memory = program.memory_analysis()
    row = {
        "unit": job.unit,
        "sizes": list(job.sizes),
        "rates": rates,
        "best_rate": max(rates),
        "exponent": float(slope),
        "memory_mib": (
            memory.argument_size_in_bytes
            + memory.output_size_in_bytes
            + memory.temp_size_in_bytes
        )
        / 2**20,
    }
    if name not in LOOPS:
        cost = program.cost_analysis()
        last = job.sizes[-1]
        row["gflop_each"] = cost["flops"] / last / 1e9
        row["mb_each"] = cost["bytes accessed"] / last / 1e6
        row["gflop_per_s"] = row["gflop_each"] * max(rates)
        row["gb_per_s"] = row["mb_each"] * max(rates) / 1e3
    return row


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


def bfloat16() -> dict:
    """Largest error in [0, 1] when parameters and inputs have 16 bits, and PSNR."""
    row = {}
    for name, job in (("upscale", JOBS["upscale"]), ("colorize", JOBS["colorize"])):
        function, arguments = job.build(1)
        exact = np.asarray(jax.jit(function)(*arguments), np.float32)
        short = jax.tree.map(lambda x: x.astype(jnp.bfloat16), arguments)
        rounded = np.asarray(jax.jit(function)(*short), np.float32)
        row[f"{name}_psnr"] = _common.psnr(rounded, exact.clip(0, 1))
        row[f"{name}_largest"] = float(np.abs(rounded - exact).max())
    return row


def plot(path: pathlib.Path) -> None:
    """Rates against sizes, each as a share of the job's best."""
    from matplotlib import pyplot as plt

    rows = json.loads((_common.HERE / "throughput.json").read_text())
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name, row in rows.items():
        if "sizes" in row:
            share = np.array(row["rates"]) / max(row["rates"])
            label = f"{name} ({row['best_rate']:,.0f} {row['unit']}s/s)"
            axes.plot(row["sizes"], share, "o-", label=label)
    axes.set(xscale="log", xlabel="size of a call", ylabel="share of the best rate")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    names = [*JOBS, "processes"]
    parser.add_argument("--jobs", nargs="+", choices=names, default=names)
    parser.add_argument("--plot", type=pathlib.Path)
    args = parser.parse_args()
    if "processes" in args.jobs:  # first, while this process has no threads
        _common.save("throughput", {"processes": _two_processes.measure()})
    jobs = [name for name in args.jobs if name in JOBS]
    if jobs:
        _common.save("throughput", {"device": device()})
    for name in jobs:
        _common.save("throughput", {name: measure(JOBS[name], name)})
    if {"upscale", "colorize"} & {*jobs}:
        _common.save("throughput", {"bfloat16": bfloat16()})
    if args.plot:
        plot(args.plot)


if __name__ == "__main__":
    main()
