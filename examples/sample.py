"""Train a small denoiser on a 2-D density, and sample it with every sampler.

    python examples/sample.py                      # the silhouette of a horse
    python examples/sample.py photo.png            # dark parts are dense

Writes `samplers.png`, the samples of each sampler, and `trajectory.png`, points on
their way from noise. Prints a table: network evaluations, seconds, the mean distance of
the samples from the support of the density, and the fraction of the support that they
reach.
"""

import argparse
import pathlib
import time

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
from flax import linen as nn
from matplotlib import pyplot as plt
from scipy import ndimage
from skimage import data

import inr
from inr import diffusion

SCHEDULE = diffusion.linear_schedule(1000)
POINTS = 6000
HALF_SIDE = 2.5  # Half the longer side. The density has a deviation of about 1.


class Denoiser(nn.Module):
    """A perceptron on Fourier features that predicts v at points `[..., 2]`."""

    width: int = 128

    @nn.compact
    def __call__(self, x, t=0):
        level = jnp.broadcast_to(jnp.asarray(t)[..., None] / 1000, (*x.shape[:-1], 1))
        waves = 2.0 ** jnp.arange(5)
        angles = (jnp.concatenate([x, level], -1)[..., None] * waves).reshape(
            (*x.shape[:-1], -1)
        )
        h = jnp.concatenate([x, level, jnp.sin(angles), jnp.cos(angles)], -1)
        for _ in range(3):
            h = nn.silu(nn.Dense(self.width)(h))
        return nn.Dense(2)(h)


def v_residual(denoiser, batch):
    x, t, v = batch
    return denoiser(x, t) - v


class Batches:
    """`(key, step) -> (x_t, t, v)` for points of the density at random levels."""

    def __init__(self, density, batch_size):
        self.inside = jnp.asarray(np.argwhere(density), jnp.int32)
        self.size = jnp.array(density.shape, jnp.float32)
        self.batch_size = batch_size

    def points(self, key, number):
        key_pixel, key_offset = jax.random.split(key)
        pixel = jax.random.choice(key_pixel, self.inside, (number,))
        position = pixel + jax.random.uniform(key_offset, (number, 2))
        return (2 * position - self.size[None]) * HALF_SIDE / self.size.max()

    def __call__(self, key, step):
        key_points, key_level, key_noise = jax.random.split(key, 3)
        x0 = self.points(key_points, self.batch_size)
        t = jax.random.randint(key_level, (self.batch_size,), 0, len(SCHEDULE))
        noise = jax.random.normal(key_noise, x0.shape)
        x = diffusion.add_noise(x0, noise, t, schedule=SCHEDULE)
        options = {"schedule": SCHEDULE, "predicts": "v"}
        return x, t, diffusion.training_target(x0, noise, t, **options)


