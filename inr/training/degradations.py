"""What cameras and files do to images: blur, noise and JPEG compression.

Pure JAX, to be called inside a loss: every image of a batch draws its own strengths.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike, Key
from inr.color import rgb_to_ycbcr, ycbcr_to_rgb

# Annex K of the JPEG standard (ITU-T T.81), luma and chroma, at quality 50.
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)


def degrade(
    key: Key,
    images: Float[ArrayLike, "b h w 3"],
    *,
    blur: float = 0.0,
    noise: float = 0.0,
    quality: tuple[float, float] | None = None,
) -> Array:
    """Blurs, adds noise and compresses, in this order, each image by its own amount.

    Args:
      key: PRNG key of the amounts and the noise.
      images: `[b, h, w, 3]` in [0, 1].
      blur: the largest standard deviation of a Gaussian, in pixels; that of each axis
        is uniform from 0.
      noise: the largest standard deviation of white noise; uniform from 0.
      quality: lowest and highest quality of JPEG compression, in [1, 100], uniform; see
        `jpeg`. None compresses nothing.

    Returns:
      `[b, h, w, 3]`; with noise it may leave [0, 1].

    Raises:
      ValueError: for amounts below 0 and qualities outside their range.
    """
    images = _checks.as_floating("images", images)
    for name, amount in (("blur", blur), ("noise", noise)):
        if not 0 <= amount < math.inf:
            raise _checks.fail(name, "at least 0", amount)
    blur_key, noise_key, level_key, quality_key = jax.random.split(key, 4)
    b, dtype = len(images), images.dtype
    if blur > 0:
        sigma = jax.random.uniform(blur_key, (b, 2), dtype, 1e-3, blur)
        images = jax.vmap(_blurred)(images, sigma)
    if noise > 0:
        level = jax.random.uniform(level_key, (b, 1, 1, 1), dtype, 0.0, noise)
        images = images + level * jax.random.normal(noise_key, images.shape, dtype)
    if quality is not None:
        low, high = quality
        if not 1 <= low <= high <= 100:
            raise _checks.fail("quality", "two numbers in [1, 100]", quality)
        drawn = jax.random.uniform(quality_key, (b,), dtype, low, high)
        images = jax.vmap(jpeg)(images, drawn)
    return images


def jpeg(image: Float[ArrayLike, "h w 3"], quality: ArrayLike) -> Array:
    """An image as JPEG at a quality gives it back, chroma at full resolution.

    Discrete cosine transforms of 8 x 8 pixels, rounded to multiples of the standard's
    tables (ITU-T T.81, annex K) as scaled by the Independent JPEG Group's library.
    Rounding has no useful gradient: it is for inputs.

    Args:
      image: `[h, w, 3]` in [0, 1].
      quality: in [1, 100]; may be traced.

    Returns:
      `[h, w, 3]` in [0, 1], in 8-bit levels.
    """
    image = jnp.clip(_checks.as_floating("image", image), 0, 1)
    h, w, _ = image.shape
    quality = jnp.asarray(quality, image.dtype)
    # The library's scale of the tables, which are those of quality 50.
    percent = jnp.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    tables = jnp.asarray(np.stack([_LUMA, _CHROMA, _CHROMA], -1), image.dtype)
    steps = jnp.clip(jnp.floor((tables * percent + 50) / 100), 1, 255)
    levels = jnp.round(255 * image)
    middle = jnp.asarray([[[128, 0, 0]]], image.dtype)
    ycbcr = 255 * rgb_to_ycbcr(levels / 255) - middle
    ycbcr = jnp.pad(jnp.round(ycbcr), ((0, -h % 8), (0, -w % 8), (0, 0)), mode="edge")
    blocks = ycbcr.reshape(ycbcr.shape[0] // 8, 8, -1, 8, 3)
    dct = jnp.asarray(_DCT, image.dtype)
    waves = jnp.einsum("ui,aibjc,vj->aubvc", dct, blocks, dct)
    steps = steps[None, :, None]
    waves = steps * jnp.round(waves / steps)
    blocks = jnp.einsum("ui,aubvc,vj->aibjc", dct, waves, dct)
    ycbcr = blocks.reshape(ycbcr.shape)[:h, :w]
    rgb = ycbcr_to_rgb((ycbcr + middle) / 255)
    return jnp.round(255 * jnp.clip(rgb, 0, 1)) / 255


def _blurred(image: Array, sigma: Array) -> Array:
    """Gaussian blur of deviation sigma `[2]`, cut off and made up at the borders."""

    def weights(n: int, sigma: Array) -> Array:
        distance = np.arange(n)[:, None] - np.arange(n)[None]
        kernel = jnp.exp(-0.5 * jnp.square(distance / sigma))
        return kernel / kernel.sum(1, keepdims=True)

    h, w, _ = image.shape
    return jnp.einsum(
        "ih,hwc,jw->ijc", weights(h, sigma[0]), image, weights(w, sigma[1])
    )


def _dct_matrix() -> np.ndarray:
    """Orthonormal DCT-II of 8 numbers."""
    i, u = np.arange(8), np.arange(8)[:, None]
    matrix = np.cos(np.pi * (2 * i + 1) * u / 16) / 2
    matrix[0] /= np.sqrt(2)
    return matrix


_DCT = _dct_matrix()
