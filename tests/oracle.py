"""A diffusion problem with an exact solution, and every sampler to solve it.

The data are N(mu, std^2). The best prediction of x0 at x = a x0 + s eps is affine in x,
so that every sampler is an affine map of its start and its noise, and the moments of
its samples have closed forms.
"""

import jax.numpy as jnp
import numpy as np

from inr import diffusion

MU, STD = 0.3, 0.5
SAMPLERS = {
    "ddim": diffusion.ddim(num_steps=6),
    "ddim eta": diffusion.ddim(eta=0.7, num_steps=6),
    "ddpm": diffusion.ddpm(num_steps=6),
    "ddpm large": diffusion.ddpm(num_steps=6, variance="large"),
    "dpmpp 1": diffusion.dpmpp(order=1, num_steps=6),
    "dpmpp 2": diffusion.dpmpp(num_steps=6),
    "dpmpp 3": diffusion.dpmpp(order=3, num_steps=6),
    "dpmpp sde": diffusion.dpmpp(eta=1.0, num_steps=6),
    "dpmpp 2s": diffusion.dpmpp_2s(num_steps=6),
    "dpm_solver": diffusion.dpm_solver(num_steps=6),
    "unipc 3": diffusion.unipc(order=3, num_steps=6),
    "lms": diffusion.lms(num_steps=6),
    "heun": diffusion.heun(num_steps=6),
    "midpoint": diffusion.midpoint(num_steps=6),
}


def expected_x0(x, a, s):
    """E[x0 | x]."""
    return MU + a * STD**2 / (a * a * STD**2 + s * s) * (x - a * MU)


def denoiser(schedule, predicts="eps"):
    """`(x, t)` with t the index into the schedule."""
    a, s = jnp.asarray(schedule.signal), jnp.asarray(schedule.noise)

    def predict(x, t):
        x0 = expected_x0(x, a[t].astype(x.dtype), s[t].astype(x.dtype))
        if predicts == "x0":
            return x0
        eps = (x - a[t].astype(x.dtype) * x0) / s[t].astype(x.dtype)
        if predicts == "eps":
            return eps
        if predicts == "v":
            return a[t].astype(x.dtype) * eps - s[t].astype(x.dtype) * x0
        return eps - x0

    return predict


def flow_map(x, start, stop):
    """The exact map of the probability flow from x at (a, s) to (a', s')."""
    (a, s), (a1, s1) = start, stop
    ratio = np.sqrt((a1**2 * STD**2 + s1**2) / (a**2 * STD**2 + s**2))
    return a1 * MU + ratio * (x - a * MU)


def moments(schedule, rows):
    """Mean and standard deviation of the samples from x_T ~ N(0, 1)."""
    mean, variance = 0.0, 1.0
    a, s = schedule.signal[rows.level], schedule.noise[rows.level]
    for i in range(len(a)):
        slope = a[i] * STD**2 / (a[i] ** 2 * STD**2 + s[i] ** 2)
        factor = rows.x[i] + rows.memory[i, 0] * slope
        mean = factor * mean + rows.memory[i, 0] * MU * (1 - slope * a[i])
        variance = factor**2 * variance + rows.noise_std[i] ** 2
    return mean, np.sqrt(variance)
