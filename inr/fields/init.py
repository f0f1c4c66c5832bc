"""Initializers that preserve the distribution of activations at every depth.

Contract: each function returns an initializer `(key, shape, dtype) -> Array` for a
kernel `[fan_in, fan_out]` or a bias, for `kernel_init` and `bias_init` of Flax. The
fan-in of a convolution kernel `[*size, c_in, c_out]` counts the channels of all pixels.

Sine layers compute sin(omega (x W + b)). With hidden kernels from
U(-sqrt(6 / fan_in) / omega, +sqrt(6 / fan_in) / omega) and arcsine-distributed inputs
(variance 1/2), omega x W is N(0, 1) and its sine is approximately arcsine-distributed
[Sitzmann et al. 2020, section 3.2 and theorem 1.8]. From layer to layer the variance of
omega x W follows v -> 1 - exp(-2 v) and converges to 0.80.
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp

from inr import _checks
from inr._typing import Array

Initializer: TypeAlias = Callable[..., Array]
"""Maps `(key, shape, dtype)` to an array, as Flax and JAX require."""


def uniform(bound: float) -> Initializer:
    """U(-bound, +bound) for any shape.

    Args:
      bound: half the width of the interval.

    Returns:
      An initializer.
    """
    bound = _checks.as_positive("bound", bound)

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def sine_first() -> Initializer:
    """Kernel of the first sine layer, U(-1 / fan_in, +1 / fan_in).

    The layer then has angular frequencies up to omega / fan_in along each axis, and
    only omega sets the bandwidth. This is the bound of the authors' code; the first
    version of the paper states another bound, which they have withdrawn.

    Returns:
      An initializer for `[fan_in, fan_out]`.
    """

    def init(key, shape, dtype=jnp.float32):
        return uniform(1 / _fan_in(shape))(key, shape, dtype)

    return init


def sine_hidden(omega: float) -> Initializer:
    """Kernel of a hidden sine layer, or of the linear layer after the last sine layer.

    Args:
      omega: the layer's frequency factor.

    Returns:
      An initializer for `[fan_in, fan_out]`.
    """
    omega = _checks.as_positive("omega", omega)

    def init(key, shape, dtype=jnp.float32):
        return uniform((6 / _fan_in(shape)) ** 0.5 / omega)(key, shape, dtype)

    return init


def sine_phase(omega: float) -> Initializer:
    """Bias with phases omega b uniform over a full turn.

    Args:
      omega: the layer's frequency factor.

    Returns:
      An initializer for `[fan_out]`.
    """
    return uniform(jnp.pi / _checks.as_positive("omega", omega))


def fan_in_uniform() -> Initializer:
    """U(-1 / sqrt(fan_in), +1 / sqrt(fan_in)), PyTorch's default for a linear layer.

    Use it for families that were published in PyTorch with this default.

    Returns:
      An initializer for `[fan_in, fan_out]`.
    """

    def init(key, shape, dtype=jnp.float32):
        return uniform(shape[-2] ** -0.5)(key, shape, dtype)

    return init


def _fan_in(shape: Sequence[int]) -> int:
    return math.prod(shape[:-1])
