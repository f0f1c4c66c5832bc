"""MSE, PSNR, SSIM, their super-resolution protocols, and colorfulness.

References:
  Wang et al. 2004, Image quality assessment: from error visibility to structural
    similarity.
  Hasler and Suesstrunk 2003, Measuring colorfulness in natural images.
"""

import math

import dm_pix
import jax
import jax.numpy as jnp
import optax

from inr import _checks, _conversions, color
from inr._typing import Array, ImageLike
from inr.metrics._inputs import as_pair, as_rgb

_SSIM_WINDOW = 11

# One program for each, in place of one for every operation.
_mse, _psnr, _ssim = (jax.jit(f) for f in (dm_pix.mse, dm_pix.psnr, dm_pix.ssim))


def mse(image: ImageLike, reference: ImageLike) -> Array:
    """Mean squared difference over pixels and channels.

    Args:
      image: `[h, w, c]`, in [0, 1].
      reference: `[h, w, c]`, in [0, 1].

    Returns:
      `[]`, at least 0.

    Raises:
      ValueError: if the shapes differ.
    """
    return _mse(*as_pair(image, reference))


def psnr(image: ImageLike, reference: ImageLike) -> Array:
    """Peak signal-to-noise ratio for a peak of 1: -10 log10(mse).

    Equal to `skimage.metrics.peak_signal_noise_ratio(..., data_range=1)`.

    Args:
      image: `[h, w, c]`, in [0, 1].
      reference: `[h, w, c]`, in [0, 1].

    Returns:
      `[]`, in dB; infinite for identical images.

    Raises:
      ValueError: if the shapes differ.
    """
    return _psnr(*as_pair(image, reference))


def ssim(image: ImageLike, reference: ImageLike) -> Array:
    """Structural similarity: Gaussian window of 11, sigma 1.5, mean over channels.

    Equal to `skimage.metrics.structural_similarity(..., gaussian_weights=True,
    sigma=1.5, use_sample_covariance=False, data_range=1)`, with windows that lie inside
    the image only.

    Args:
      image: `[h, w, c]`, in [0, 1], h and w at least 11.
      reference: `[h, w, c]`, in [0, 1].

    Returns:
      `[]`, at most 1; 1 for identical images.

    Raises:
      ValueError: if the shapes differ, or the images are smaller than 11 x 11.
    """
    first, second = as_pair(image, reference)
    if min(first.shape[:2]) < _SSIM_WINDOW:
        raise _checks.fail(
            "image",
            f"at least {_SSIM_WINDOW} x {_SSIM_WINDOW} pixels, the window of SSIM",
            f"shape {first.shape}",
            "Compare larger images, or use `psnr`.",
        )
    # Under x64 the window is float64 for every dtype of the images.
    return _ssim(first, second).astype(first.dtype)


def psnr_y(
    image: ImageLike,
    reference: ImageLike,
    *,
    shave: int,
) -> Array:
    """PSNR by the protocol of the super-resolution literature.

    Both images are clipped, converted to studio-range luma
    (`color.rgb_to_studio_luma`), rounded to 8 bits, and cropped by `shave` pixels along
    each border. A single channel is used as luma, as in the published MATLAB code.

    Args:
      image: `[h, w, 3]` or `[h, w, 1]`, in [0, 1].
      reference: the same shape.
      shave: pixels to crop along each border, a Python int; by convention the scale.

    Returns:
      `[]`, in dB, for a peak of 255 on the 8-bit scale.

    Raises:
      ValueError: if the shapes differ, for another number of channels, or if no pixels
        remain.
    """
    first, second = (_protocol_luma(x, shave) for x in as_pair(image, reference))
    return psnr(first, second)


def ssim_y(
    image: ImageLike,
    reference: ImageLike,
    *,
    shave: int,
) -> Array:
    """SSIM by the protocol of the super-resolution literature; see `psnr_y`.

    Args:
      image: `[h, w, 3]` or `[h, w, 1]`, in [0, 1], at least 11 x 11 after cropping.
      reference: the same shape.
      shave: pixels to crop along each border, a Python int; by convention the scale.

    Returns:
      `[]`, at most 1.

    Raises:
      ValueError: as for `psnr_y` and `ssim`.
    """
    first, second = (_protocol_luma(x, shave) for x in as_pair(image, reference))
    return ssim(first, second)


def colorfulness(image: ImageLike) -> Array:
    """Colorfulness M3 of Hasler and Suesstrunk, on their scale of 0 to 255.

    With rg = R - G and yb = (R + G) / 2 - B on encoded values: the norm of the standard
    deviations of (rg, yb), plus 0.3 times the norm of their means. The paper calls 15
    slightly, 33 moderately, 59 quite and 109 extremely colorful.

    Args:
      image: `[h, w, 3]`, in [0, 1].

    Returns:
      `[]`, at least 0; 0 for gray images, where the gradient is zero too.

    Raises:
      ValueError: for another number of channels.
    """
    rgb = as_rgb("image", _conversions.as_image("image", image))
    red, green, blue = (rgb[..., i].ravel() for i in range(3))
    # In [0, 1], where both differences of gray are exactly zero, fused or not.
    opponent = jnp.stack([red - green, (red + green) / 2 - blue])
    mean = opponent.mean(axis=1, keepdims=True)
    # A plain norm has no gradient at zero.
    spread = optax.safe_norm(opponent - mean, 0.0) / math.sqrt(red.size)
    return 255 * (spread + 0.3 * optax.safe_norm(mean, 0.0))


def _protocol_luma(image: Array, shave: int) -> Array:
    """Luma `[h - 2 shave, w - 2 shave, 1]`: 8-bit levels divided by 255."""
    shave = _checks.as_count("shave", shave, least=0)
    h, w, c = image.shape
    if 2 * shave >= min(h, w):
        raise _checks.fail("shave", f"below half of {min(h, w)} pixels", shave)
    image = jnp.clip(image[shave : h - shave, shave : w - shave], 0, 1)
    luma = image if c == 1 else color.rgb_to_studio_luma(as_rgb("image", image))
    return jnp.round(255 * luma) / 255
