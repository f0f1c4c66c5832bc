"""Changes in a part of one image, through its gradients [Perez et al. 2003].

Contract: an image `[h, w, c]`, sRGB in [0, 1], and a bool mask `[h, w]`, True where the
image may change. The result equals the image outside the mask, bit by bit, and is not
clipped. A side of the mask on the image's border is natural (no flux across it).
"""

import jax.numpy as jnp
from jaxtyping import Bool, Float

from inr import _checks, _conversions
from inr._masks import check_mask
from inr._typing import Array, ArrayLike, ImageLike
from inr.poisson import grid_gradient, integrate_masked

_DARKEST = 1 / 255  # Lower limit of the logarithm's argument: one 8-bit level.


def change_color(
    image: ImageLike,
    mask: Bool[ArrayLike, "h w"],
    factors: Float[ArrayLike, "c"],
) -> Array:
    """Change the color inside a mask: multiply the gradients of each channel.

    Equal to `seamless_clone` of the image, with its channels multiplied by the factors,
    into the image.

    Args:
      image: `[h, w, c]` or `[h, w]`, sRGB: floating in [0, 1], uint8, uint16, or a PIL
        image.
      mask: bool `[h, w]`, True where the color may change.
      factors: `[c]`, one for each channel; a factor of 1 changes nothing.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: for arrays that do not fit together, other dtypes or NaN, and a mask
        that is not boolean, is empty or covers the image.
      inr.poisson.NotConverged: if the solve did not converge.
    """
    image = _conversions.as_image("image", image)
    factors = _checks.as_floating("factors", factors)
    _checks.check_finite("factors", factors)
    if factors.shape != image.shape[-1:]:
        raise _checks.fail(
            "factors", f"of shape {image.shape[-1:]}", f"shape {factors.shape}"
        )
    image = image.astype(jnp.result_type(image, factors))
    guidance = grid_gradient(image) * factors[None, None, None]
    return integrate_masked(guidance, mask, image).value


def change_illumination(
    image: ImageLike,
    mask: Bool[ArrayLike, "h w"],
    *,
    alpha: float = 0.2,
    beta: float = 0.2,
) -> Array:
    """Compress large changes of light, such as highlights and shadows, inside a mask.

    Gradients g of the image's logarithm become (alpha m)^beta |g|^-beta g, where |g| is
    the norm over both axes and m its mean in the mask [Perez et al. 2003, eq. 16;
    Fattal et al. 2002].

    Args:
      image: `[h, w, c]` or `[h, w]`, sRGB: floating in [0, 1], uint8, uint16, or a PIL
        image. Values below 1/255 count as 1/255.
      mask: bool `[h, w]`, True where the light may change.
      alpha: gradients longer than alpha times the mean become shorter, others longer.
      beta: strength, in [0, 1]: 0 changes nothing, 1 gives all gradients equal length.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: as `change_color`, and for alpha not above 0 or beta not in [0, 1].
      inr.poisson.NotConverged: if the solve did not converge.
    """
    image = _conversions.as_image("image", image)
    alpha = _checks.as_positive("alpha", alpha)
    beta = _checks.as_fraction("beta", beta)
    check_mask("mask", mask, image.shape[:2])
    log = jnp.log(jnp.maximum(image, _DARKEST))
    gradient = grid_gradient(log)
    norm = jnp.linalg.norm(gradient, axis=2, keepdims=True)
    inside = jnp.asarray(mask)[..., None, None]
    mean = jnp.where(inside, norm, 0).sum((0, 1)) / inside.sum()
    is_flat = norm == 0
    factor = (alpha * mean[None, None] / jnp.where(is_flat, 1, norm)) ** beta
    guidance = jnp.where(is_flat, 0, factor) * gradient
    value = jnp.exp(integrate_masked(guidance, mask, log).value)
    return jnp.where(jnp.asarray(mask)[..., None], value, image)


def flatten_texture(
    image: ImageLike,
    mask: Bool[ArrayLike, "h w"],
    *,
    threshold: float = 0.1,
    edges: Bool[ArrayLike, "h w"] | None = None,
) -> Array:
    """Flatten texture inside a mask: set all gradients except those at edges to zero.

    Args:
      image: `[h, w, c]` or `[h, w]`, sRGB: floating in [0, 1], uint8, uint16, or a PIL
        image.
      mask: bool `[h, w]`, True where texture is removed.
      threshold: smallest difference of neighbors, in any channel, that is an edge.
      edges: bool `[h, w]`, edge pixels from an edge detector such as
        `skimage.feature.canny`, instead of the threshold. A difference is retained if
        either of its two pixels is an edge pixel.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: as `change_color`, and for edges that are not a bool `[h, w]`.
      inr.poisson.NotConverged: if the solve did not converge.
    """
    image = _conversions.as_image("image", image)
    threshold = _checks.as_not_negative("threshold", threshold)
    gradient = grid_gradient(image)
    if edges is None:
        is_edge = jnp.abs(gradient).max(-1, keepdims=True) >= threshold
    else:
        edges = _checks.as_array("edges", edges)
        if edges.dtype != jnp.bool_ or edges.shape != image.shape[:2]:
            raise _checks.fail(
                "edges",
                f"a bool array of shape {image.shape[:2]}",
                f"{edges.dtype} of shape {edges.shape}",
            )
        edges = edges[..., None]
        below = jnp.roll(edges, -1, 0).at[-1].set(False)
        right = jnp.roll(edges, -1, 1).at[:, -1].set(False)
        is_edge = jnp.stack([edges | below, edges | right], 2)
    return integrate_masked(jnp.where(is_edge, gradient, 0), mask, image).value
