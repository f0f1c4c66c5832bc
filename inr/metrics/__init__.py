"""Image metrics: fidelity to a reference, perceptual distance, colorfulness.

Contract: images are `[h, w, c]` or `[h, w]`, sRGB-encoded, in [0, 1]; uint8 and uint16
arrays and PIL images are accepted. They are not clipped, except where a protocol
requires it: clip a render before scoring it. A metric is a scalar in the widest
floating input dtype, at least float32. It works under `jit`, is differentiable, and
scores one pair: use `jax.vmap` for many.
"""

from inr.metrics.fidelity import (
    colorfulness as colorfulness,
    mse as mse,
    psnr as psnr,
    psnr_y as psnr_y,
    ssim as ssim,
    ssim_y as ssim_y,
)
from inr.metrics.perceptual import deep_features as deep_features, lpips as lpips
from inr.metrics.regions import find_regions as find_regions