def samplers(n):
    """Every sampler, with its number of network evaluations."""
    return {
        "ddpm": (diffusion.ddpm(), len(SCHEDULE)),
        "ddim": (diffusion.ddim(num_steps=n), n),
        "ddim, eta 1": (diffusion.ddim(eta=1.0, num_steps=n), n),
        "dpm_solver": (diffusion.dpm_solver(num_steps=n), n),
        "dpmpp 2M": (diffusion.dpmpp(num_steps=n), n),
        "dpmpp 3M": (diffusion.dpmpp(order=3, num_steps=n), n),
        "dpmpp 2M SDE": (diffusion.dpmpp(eta=1.0, num_steps=n), n),
        "dpmpp 2S": (diffusion.dpmpp_2s(num_steps=n // 2), 2 * (n // 2) - 1),
        "unipc": (diffusion.unipc(num_steps=n), n),
        "lms": (diffusion.lms(num_steps=n), n),
        "heun": (diffusion.heun(num_steps=n // 2), 2 * (n // 2) - 1),
        "midpoint": (diffusion.midpoint(num_steps=n // 2), 2 * (n // 2) - 1),
    }


def score(points, density):
    """Mean distance from the support, in pixels, and the fraction that is reached."""
    h, w = density.shape
    pixel = (np.asarray(points) * max(h, w) / HALF_SIDE + (h, w)) / 2
    pixel = np.clip(pixel.astype(int), 0, (h - 1, w - 1))
    distance = ndimage.distance_transform_edt(~density)
    occupied = np.zeros(density.shape, bool)
    occupied[tuple(pixel.T)] = True
    reached = ndimage.distance_transform_edt(~occupied) <= 3
    return distance[tuple(pixel.T)].mean(), reached[density].mean()


def load(path):
    if path is None:
        return ~data.horse()
    gray = inr.color.rgb_to_luma(inr.read_image(path)[..., :3])[..., 0]
    return np.asarray(gray) < np.median(gray)


def scatter(axis, points, title):
    points = np.asarray(points)
    axis.scatter(points[:, 1], -points[:, 0], s=0.4, c="black", linewidths=0)
    axis.set(title=title, xlim=(-3.2, 3.2), ylim=(-2.6, 2.6), aspect="equal")
    axis.axis("off")


def main(image=None, out="out", num_steps=3000, sampling_steps=20, quick=False):
    matplotlib.use("Agg")
    if quick:
        num_steps = 150
    density = load(image)
    batches = Batches(density, 4096)
    key_fit, key_data, key_start, key_draw = jax.random.split(jax.random.key(0), 4)
    model = Denoiser()
    term = inr.Term(v_residual, batches)
    result = inr.fit(key_fit, model, term, num_steps=num_steps, optimizer=3e-3)
    denoiser = inr.bind(model, result.params)

    table = samplers(sampling_steps)
    figure, axes = plt.subplots(3, 5, figsize=(15, 8))
    samples = {"data": batches.points(key_data, POINTS)}
    x_T = jax.random.normal(key_start, (POINTS, 2))
    options = {"schedule": SCHEDULE, "predicts": "v"}
    print(f"{'sampler':14} evaluations  seconds  distance, px  reached")
    print(f"{'data':38} {0:10.2f} {score(samples['data'], density)[1]:8.1%}")
    for name, (sampler, evaluations) in table.items():
        for _ in range(2):  # The first run compiles.
            start = time.perf_counter()
            samples[name] = diffusion.sample(
                key_draw, denoiser, x_T, sampler=sampler, **options
            ).block_until_ready()
            seconds = time.perf_counter() - start
        distance, reached = score(samples[name], density)
        print(
            f"{name:14} {evaluations:11} {seconds:8.3f} {distance:13.2f} {reached:8.1%}"
        )
    for axis in axes.flat:
        axis.axis("off")
    for axis, (name, points) in zip(axes.flat, samples.items(), strict=False):
        calls = f", {table[name][1]}" if name in table else ""
        scatter(axis, points, name + calls)

    folder = pathlib.Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "samplers.png", bbox_inches="tight", dpi=100)
    path = diffusion.sample_trajectory(
        key_draw, denoiser, x_T, sampler=table["dpmpp 2M"][0], **options
    )
    figure, axes = plt.subplots(2, 6, figsize=(18, 6))
    for column, i in enumerate(np.linspace(0, sampling_steps, 6).round().astype(int)):
        scatter(axes[0, column], path.x[i], f"x after {i} steps")
        x0 = path.x0[min(i, sampling_steps - 1)]
        scatter(axes[1, column], x0, "predicted x0")
    figure.savefig(folder / "trajectory.png", bbox_inches="tight", dpi=100)
    print(f"wrote {folder / 'samplers.png'}, {folder / 'trajectory.png'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "image",
        nargs="?",
        help="image whose dark parts are dense; default: a silhouette",
    )
    parser.add_argument("--out", default="out", help="output folder")
    parser.add_argument("--steps", dest="num_steps", type=int, default=3000)
    parser.add_argument("--sampling-steps", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="a small, fast run")
    main(**vars(parser.parse_args()))
