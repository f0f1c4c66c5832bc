"""Degradations by cameras and files: blur, noise and JPEG compression.

Pure JAX; call these functions inside a loss. Each image has its own strength.
"""

import functools
from collections.abc import Sequence
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike, Key
from inr.color import rgb_to_ycbcr, ycbcr_to_rgb

Subsampling = Literal["4:4:4", "4:2:0"]
"""Resolution of the chroma in a JPEG file: full, or half along both axes."""

# Quantization tables of the JPEG standard at quality 50 (ITU-T T.81, annex K).
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
    max_blur_std: float = 0.0,
    max_noise_std: float = 0.0,
    jpeg_quality: tuple[float, float] | None = None,
    halved_chroma: float = 0.0,
) -> Array:
    """Blur images, add noise and compress them, in this order, at random strengths.

    Args:
      key: PRNG key of the strengths and the noise.
      images: `[b, h, w, 3]` in [0, 1].
      max_blur_std: largest standard deviation of a Gaussian blur, in pixels. That of
        each axis is uniform from 0.
      max_noise_std: largest standard deviation of white noise; uniform from 0.
      jpeg_quality: lowest and highest quality of JPEG compression, in [1, 100];
        uniform between them. None does not compress. See `jpeg`.
      halved_chroma: share of the images that are compressed with chroma at half
        resolution, in [0, 1]. Most cameras and programs write such files.

    Returns:
      `[b, h, w, 3]`; noise may leave [0, 1].

    Raises:
      ValueError: if a standard deviation is negative, or a quality or a share is out of
        range.
    """
    images = _checks.as_floating("images", images)
    _checks.check_rank("images", images, "[b, h, w, 3]")
    _checks.check_not_empty("images", images)
    _checks.check_shape("images", images, (*images.shape[:3], 3))
    max_blur_std = _checks.as_not_negative("max_blur_std", max_blur_std)
    max_noise_std = _checks.as_not_negative("max_noise_std", max_noise_std)
    halved_chroma = _checks.as_number("halved_chroma", halved_chroma)
    if not 0 <= halved_chroma <= 1:
        raise _checks.fail("halved_chroma", "in [0, 1]", halved_chroma)
    key = _checks.as_key("key", key)
    blur_key, noise_key, std_key, quality_key = jax.random.split(key, 4)
    b, dtype = len(images), images.dtype
    if max_blur_std > 0:
        stds = jax.random.uniform(blur_key, (b, 2), dtype, 1e-3, max_blur_std)
        images = jax.vmap(_blur)(images, stds)
    if max_noise_std > 0:
        stds = jax.random.uniform(std_key, (b, 1, 1, 1), dtype, 0.0, max_noise_std)
        images = images + stds * jax.random.normal(noise_key, images.shape, dtype)
    if jpeg_quality is not None:
        low, high = _as_qualities(jpeg_quality)
        qualities = jax.random.uniform(quality_key, (b,), dtype, low, high)
        compressed = jax.vmap(jpeg)(images, qualities)
        if halved_chroma > 0:
            halve = functools.partial(jpeg, subsampling="4:2:0")
            is_halved = jax.random.bernoulli(
                jax.random.fold_in(quality_key, 1), halved_chroma, (b, 1, 1, 1)
            )
            halved = jax.vmap(halve)(images, qualities)
            compressed = jnp.where(is_halved, halved, compressed)
        images = compressed
    return images


