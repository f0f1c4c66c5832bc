"""Color spaces: linear light, luma, YCbCr, CIE Lab.

Contract: pure functions on floating arrays `[..., c]` with the channels on the last
axis. RGB means sRGB-encoded values in [0, 1], except where a name contains "linear".
Nothing is clipped: inverse functions return colors outside the gamut unchanged. Points
are converted independently, in the widest floating input dtype, at least float32.
Gradients are finite everywhere, at and below zero too.

Luma is a weighted sum of encoded values (ITU-R BT.601). Luminance, the Y of XYZ, is a
weighted sum of linear light.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from inr import _checks
from inr._typing import Array, ArrayLike

_LUMA = np.array([0.299, 0.587, 0.114])
"""BT.601 weights of encoded red, green and blue."""

_STUDIO_LUMA = np.array([65.481, 128.553, 24.966]) / 255
"""The same weights scaled to 219 of 255 levels, with their published digits."""

_YCBCR = np.stack(
    [
        _LUMA,
        (np.array([0, 0, 1]) - _LUMA) / (2 * (1 - _LUMA[2])),
        (np.array([1, 0, 0]) - _LUMA) / (2 * (1 - _LUMA[0])),
    ]
)

# Linear sRGB to XYZ with the digits of BT.709, and the white of D65 at 2 degrees, both
# as in scikit-image. Because the digits are rounded, b of gray is up to 0.005.
_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
_XYZ_OVER_WHITE = _XYZ / np.array([[0.95047], [1.0], [1.08883]])

# Below delta, Lab replaces the cube root by its tangent [CIE 15:2004, 8.2.1].
_DELTA = 6 / 29


def srgb_to_linear(encoded: Float[ArrayLike, "..."]) -> Array:
    """Linear light of sRGB-encoded values: the piecewise curve of IEC 61966-2-1.

    Negative values continue the linear segment.

    Args:
      encoded: `[...]`, in [0, 1].

    Returns:
      `[...]`, in [0, 1].

    Raises:
      ValueError: for integers.
    """
    x = _as_floating("encoded", encoded)
    curved = x > 0.04045
    # The unused branch must not yield NaN either: its gradient would be zero times NaN.
    power = ((jnp.where(curved, x, 1.0) + 0.055) / 1.055) ** 2.4
    return jnp.where(curved, power, x / 12.92)


def linear_to_srgb(linear: Float[ArrayLike, "..."]) -> Array:
    """sRGB-encoded values of linear light, the inverse of `srgb_to_linear`.

    Args:
      linear: `[...]`, in [0, 1].

    Returns:
      `[...]`, in [0, 1].

    Raises:
      ValueError: for integers.
    """
    x = _as_floating("linear", linear)
    curved = x > 0.0031308
    power = 1.055 * jnp.where(curved, x, 1.0) ** (1 / 2.4) - 0.055
    return jnp.where(curved, power, 12.92 * x)


def rgb_to_luma(rgb: Float[ArrayLike, "*n 3"]) -> Array:
    """BT.601 luma of encoded colors, full range: 0.299 R + 0.587 G + 0.114 B.

    Args:
      rgb: `[..., 3]`, in [0, 1].

    Returns:
      `[..., 1]`, in [0, 1]; the first channel of `rgb_to_ycbcr`.

    Raises:
      ValueError: for integers, or another number of channels.
    """
    return _combine(_as_color("rgb", rgb), _LUMA[None])


def rgb_to_studio_luma(rgb: Float[ArrayLike, "*n 3"]) -> Array:
    """Studio-range BT.601 luma: (16 + 65.481 R + 128.553 G + 24.966 B) / 255.

    The Y of MATLAB's `rgb2ycbcr`, on which super-resolution is scored. Multiply by 255
    for the 8-bit scale.

    Args:
      rgb: `[..., 3]`, in [0, 1].

    Returns:
      `[..., 1]`, in [16/255, 235/255].

    Raises:
      ValueError: for integers, or another number of channels.
    """
    return _combine(_as_color("rgb", rgb), _STUDIO_LUMA[None]) + 16 / 255


def rgb_to_ycbcr(rgb: Float[ArrayLike, "*n 3"]) -> Array:
    """Full-range BT.601 luma and color differences; the differences of gray are zero.

    The color space of JPEG, but with signed Cb and Cr: add 0.5 to display them.

    Args:
      rgb: `[..., 3]`, in [0, 1].

    Returns:
      `[..., 3]`: Y in [0, 1], Cb and Cr in [-0.5, 0.5].

    Raises:
      ValueError: for integers, or another number of channels.
    """
    return _combine(_as_color("rgb", rgb), _YCBCR)


def ycbcr_to_rgb(ycbcr: Float[ArrayLike, "*n 3"]) -> Array:
    """Encoded colors of full-range YCbCr, the inverse of `rgb_to_ycbcr`.

    The luma of the result is Y for any Cb and Cr, as long as nothing is clipped.

    Args:
      ycbcr: `[..., 3]`, Y in [0, 1], Cb and Cr in [-0.5, 0.5].

    Returns:
      `[..., 3]`, in [0, 1] for colors inside the gamut.

    Raises:
      ValueError: for integers, or another number of channels.
    """
    return _combine(_as_color("ycbcr", ycbcr), np.linalg.inv(_YCBCR))


def rgb_to_lab(rgb: Float[ArrayLike, "*n 3"]) -> Array:
    """CIE 1976 L*a*b* under D65 at 2 degrees, like `skimage.color.rgb2lab`.

    The linear segment near black has the exact slope of the standard; scikit-image
    rounds it, and differs there by at most 2e-4.

    Args:
      rgb: `[..., 3]`, in [0, 1].

    Returns:
      `[..., 3]`: L in [0, 100]; a and b within about [-110, 100], near zero for gray.

    Raises:
      ValueError: for integers, or another number of channels.
    """
    linear = srgb_to_linear(_as_color("rgb", rgb))
    xyz = _combine(linear, _XYZ_OVER_WHITE)
    curved = xyz > _DELTA**3
    root = jnp.cbrt(jnp.where(curved, xyz, 1.0))
    f = jnp.where(curved, root, xyz / (3 * _DELTA**2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return jnp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def lab_to_rgb(lab: Float[ArrayLike, "*n 3"]) -> Array:
    """Encoded colors of CIE Lab, the inverse of `rgb_to_lab`.

    Args:
      lab: `[..., 3]`, L in [0, 100], a and b signed.

    Returns:
      `[..., 3]`, in [0, 1] for colors inside the gamut.

    Raises:
      ValueError: for integers, or another number of channels.
    """
    lab = _as_color("lab", lab)
    y = (lab[..., 0] + 16) / 116
    f = jnp.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = jnp.where(f > _DELTA, f**3, 3 * _DELTA**2 * (f - 4 / 29))
    return linear_to_srgb(_combine(xyz, np.linalg.inv(_XYZ_OVER_WHITE)))


def _as_floating(argument: str, value: ArrayLike) -> Array:
    fix = "Colors are floats in [0, 1]: divide 8-bit levels by 255."
    return _checks.as_floating(argument, value, fix)


def _as_color(argument: str, value: ArrayLike) -> Array:
    array = _as_floating(argument, value)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise _checks.fail(
            argument,
            "[..., 3], with the channels last",
            f"shape {array.shape}",
            "Repeat a gray channel three times; remove an alpha channel.",
        )
    return array


def _combine(color: Array, matrix: np.ndarray) -> Array:
    """Multiply `[..., 3]` by the rows of a matrix `[m, 3]`, in full precision."""
    rows = jnp.asarray(matrix.T, color.dtype)
    return jnp.matmul(color, rows, precision=jax.lax.Precision.HIGHEST)
