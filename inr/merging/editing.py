"""Changes inside a part of one image, through its gradients [Perez et al. 2003].

Contract: image `[h, w, c]` sRGB in [0, 1] and a bool mask `[h, w]`, True where it may
change; the result is the image outside the mask, bit by bit, and is not clipped. A side
of the mask on the image's border is natural (no flux across it).
"""

import jax.numpy as jnp
from jaxtyping import Bool, Float

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.poisson import grid_gradient, integrate_masked
from inr.poisson.masked import check_mask

_DARKEST = 1 / 255  # where the logarithm stops falling: one level of eight bits


def change_color(
    image: Float[ArrayLike, "h w *c"],
    mask: Bool[ArrayLike, "h w"],
    factors: Float[ArrayLike, "c"],
) -> Array:
    """Multiplies the gradients of each channel inside the mask: another color.

    Equal to cloning the image with its channels multiplied into itself.

    Args:
      image: `[h, w, c]` or `[h, w]`, sRGB in [0, 1].
      mask: bool `[h, w]`, True where the color changes.
      factors: `[c]`, one for each channel; 1 keeps it.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: for arrays that do not fit together, integers or NaN, and for a mask
        that is not boolean, is empty or covers the image.
      inr.poisson.NotConverged: where the solve did not converge.
    """
    image = _checks.as_image("image", image)
    factors = _checks.as_floating("factors", factors)
    if factors.shape != image.shape[-1:]:
        raise _checks.fail(
            "factors", f"of shape {image.shape[-1:]}", f"shape {factors.shape}"
        )
    image = image.astype(jnp.result_type(image, factors))
    return _integrated(grid_gradient(image) * factors[None, None, None], mask, image)


def change_illumination(
    image: Float[ArrayLike, "h w *c"],
    mask: Bool[ArrayLike, "h w"],
    *,
    alpha: float = 0.2,
    beta: float = 0.2,
) -> Array:
    """Compresses large changes of light inside the mask: highlights and deep shadows.

    Gradients g of the image's logarithm become (alpha m)^beta |g|^-beta g, where |g| is
    the norm over both axes and m its mean in the mask [Perez et al. 2003, eq. 16;
    Fattal et al. 2002].

    Args:
      image: `[h, w, c]` or `[h, w]`, sRGB in [0, 1]; values below 1/255 count as 1/255.
      mask: bool `[h, w]`, True where the light changes.
      alpha: gradients of alpha times the mean keep their size; larger ones shrink.
      beta: in [0, 1]; 0 changes nothing, 1 makes all gradients equal.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: as `change_color`, and for alpha not above 0 or beta not in [0, 1].
      inr.poisson.NotConverged: where the solve did not converge.
    """
    image = _checks.as_image("image", image)
    _checks.as_positive("alpha", alpha)
    if not 0 <= beta <= 1:
        raise _checks.fail("beta", "in [0, 1]", beta)
    check_mask(mask, image.shape[:2])
    log = jnp.log(jnp.maximum(image, _DARKEST))
    gradient = grid_gradient(log)
    norm = jnp.linalg.norm(gradient, axis=2, keepdims=True)
    inside = jnp.asarray(mask)[..., None, None]
    mean = jnp.where(inside, norm, 0).sum((0, 1)) / inside.sum()
    flat = norm == 0
    factor = (alpha * mean[None, None] / jnp.where(flat, 1, norm)) ** beta
    changed = jnp.exp(_integrated(jnp.where(flat, 0, factor) * gradient, mask, log))
    return jnp.where(jnp.asarray(mask)[..., None], changed, image)


def flatten_texture(
    image: Float[ArrayLike, "h w *c"],
    mask: Bool[ArrayLike, "h w"],
    *,
    threshold: float = 0.1,
    edges: Bool[ArrayLike, "h w"] | None = None,
) -> Array:
    """Keeps only the gradients at edges inside the mask: flat areas between them.

    Args:
      image: `[h, w, c]` or `[h, w]`, sRGB in [0, 1].
      mask: bool `[h, w]`, True where texture goes.
      threshold: differences between neighbors of at least this, in any channel, are
        edges.
      edges: bool `[h, w]`, edge pixels from a detector of your own, such as
        `skimage.feature.canny`, in place of the threshold; a difference stays where
        either of its two pixels is one.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: as `change_color`, and for edges that are not a bool `[h, w]`.
      inr.poisson.NotConverged: where the solve did not converge.
    """
    image = _checks.as_image("image", image)
    gradient = grid_gradient(image)
    if edges is None:
        kept = jnp.abs(gradient).max(-1, keepdims=True) >= threshold
    else:
        edges = jnp.asarray(edges)
        if edges.dtype != jnp.bool_ or edges.shape != image.shape[:2]:
            raise _checks.fail(
                "edges",
                f"a bool array of shape {image.shape[:2]}",
                f"{edges.dtype} of shape {edges.shape}",
            )
        edges = edges[..., None]
        following = [
            jnp.roll(edges, -1, 0).at[-1].set(False),
            jnp.roll(edges, -1, 1).at[:, -1].set(False),
        ]
        kept = jnp.stack([edges | x for x in following], 2)
    return _integrated(jnp.where(kept, gradient, 0), mask, image)


def _integrated(guidance: Array, mask: ArrayLike, image: Array) -> Array:
    return integrate_masked(guidance, mask, image).value
