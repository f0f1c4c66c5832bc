"""Several aligned images in one, through their gradients."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.color import linear_to_srgb, srgb_to_linear
from inr.merging.guidance import Guidance, Strongest, as_guidance, mean_gradient
from inr.poisson import grid_gradient, integrate

MERGE_GUIDANCE = {"strongest": Strongest(), "mean": mean_gradient}


def merge(
    images: Sequence[Float[ArrayLike, "h w *c"]] | Float[ArrayLike, "n h w *c"],
    *,
    guidance: str | Guidance = "strongest",
    weights: Float[ArrayLike, "n h w"] | None = None,
    linear_light: bool = False,
) -> Array:
    """One image with the gradients of several: what stands out in each of them.

    The image whose gradient is nearest, in least squares, to a guidance field made of
    the images' gradients, with their (weighted) mean as its mean. No edge leaves the
    image (Neumann boundary).

    Args:
      images: n aligned images `[h, w, c]` or `[h, w]`, sRGB in [0, 1].
      guidance: `"strongest"`: on every edge the gradient of the image in which it is
        strongest, jointly over channels; `"mean"`: the mean of the gradients, which by
        itself gives the mean image; or a function (see `inr.merging`).
      weights: `[n, h, w]`, not negative: how much each image counts at each pixel. An
        edge has the mean of its ends' weights. In the mean they are its weights; for
        the strongest they multiply the strengths that are compared.
      linear_light: merges linear light instead of the encoded values.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: for fewer than one image, images of different shapes, integers, NaN,
        or weights that do not fit or are zero everywhere.
    """
    images = _stacked(images)
    guidance = as_guidance("guidance", guidance, MERGE_GUIDANCE)
    if weights is not None:
        weights = _checked_weights(weights, images.shape)
    return _merge(images, weights, guidance=guidance, linear_light=linear_light)


def stitch(
    images: Sequence[Float[ArrayLike, "h w *c"]] | Float[ArrayLike, "n h w *c"],
    labels: Int[ArrayLike, "h w"],
    *,
    linear_light: bool = False,
) -> Array:
    """One image out of parts of several, without seams.

    Inside a part the gradient is its image's; across a seam it is the mean of both
    images' gradients there, so they should overlap by a pixel. The level of the whole
    is the composite's [Agarwala et al. 2004, sec. 3.3].

    Args:
      images: n aligned images `[h, w, c]` or `[h, w]`, sRGB in [0, 1].
      labels: int `[h, w]`, in [0, n): from which image a pixel comes.
      linear_light: works on linear light instead of the encoded values.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: as `merge`, and for labels out of range.
    """
    images = _stacked(images)
    labels = jnp.asarray(labels)
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


def make_tileable(
    image: Float[ArrayLike, "h w *c"], *, linear_light: bool = False
) -> Array:
    """The image with its opposite sides matched, so that copies tile the plane.

    Keeps all gradients inside the image, asks for none between a side and the opposite
    one, and integrates with a periodic boundary; the mean stays.

    Args:
      image: `[h, w, c]` or `[h, w]`, sRGB in [0, 1].
      linear_light: works on linear light instead of the encoded values.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: for integers, NaN or another shape.
    """
    return _make_tileable(_checks.as_image("image", image), linear_light=linear_light)


@functools.partial(jax.jit, static_argnames=("guidance", "linear_light"))
def _merge(
    images: Array, weights: Array | None, *, guidance: Guidance, linear_light: bool
) -> Array:
    images = to_working(images, linear_light)
    n = images.shape[0]
    if weights is None:
        edge_weights = jnp.ones((n, 1, 1, 1, 1), images.dtype)
        mean = images.mean((0, 1, 2))
    else:
        weights = weights[..., None].astype(images.dtype)
        edge_weights = jax.vmap(_at_edges)(weights)
        total = weights.sum(0)
        blend = (weights * images).sum(0) / jnp.where(total == 0, 1, total)
        # Where no image counts there is nothing to take the level from.
        counted = (total > 0).astype(images.dtype)
        mean = (counted * blend).sum((0, 1)) / counted.sum()
    field = guidance(jax.vmap(grid_gradient)(images), edge_weights)
    return from_working(integrate(field, mean=mean), linear_light)


@functools.partial(jax.jit, static_argnames="linear_light")
def _make_tileable(image: Array, *, linear_light: bool) -> Array:
    image = to_working(image, linear_light)
    merged = integrate(
        grid_gradient(image), boundary="periodic", mean=image.mean((0, 1))
    )
    return from_working(merged, linear_light)


def to_working(image: Array, linear_light: bool) -> Array:
    """The values that are differentiated: encoded or linear."""
    return srgb_to_linear(image) if linear_light else image


def from_working(image: Array, linear_light: bool) -> Array:
    """The inverse of `to_working`."""
    return linear_to_srgb(image) if linear_light else image


def _at_edges(weight: Array) -> Array:
    """Mean of the weights `[h, w, 1]` at both ends of each edge, `[h, w, 2, 1]`."""
    return weight[:, :, None] + grid_gradient(weight) / 2


def _stacked(images: Sequence[ArrayLike] | ArrayLike) -> Array:
    if len(images) == 0:
        raise _checks.fail("images", "at least one image", "none")
    checked = [_checks.as_image(f"images[{i}]", x) for i, x in enumerate(images)]
    shapes = [x.shape for x in checked]
    if len(set(shapes)) > 1:
        raise _checks.fail(
            "images", "of one shape", f"shapes {shapes}", "Crop or resize them."
        )
    return jnp.stack(checked)


def _checked_weights(weights: ArrayLike, shape: tuple[int, ...]) -> Array:
    weights = _checks.as_floating("weights", weights)
    if weights.shape != shape[:3]:
        raise _checks.fail("weights", f"of shape {shape[:3]}", f"shape {weights.shape}")
    _checks.check_finite("weights", weights)
    if _checks.is_concrete(weights) and bool((weights < 0).any()):
        raise _checks.fail("weights", "not negative", f"at least {weights.min()}")
    if _checks.is_concrete(weights) and not bool((weights > 0).any()):
        raise _checks.fail("weights", "above 0 somewhere", "0 everywhere")
    return weights
