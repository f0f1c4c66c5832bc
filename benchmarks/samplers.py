"""Samplers: time of a step compared with diffusers, and error in closed form.

    python benchmarks/samplers.py

Time: 100 DDIM steps on 4,096 points with two denoisers, a point-wise perceptron
4-64-64-3 (ReLU) and the identity. Both libraries run warm, in float32, with two
threads, in turns; the denoiser of PyTorch is eager and compiled. Error: that of each
sampler against the exact probability flow of a Gaussian, by the number of evaluations
of the denoiser.
"""

import itertools
import os

os.environ.setdefault("OMP_NUM_THREADS", "2")

import _common
import jax
import jax.numpy as jnp
import numpy as np

from inr import diffusion

POINTS, STEPS = 4096, 100
SCHEDULE = diffusion.linear_schedule(1000)
SAMPLER = diffusion.ddim(num_steps=STEPS, spacing="leading")


def perceptron(weights, x, t):
    level = jnp.full((*x.shape[:-1], 1), t / 1000, x.dtype)
    h = jnp.concatenate([x, level], -1)
    for i, w in enumerate(weights):
        h = h @ w
        h = jax.nn.relu(h) if i < 2 else h
    return h


def identity(x, t):
    return x


def draw_weights():
    sizes = (4, 64, 64, 3)
    generator = np.random.default_rng(0)
    return [
        generator.normal(size=shape).astype(np.float32) * (0.7 / shape[0]) ** 0.5
        for shape in itertools.pairwise(sizes)
    ]


def run_inr(denoiser, x):
    options = {"schedule": SCHEDULE, "sampler": SAMPLER, "predicts": "eps"}
    return lambda: diffusion.sample(None, denoiser, x, **options).block_until_ready()


def run_diffusers(model, x):
    import torch
    from diffusers import DDIMScheduler

    x = torch.tensor(x)
    scheduler = DDIMScheduler(beta_start=1e-4, beta_end=0.02, clip_sample=False)

    def run():
        scheduler.set_timesteps(STEPS)
        sample = x
        with torch.no_grad():
            for t in scheduler.timesteps:
                sample = scheduler.step(model(sample, t), t, sample).prev_sample
        return sample

    return run


def torch_perceptron(weights):
    import torch

    weights = [torch.tensor(w) for w in weights]

    def model(x, t):
        level = (t / 1000).expand(x.shape[0], 1).to(x.dtype)
        h = torch.cat([x, level], -1)
        for i, w in enumerate(weights):
            h = h @ w
            h = torch.relu(h) if i < 2 else h
        return h

    return model


def overhead() -> dict[str, dict]:
    import torch

    torch.set_num_threads(2)
    weights = draw_weights()
    denoiser = jax.tree_util.Partial(perceptron, [jnp.asarray(w) for w in weights])
    model = torch_perceptron(weights)
    x = np.random.default_rng(1).normal(size=(POINTS, 3)).astype(np.float32)
    compiled = torch.compile(model)
    runs = {
        "perceptron": {
            "inr": run_inr(denoiser, x),
            "diffusers_eager": run_diffusers(model, x),
            "diffusers_compiled": run_diffusers(compiled, x),
        },
        "identity": {
            "inr": run_inr(identity, x),
            "diffusers_eager": run_diffusers(identity, x),
        },
        "network_alone": {
            "inr": network_alone(denoiser, x),
            "diffusers_eager": torch_network_alone(model, x),
            "diffusers_compiled": torch_network_alone(compiled, x),
        },
    }
    output = np.asarray(runs["perceptron"]["inr"]())
    difference = np.abs(output - runs["perceptron"]["diffusers_eager"]().numpy()).max()
    print(f"largest relative difference {difference / np.abs(output).max():.1e}")
    rows = {}
    for case, functions in runs.items():
        seconds = _common.paired(functions, repeats=15)
        row = {f"{k}_us_per_step": 1e6 * s / STEPS for k, s in seconds.items()}
        for name in list(seconds)[1:]:
            kind = name.removeprefix("diffusers_")
            row[f"over_{kind}"] = seconds[name] / seconds["inr"]
        rows[f"time_{case}"] = row
    return rows


def network_alone(denoiser, x):
    """The network in a loop in which each output is the next input."""

    @jax.jit
    def loop(denoiser, x):
        return jax.lax.fori_loop(0, STEPS, lambda t, x: denoiser(x, t), x)

    return lambda: loop(denoiser, x).block_until_ready()


def torch_network_alone(model, x):
    import torch

    x = torch.tensor(x)

    def run():
        y = x
        with torch.no_grad():
            for t in torch.arange(STEPS):
                y = model(y, t)
        return y

    return run


MU, STD = 0.3, 0.5


def gaussian(x, t):
    """Optimal prediction of eps for data with distribution N(MU, STD^2)."""
    a, s = (jnp.asarray(table)[t] for table in (SCHEDULE.signal, SCHEDULE.noise))
    x0 = MU + a * STD**2 / (a**2 * STD**2 + s**2) * (x - a * MU)
    return (x - a * x0) / s


def accuracy() -> dict[str, dict]:
    a, s = SCHEDULE.signal[-1], SCHEDULE.noise[-1]
    start = np.linspace(-2, 2, 41)
    exact = MU + STD / np.sqrt(a**2 * STD**2 + s**2) * (start - a * MU)
    factories = {
        "ddim": lambda n: diffusion.ddim(num_steps=n),
        "dpm_solver": lambda n: diffusion.dpm_solver(num_steps=n),
        "dpmpp_2m": lambda n: diffusion.dpmpp(num_steps=n),
        "dpmpp_3m": lambda n: diffusion.dpmpp(order=3, num_steps=n),
        "dpmpp_2s": lambda n: diffusion.dpmpp_2s(num_steps=(n + 1) // 2),
        "unipc_2": lambda n: diffusion.unipc(num_steps=n),
        "unipc_3": lambda n: diffusion.unipc(order=3, num_steps=n),
        "lms": lambda n: diffusion.lms(num_steps=n),
        "heun": lambda n: diffusion.heun(num_steps=(n + 1) // 2),
        "midpoint": lambda n: diffusion.midpoint(num_steps=(n + 1) // 2),
    }
    rows = {}
    with jax.enable_x64(True):
        for name, factory in factories.items():
            row = {}
            for n in (10, 20, 50, 100):
                output = diffusion.sample(
                    None,
                    gaussian,
                    start,
                    schedule=SCHEDULE,
                    sampler=factory(n),
                    predicts="eps",
                )
                error = np.sqrt(np.mean((np.asarray(output) - exact) ** 2))
                row[f"{n}"] = float(error)
            rows[f"error_{name}"] = row
    return rows


if __name__ == "__main__":
    _common.save("samplers", overhead())
    _common.save("samplers", accuracy())
