"""What a model's numbers for a color mean, and colors with a luma that is known."""

import jax.numpy as jnp

from inr._typing import Array
from inr.color import lab_to_rgb, rgb_to_lab, rgb_to_ycbcr, ycbcr_to_rgb

SPACES = ("ycbcr", "lab", "rgb")

AB_SCALE = 128.0  # of Lab's a and b, for a model's numbers


def to_rgb(space: str, luma: Array, said: Array, exact_luma: bool) -> Array:
    """RGB `[..., 3]` of luma `[..., 1]` and three numbers that a model says of a point.

    Zeros are the gray of that luma. In `"ycbcr"` the first is added to luma, the others
    are chroma; in `"lab"` they are (a, b) / 128; in `"rgb"` all are added to red, green
    and blue. Where luma is exact only the chroma of all that is taken.
    """
    if space == "rgb":
        rgb = luma + said
        return with_luma(luma, rgb) if exact_luma else rgb
    luma = luma if exact_luma else luma + said[..., :1]
    if space == "lab":
        return with_luma(luma, lab_of(luma, said[..., 1:]))
    return ycbcr_to_rgb(jnp.concatenate([luma, said[..., 1:]], -1))


def lab_of(luma: Array, ab: Array) -> Array:
    """RGB `[..., 3]` with the lightness of gray `[..., 1]` and (a, b) / 128."""
    level = 50 * (lightness(luma) + 1)
    return lab_to_rgb(jnp.concatenate([level, AB_SCALE * ab], -1))


def with_luma(luma: Array, rgb: Array) -> Array:
    """The colors' chroma with another luma, `[..., 3]`."""
    return ycbcr_to_rgb(jnp.concatenate([luma, rgb_to_ycbcr(rgb)[..., 1:]], -1))


def lightness(gray: Array) -> Array:
    """l in [-1, 1] of gray levels `[..., 1]` in [0, 1]."""
    gray = jnp.broadcast_to(gray, (*gray.shape[:-1], 3))
    return rgb_to_lab(gray)[..., :1] / 50 - 1
