"""Color spaces of the models' outputs, and replacement of luma."""

from typing import Literal, get_args

import jax.numpy as jnp

from inr import _checks
from inr._typing import Array
from inr.color import lab_to_rgb, rgb_to_lab, rgb_to_ycbcr, ycbcr_to_rgb

Space = Literal["ycbcr", "lab", "rgb"]
"""Meaning of the three numbers that a decoder predicts; see `to_rgb`."""

AB_SCALE = 128.0  # models predict Lab's a and b divided by this


def check_space(space: str) -> None:
    """Raise ValueError for an unknown color space."""
    _checks.check_choice("space", space, get_args(Space))


def to_rgb(space: Space, luma: Array, output: Array, exact_luma: bool) -> Array:
    """RGB `[..., 3]` of luma `[..., 1]` and a decoder's output `[..., 3]`.

    An output of 0 is the gray of that luma. In `"ycbcr"` the output is a residual of
    luma, Cb and Cr; in `"lab"` a residual of luma and (a, b) / 128; in `"rgb"`
    residuals of red, green and blue. With `exact_luma` the residual of luma is ignored.
    """
    if space == "rgb":
        rgb = luma + output
        return replace_luma(rgb, luma) if exact_luma else rgb
    luma = luma if exact_luma else luma + output[..., :1]
    if space == "lab":
        return replace_luma(ab_to_rgb(output[..., 1:], luma), luma)
    return ycbcr_to_rgb(jnp.concatenate([luma, output[..., 1:]], -1))


def ab_to_rgb(ab: Array, luma: Array) -> Array:
    """RGB `[..., 3]` of (a, b) / 128 `[..., 2]` and the L of the gray `[..., 1]`."""
    level = 50 * (lightness(luma) + 1)
    return lab_to_rgb(jnp.concatenate([level, AB_SCALE * ab], -1))


def replace_luma(rgb: Array, luma: Array) -> Array:
    """RGB `[..., 3]` with the chroma of `rgb` and another luma `[..., 1]`."""
    return ycbcr_to_rgb(jnp.concatenate([luma, rgb_to_ycbcr(rgb)[..., 1:]], -1))


def lightness(gray: Array) -> Array:
    """L / 50 - 1, in [-1, 1], of gray levels `[..., 1]` in [0, 1]."""
    gray = jnp.broadcast_to(gray, (*gray.shape[:-1], 3))
    return rgb_to_lab(gray)[..., :1] / 50 - 1
