"""Principal components of signals as latents: a cheap warm-up of modulated fields.

Notation. x are the N numbers of a signal in units of the normalized features, and V the
leading right singular vectors of signals minus their mean. The latent of x is

    z = g V^T (x - mean)

A network that maps z to x is the linear map mean + V z / g, whose directions are
orthogonal and of one size. Gradient descent on the mean squared error from z = 0 then
ends after one step of rate N g^2 / 2. So a network that was fitted to pairs (z, x)
encodes other signals in few steps, and a step of such a fit costs a tenth of one
through the inner loop.
"""

import jax
import jax.numpy as jnp
import numpy as np

from inr._typing import Array, ArrayLike

_SIGNALS_PER_COMPONENT = 4


def principal_latents(features: ArrayLike, latent_dim: int, rate: float) -> Array:
    """The latents of signals.

    Args:
      features: `[b, n, k]`, normalized.
      latent_dim: number of components. Those that fewer signals do not have are zero.
      rate: rate of gradient descent for which one step finds the latent.

    Returns:
      `[b, latent_dim]`.
    """
    features = jnp.asarray(features)
    rows = features.reshape(len(features), -1)
    mean = rows.mean(0)
    count = min(len(rows), _SIGNALS_PER_COMPONENT * latent_dim)
    # Evenly spaced, because neighbors may be crops of one photograph.
    some = rows[np.linspace(0, len(rows) - 1, count).astype(int)] - mean[None]
    with jax.default_matmul_precision("highest"):
        values, vectors = np.linalg.eigh(np.asarray(some @ some.T))
        order = np.argsort(values)[::-1][:latent_dim]
        order = order[values[order] > 1e-6 * values.max()]
        basis = some.T @ jnp.asarray(vectors[:, order] / np.sqrt(values[order])[None])
        latents = (rows - mean[None]) @ basis
    scale = (2 * rate / rows.shape[-1]) ** 0.5
    return jnp.pad(scale * latents, ((0, 0), (0, latent_dim - len(order))))
