"""LPIPS with the weights of AlexNet, for the benchmarks of images."""

import functools

import _common
import jax
import numpy as np
import safetensors.numpy

from inr import metrics


def distance(image, reference) -> jax.Array:
    """LPIPS of two RGB images in [0, 1]."""
    return _lpips(np.float32(image), np.float32(reference), _weights())


@jax.jit
def _lpips(a, b, weights):
    return metrics.lpips(a, b, weights=weights)


@functools.cache
def _weights() -> dict:
    file = _common.DATA / "weights" / "alexnet_lpips.safetensors"
    return safetensors.numpy.load_file(file)
