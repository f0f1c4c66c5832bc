"""A diffusion problem with an exact answer: data N(mu, std^2), whose denoiser is known.

The best prediction of x0 at x = a x0 + s eps is affine in x, so that every sampler is
an affine map of its start and its noise, and the moments of its samples follow exactly.
"""

import jax.numpy as jnp
import numpy as np

MU, STD = 0.3, 0.5


def denoised(x, a, s):
    """E[x0 | x]."""
    return MU + a * STD**2 / (a * a * STD**2 + s * s) * (x - a * MU)


def denoiser(schedule, predicts="eps"):
    """`(x, t)` with t the index into the schedule."""
    a, s = jnp.asarray(schedule.signal), jnp.asarray(schedule.noise)

    def predict(x, t):
        x0 = denoised(x, a[t].astype(x.dtype), s[t].astype(x.dtype))
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
    """Where the probability flow takes x from (a, s) to (a', s'), exactly."""
    (a, s), (a1, s1) = start, stop
    spread = np.sqrt((a1**2 * STD**2 + s1**2) / (a**2 * STD**2 + s**2))
    return a1 * MU + spread * (x - a * MU)


def moments(schedule, rows):
    """Mean and deviation of the samples of one-step rows from x_T ~ N(0, 1)."""
    mean, variance = 0.0, 1.0
    a, s = schedule.signal[rows.level], schedule.noise[rows.level]
    for i in range(len(a)):
        slope = a[i] * STD**2 / (a[i] ** 2 * STD**2 + s[i] ** 2)
        of_x = rows.x[i] + rows.kept[i, 0] * slope
        mean = of_x * mean + rows.kept[i, 0] * MU * (1 - slope * a[i])
        variance = of_x**2 * variance + rows.noise[i] ** 2
    return mean, np.sqrt(variance)
