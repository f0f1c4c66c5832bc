"""One image from several aligned images, through their gradients."""

import functools
from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from inr import _checks, _conversions
from inr._typing import Array, ArrayLike, ImageLike
from inr.color import linear_to_srgb, srgb_to_linear
from inr.merging.guidance import (
    Guidance,
    Strongest,
    apply_guidance,
    as_guidance,
    mean_gradient,
)
from inr.poisson import grid_gradient, integrate

MergeMode = Literal["strongest", "mean"]

MERGE_GUIDANCE: dict[str, Guidance] = {"strongest": Strongest(), "mean": mean_gradient}


def merge(
    images: Sequence[ImageLike] | Array | np.ndarray,
    *,
    guidance: MergeMode | Guidance = "strongest",
    weights: Float[ArrayLike, "n h w"] | None = None,
    linear_light: bool = False,
) -> Array:
    """Merge aligned images by their gradients.

    Return the image whose gradient is nearest, in least squares, to a guidance field
    computed from the images' gradients, and whose mean is their (weighted) mean. The
    boundary is natural (no flux, Neumann).

    Args:
      images: n aligned images `[h, w, c]` or `[h, w]`, sRGB: floating in [0, 1], uint8,
        uint16, or PIL images.
      guidance: `"strongest"`: on every edge the gradient of the image in which it is
        strongest, jointly over channels; `"mean"`: the mean of the gradients, whose
        integral is the mean image unless there are weights; or a function, see
        `inr.merging`.
      weights: `[n, h, w]`, not negative, of each image at each pixel. The weight of an
        edge is the mean over its two pixels. `"strongest"` multiplies the strengths to
        compare by the weights.
      linear_light: merge in linear light instead of sRGB-encoded values.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: for no image, images of different shapes, other dtypes, NaN, weights
        that do not fit or are zero everywhere, and a guidance whose result has a wrong
        shape.
    """
    images = _stack(images)
    _checks.check_flag("linear_light", linear_light)
    guidance = as_guidance("guidance", guidance, MERGE_GUIDANCE)
    if weights is not None:
        weights = _check_weights(weights, images.shape)
    return _merge(images, weights, guidance=guidance, linear_light=linear_light)


def stitch(
    images: Sequence[ImageLike] | Array | np.ndarray,
    labels: Int[ArrayLike, "h w"],
    *,
    linear_light: bool = False,
) -> Array:
    """Stitch parts of several aligned images without visible seams.

    The gradient inside a part is that of its image; across a seam it is the mean of the
    gradients of both images, which should overlap by a pixel there. The mean of the
    result is the mean of the plain composite [Agarwala et al. 2004, sec. 3.3].

    Args:
      images: n aligned images `[h, w, c]` or `[h, w]`, sRGB: floating in [0, 1], uint8,
        uint16, or PIL images.
      labels: int `[h, w]`, in [0, n), the index of the image at each pixel.
      linear_light: stitch in linear light instead of sRGB-encoded values.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: as `merge`, and for labels out of range.
    """
    images = _stack(images)
    labels = _checks.as_array("labels", labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise _checks.fail("labels", "an integer array", f"dtype {labels.dtype}")
    if labels.shape != images.shape[1:3]:
        raise _checks.fail(
            "labels", f"of shape {images.shape[1:3]}", f"shape {labels.shape}"
        )
    n = images.shape[0]
    if _checks.is_concrete(labels) and not bool(((labels >= 0) & (labels < n)).all()):
        raise _checks.fail("labels", f"in [0, {n})", f"{labels.min()}..{labels.max()}")
    weights = jax.nn.one_hot(labels, n, axis=0, dtype=images.dtype)
    return merge(images, guidance="mean", weights=weights, linear_light=linear_light)


def make_tileable(image: ImageLike, *, linear_light: bool = False) -> Array:
    """Match opposite sides of an image, so that copies tile the plane.

    Integrates the image's gradient, with zeros between opposite sides, with a periodic
    boundary. The mean is unchanged.

    Args:
      image: `[h, w, c]` or `[h, w]`, sRGB: floating in [0, 1], uint8, uint16, or a PIL
        image.
      linear_light: work in linear light instead of sRGB-encoded values.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: for other dtypes, NaN or another shape.
    """
    _checks.check_flag("linear_light", linear_light)
    return _make_tileable(
        _conversions.as_image("image", image), linear_light=linear_light
    )


@functools.partial(jax.jit, static_argnames=("guidance", "linear_light"))
def _merge(
    images: Array, weights: Array | None, *, guidance: Guidance, linear_light: bool
) -> Array:
    images = to_working(images, linear_light)
    if weights is None:
        edge_weights = None
        mean = images.mean((0, 1, 2))
    else:
        weights = weights[..., None].astype(images.dtype)
        edge_weights = jax.vmap(_at_edges)(weights)
        total = weights.sum(0)
        blend = (weights * images).sum(0) / jnp.where(total == 0, 1, total)
        # Pixels where all weights are zero do not contribute to the mean.
        is_weighted = (total > 0).astype(images.dtype)
        mean = (is_weighted * blend).sum((0, 1)) / is_weighted.sum()
    gradients = jax.vmap(grid_gradient)(images)
    field = apply_guidance("guidance", guidance, gradients, edge_weights)
    return from_working(integrate(field, mean=mean), linear_light)


@functools.partial(jax.jit, static_argnames="linear_light")
def _make_tileable(image: Array, *, linear_light: bool) -> Array:
    image = to_working(image, linear_light)
    tile = integrate(grid_gradient(image), boundary="periodic", mean=image.mean((0, 1)))
    return from_working(tile, linear_light)


def to_working(image: Array, linear_light: bool) -> Array:
    """The values to differentiate: linear light, or sRGB-encoded as in the image."""
    return srgb_to_linear(image) if linear_light else image


def from_working(image: Array, linear_light: bool) -> Array:
    """The inverse of `to_working`."""
    return linear_to_srgb(image) if linear_light else image


def _at_edges(weight: Array) -> Array:
    """Mean of the weights `[h, w, 1]` of both pixels of each edge, `[h, w, 2, 1]`."""
    return weight[:, :, None] + grid_gradient(weight) / 2


def _stack(images: Sequence[ImageLike] | Array | np.ndarray) -> Array:
    """Check images and stack them: `[n, h, w, c]`."""
    _checks.check_sequence("images", images, "images")
    if len(images) == 0:
        raise _checks.fail("images", "at least one image", "none")
    stack = [_conversions.as_image(f"images[{i}]", x) for i, x in enumerate(images)]
    shapes = [x.shape for x in stack]
    if len(set(shapes)) > 1:
        raise _checks.fail(
            "images", "of one shape", f"shapes {shapes}", "Crop or resize them."
        )
    # In NumPy where possible, without a program for every number and size of images.
    if _checks.is_concrete(stack):
        return jax.device_put(np.stack(stack))
    return jnp.stack(stack)


def _check_weights(weights: ArrayLike, shape: tuple[int, ...]) -> Array:
    weights = _checks.as_floating("weights", weights)
    if weights.shape != shape[:3]:
        raise _checks.fail("weights", f"of shape {shape[:3]}", f"shape {weights.shape}")
    _checks.check_finite("weights", weights)
    if _checks.is_concrete(weights) and bool((weights < 0).any()):
        raise _checks.fail("weights", "not negative", f"at least {weights.min()}")
    if _checks.is_concrete(weights) and not bool((weights > 0).any()):
        raise _checks.fail("weights", "above 0 somewhere", "0 everywhere")
    return weights
