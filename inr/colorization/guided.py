"""The guided filter: chroma as a local linear function of luma.

Reference:
  He, Sun and Tang 2010, Guided image filtering.
"""

import jax.numpy as jnp
import numpy as np

from inr._typing import Array


def guided_coefficients(
    guide: Array, values: Array, *, radius: int = 8, epsilon: float = 2e-3
) -> Array:
    """Coefficients of the linear functions that approximate `values` in windows.

    Args:
      guide: `[h, w, 1]`, luma.
      values: `[h, w, k]`, such as chroma.
      radius: a window spans 2 radius + 1 pixels along each axis.
      epsilon: variance of the guide below which a window is taken as smooth.

    Returns:
      `[h, w, 2 k]`: slopes, then offsets. The filtered values are
      `slope * guide + offset`.
    """
    stack = jnp.concatenate([guide, values, guide * guide, guide * values], -1)
    k = values.shape[-1]
    mean = window_mean(stack, radius)
    mean_guide, mean_values = mean[..., :1], mean[..., 1 : 1 + k]
    variance = mean[..., 1 + k : 2 + k] - mean_guide**2
    covariance = mean[..., 2 + k :] - mean_guide * mean_values
    slope = covariance / (jnp.maximum(variance, 0) + epsilon)
    offset = mean_values - slope * mean_guide
    return window_mean(jnp.concatenate([slope, offset], -1), radius)


def window_mean(x: Array, radius: int) -> Array:
    """Means of `[h, w, k]` over square windows, of the pixels inside the image."""
    rows, columns = (jnp.asarray(_means(n, radius), x.dtype) for n in x.shape[:2])
    return jnp.einsum("ih,hwk,jw->ijk", rows, x, columns, precision="highest")


def _means(n: int, radius: int) -> np.ndarray:
    """Matrix `[n, n]` that takes means over windows along one axis."""
    index = np.arange(n)
    inside = np.abs(index[:, None] - index) <= radius
    return inside / inside.sum(1, keepdims=True)
