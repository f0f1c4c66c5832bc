"""MSE, PSNR, SSIM, the two of the super-resolution literature, and colorfulness.

References:
  Wang et al. 2004, Image quality assessment: from error visibility to structural
    similarity.
  Hasler and Suesstrunk 2003, Measuring colorfulness in natural images.
"""

import math

import dm_pix
import jax.numpy as jnp
import optax
from jaxtyping import Float

from inr import _checks, color
from inr._typing import Array, ArrayLike
from inr.metrics._inputs import as_pair, as_rgb

_SSIM_WINDOW = 11


def mse(
    image: Float[ArrayLike, "h w *c"], reference: Float[ArrayLike, "h w *c"]
) -> Array:
    """Mean squared difference over pixels and channels.

    Args:
      image: `[h, w, c]`, in [0, 1].
      reference: `[h, w, c]`, in [0, 1].

    Returns:
      `[]`, at least 0.

    Raises:
      ValueError: for integer images, or shapes that differ.
    """
    return dm_pix.mse(*as_pair(image, reference))


def psnr(
    image: Float[ArrayLike, "h w *c"], reference: Float[ArrayLike, "h w *c"]
) -> Array:
    """Peak signal-to-noise ratio for a peak of 1: -10 log10(mse).

    As `skimage.metrics.peak_signal_noise_ratio(..., data_range=1)`.

    Args:
      image: `[h, w, c]`, in [0, 1].
      reference: `[h, w, c]`, in [0, 1].

    Returns:
      `[]`, in dB; infinite for identical images.

    Raises:
      ValueError: for integer images, or shapes that differ.
    """
    return dm_pix.psnr(*as_pair(image, reference))


def ssim(
    image: Float[ArrayLike, "h w *c"], reference: Float[ArrayLike, "h w *c"]
) -> Array:
    """Structural similarity: Gaussian window of 11, sigma 1.5, mean over channels.

    As `skimage.metrics.structural_similarity(..., gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=1)`: only windows that lie wholly inside.

    Args:
      image: `[h, w, c]`, in [0, 1], h and w at least 11.
      reference: `[h, w, c]`, in [0, 1].

    Returns:
      `[]`, at most 1, which is reached by identical images.

    Raises:
      ValueError: for integer images, shapes that differ, or images below 11 x 11.
    """
    image, reference = as_pair(image, reference)
    if min(image.shape[:2]) < _SSIM_WINDOW:
        raise _checks.fail(
            "image",
            f"at least {_SSIM_WINDOW} x {_SSIM_WINDOW} pixels, the window of SSIM",
            f"shape {image.shape}",
            "Compare larger images, or use `psnr`.",
        )
    # Under x64 the window is float64 whatever the images are.
    return dm_pix.ssim(image, reference).astype(image.dtype)


def psnr_y(
    image: Float[ArrayLike, "h w *c"],
    reference: Float[ArrayLike, "h w *c"],
    *,
    shave: int,
) -> Array:
    """PSNR by the protocol of the super-resolution literature.

    Both images are clipped, reduced to studio-range luma (`color.rgb_to_studio_luma`),
    rounded to 8 bits, and lose `shave` pixels along each border, which should be the
    scale. A single channel is taken as luma already, as the published MATLAB code does.

    Args:
      image: `[h, w, 3]` or `[h, w, 1]`, in [0, 1].
      reference: the same shape.
      shave: pixels to leave out along each border, a python int.

    Returns:
      `[]`, in dB, for a peak of 255 on the 8-bit scale.

    Raises:
      ValueError: for integer images, shapes that differ, another number of channels, or
        a border that leaves nothing.
    """
    image, reference = as_pair(image, reference)
    return psnr(*(_protocol_luma(x, shave) for x in (image, reference)))


def ssim_y(
    image: Float[ArrayLike, "h w *c"],
    reference: Float[ArrayLike, "h w *c"],
    *,
    shave: int,
) -> Array:
    """SSIM by the protocol of the super-resolution literature; see `psnr_y`.

    Args:
      image: `[h, w, 3]` or `[h, w, 1]`, in [0, 1], at least 11 x 11 once shaved.
      reference: the same shape.
      shave: pixels to leave out along each border, a python int.

    Returns:
      `[]`, at most 1.

    Raises:
      ValueError: as for `psnr_y` and `ssim`.
    """
    image, reference = as_pair(image, reference)
    return ssim(*(_protocol_luma(x, shave) for x in (image, reference)))


def colorfulness(image: Float[ArrayLike, "h w 3"]) -> Array:
    """Colorfulness M3 of Hasler and Suesstrunk, on their scale of 0 to 255.

    With rg = R - G and yb = (R + G) / 2 - B on encoded values: the length of the
    standard deviations of (rg, yb), plus 0.3 times the length of their means. The paper
    calls 15 slightly, 33 moderately, 59 quite and 109 extremely colorful.

    Args:
      image: `[h, w, 3]`, in [0, 1].

    Returns:
      `[]`, at least 0, which is reached by gray images; the gradient is zero there.

    Raises:
      ValueError: for an integer image or another number of channels.
    """
    image = as_rgb("image", _checks.as_image("image", image))
    red, green, blue = (image[..., i].ravel() for i in range(3))
    # In [0, 1], where both differences of a gray are exactly zero, fused or not.
    opponent = jnp.stack([red - green, (red + green) / 2 - blue])
    mean = opponent.mean(axis=1, keepdims=True)
    # A plain length has no gradient at zero.
    spread = optax.safe_norm(opponent - mean, 0.0) / math.sqrt(red.size)
    return 255 * (spread + 0.3 * optax.safe_norm(mean, 0.0))


def _protocol_luma(image: Array, shave: int) -> Array:
    """`[h - 2 shave, w - 2 shave, 1]`: whole numbers of 0 to 255, divided by 255."""
    shave = _checks.as_count("shave", shave, least=0)
    h, w, c = image.shape
    if 2 * shave >= min(h, w):
        raise _checks.fail("shave", f"below half of {min(h, w)} pixels", shave)
    image = jnp.clip(image[shave : h - shave, shave : w - shave], 0, 1)
    luma = image if c == 1 else color.rgb_to_studio_luma(as_rgb("image", image))
    return jnp.round(255 * luma) / 255
