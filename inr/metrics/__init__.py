"""How close an image is to a reference, and how colorful it is.

Contract: images are floating `[h, w, c]` (`[h, w]` is taken as c = 1), sRGB-encoded, in
[0, 1]. They are not clipped, save where a protocol says so: clip a render before
scoring it. A metric is a scalar in the widest floating input dtype, at least float32.
It jits, it differentiates, and it scores one pair: map over many with `jax.vmap`.
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