def jpeg(
    image: Float[ArrayLike, "h w 3"],
    quality: ArrayLike,
    *,
    subsampling: Subsampling = "4:4:4",
) -> Array:
    """Compress an image as JPEG and decompress it.

    Discrete cosine transforms of 8 x 8 pixels are rounded to multiples of the
    standard's tables (ITU-T T.81, annex K), scaled as in the library of the Independent
    JPEG Group. Rounding has no useful gradient: use this function on inputs.

    Args:
      image: `[h, w, 3]` in [0, 1].
      quality: in [1, 100]; may be traced.
      subsampling: resolution of the chroma, `"4:4:4"` for full and `"4:2:0"` for half.

    Returns:
      `[h, w, 3]` in [0, 1], in 8-bit levels.
    """
    pixels = jnp.clip(_checks.as_floating("image", image), 0, 1)
    _checks.check_rank("image", pixels, "[h, w, 3]")
    _checks.check_not_empty("image", pixels)
    h, w, _ = pixels.shape
    _checks.check_shape("image", pixels, (h, w, 3))
    _checks.check_scalar("quality", quality, _as_quality)
    _checks.check_choice("subsampling", subsampling, get_args(Subsampling))
    quality = jnp.asarray(quality, pixels.dtype)
    # The library's factor, in percent, for the tables of quality 50.
    percent = jnp.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    tables = jnp.asarray(np.stack([_LUMA, _CHROMA, _CHROMA], -1), pixels.dtype)
    steps = jnp.clip(jnp.floor((tables * percent + 50) / 100), 1, 255)
    levels = jnp.round(255 * pixels)
    middle = jnp.asarray([[[128, 0, 0]]], pixels.dtype)
    ycbcr = jnp.round(255 * rgb_to_ycbcr(levels / 255) - middle)
    if subsampling == "4:4:4":
        ycbcr = _code(ycbcr, steps)
    else:
        chroma = _doubled(_code(_halved(ycbcr[..., 1:]), steps[..., 1:]))[:h, :w]
        ycbcr = jnp.concatenate([_code(ycbcr[..., :1], steps[..., :1]), chroma], -1)
    rgb = ycbcr_to_rgb((ycbcr + middle) / 255)
    return jnp.round(255 * jnp.clip(rgb, 0, 1)) / 255


def _code(image: Array, steps: Array) -> Array:
    """Round the transforms of the blocks of an image to multiples of `steps`."""
    h, w, c = image.shape
    image = jnp.pad(image, ((0, -h % 8), (0, -w % 8), (0, 0)), mode="edge")
    blocks = image.reshape(image.shape[0] // 8, 8, -1, 8, c)
    dct = jnp.asarray(_DCT, image.dtype)
    coefficients = jnp.einsum("ui,aibjc,vj->aubvc", dct, blocks, dct)
    steps = steps[None, :, None]
    coefficients = steps * jnp.round(coefficients / steps)
    blocks = jnp.einsum("ui,aubvc,vj->aibjc", dct, coefficients, dct)
    return blocks.reshape(image.shape)[:h, :w]


def _halved(image: Array) -> Array:
    """Rounded means over 2 x 2 pixels."""
    h, w, c = image.shape
    image = jnp.pad(image, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge")
    return jnp.round(image.reshape((h + 1) // 2, 2, -1, 2, c).mean((1, 3)))


def _doubled(image: Array) -> Array:
    """Linear interpolation, as decoders do it."""
    h, w, c = image.shape
    return jnp.round(jax.image.resize(image, (2 * h, 2 * w, c), "linear"))


def _as_quality(argument: str, value: ArrayLike) -> float:
    quality = _checks.as_number(argument, value)
    if not 1 <= quality <= 100:
        raise _checks.fail(argument, "in [1, 100]", value)
    return quality


def _as_qualities(value: tuple[float, float]) -> list[float]:
    if not isinstance(value, Sequence) or len(value) != 2:
        expected = "two increasing numbers in [1, 100]"
        raise _checks.fail("jpeg_quality", expected, repr(value))
    qualities = [_as_quality("jpeg_quality", x) for x in value]
    if qualities[0] > qualities[1]:
        raise _checks.fail("jpeg_quality", "increasing", value)
    return qualities


def _blur(image: Array, stds: Array) -> Array:
    """Gaussian blur of standard deviations `[2]`, normalized at the borders."""

    def weights(n: int, std: Array) -> Array:
        distance = np.arange(n)[:, None] - np.arange(n)[None]
        kernel = jnp.exp(-0.5 * jnp.square(distance / std))
        return kernel / kernel.sum(1, keepdims=True)

    h, w, _ = image.shape
    return jnp.einsum("ih,hwc,jw->ijc", weights(h, stds[0]), image, weights(w, stds[1]))


def _dct_matrix() -> np.ndarray:
    """Orthonormal DCT-II of 8 numbers."""
    i, u = np.arange(8), np.arange(8)[:, None]
    matrix = np.cos(np.pi * (2 * i + 1) * u / 16) / 2
    matrix[0] /= np.sqrt(2)
    return matrix


_DCT = _dct_matrix()
