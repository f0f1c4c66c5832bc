"""Pasting a part of one image into another, without a seam [Perez et al. 2003]."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Bool, Float

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.merging.guidance import (
    Guidance,
    Strongest,
    as_guidance,
    first_gradient,
    gray_gradient,
    mean_gradient,
)
from inr.merging.images import from_working, to_working
from inr.poisson import Solution, grid_divergence, grid_gradient
from inr.poisson.boxes import plan
from inr.poisson.masked import (
    METHODS,
    check_known,
    check_mask,
    correction,
    raise_unless_converged,
)

_MODES = {
    "normal": first_gradient,
    "mixed": Strongest(),
    "average": mean_gradient,
    "monochrome": gray_gradient,
}


def clone(
    source: Float[ArrayLike, "hs ws *c"],
    target: Float[ArrayLike, "h w *c"],
    mask: Bool[ArrayLike, "hs ws"],
    *,
    offset: tuple[int, int] = (0, 0),
    mode: str | Guidance = "normal",
    linear_light: bool = False,
    method: str = "auto",
    rtol: float = 1e-6,
    max_steps: int = 1000,
) -> Array:
    """Pastes the masked part of an image into another by its gradients.

    Inside the mask the result has the gradients of the guidance, as nearly as least
    squares allow, and meets the target at the mask's edge; outside the mask it is the
    target, bit by bit. What of the mask falls outside the target is cut off; a side of
    the mask that then lies on the target's border is natural (no flux across it).
    Beyond its own border the source has no gradient.

    Args:
      source: `[hs, ws, c]` or `[hs, ws]`, sRGB in [0, 1].
      target: `[h, w, c]` or `[h, w]`, sRGB in [0, 1].
      mask: bool `[hs, ws]`, in the source's frame: True where to take from the source.
      offset: row and column of the source's corner in the target; may be negative.
      mode: `"normal"`, the source's gradients; `"mixed"`, on each edge the stronger of
        source and target, jointly over channels; `"average"`, their mean;
        `"monochrome"`, those of the source's luma; or a function of the gradients of
        (source, target), see `inr.merging`.
      linear_light: solves for linear light instead of the encoded values.
      method: preconditioner, as in `inr.poisson.solve_masked`.
      rtol: residual to reach, over the first one.
      max_steps: of conjugate gradients.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: for integers, NaN, images of different channels, a mask that is not
        boolean, does not fit the source, is empty, lies outside the target, or leaves
        no pixel of the target known.
      inr.poisson.NotConverged: where concrete arguments did not reach `rtol`.
    """
    source = _checks.as_image("source", source)
    target = _checks.as_image("target", target)
    if source.shape[-1] != target.shape[-1]:
        raise _checks.fail(
            "source", f"of {target.shape[-1]} channels", f"shape {source.shape}"
        )
    _checks.check_choice("method", method, METHODS)
    _checks.as_positive("rtol", rtol)
    offset = _as_offset(offset)
    placed = place_mask(mask, source.shape[:2], target.shape[:2], offset)
    box, method = plan(placed, method)
    dtype = jnp.result_type(source, target)
    solution = _clone(
        source.astype(dtype),
        target.astype(dtype),
        jnp.asarray(placed),
        np.asarray(offset, np.int32),
        np.asarray(box.corner, np.int32),
        jnp.asarray(rtol, dtype),
        np.int32(_checks.as_count("max_steps", max_steps)),
        size=box.size,
        guidance=as_guidance("mode", mode, _MODES),
        linear_light=linear_light,
        method=method,
    )
    raise_unless_converged(solution, rtol)
    return solution.value


def place_mask(
    mask: ArrayLike,
    source_size: tuple[int, int],
    target_size: tuple[int, int],
    offset: tuple[int, int],
) -> ArrayLike:
    """The mask in the target's frame, cut off at its border, checked.

    Args:
      mask: bool, of the source's size.
      source_size: `(hs, ws)`.
      target_size: `(h, w)`.
      offset: row and column of the source's corner in the target.

    Returns:
      bool `[h, w]`, a NumPy array if the mask is concrete.
    """
    check_mask(mask, source_size)
    xp = np if _checks.is_concrete(mask) else jnp
    mask = xp.asarray(mask)
    for axis in (0, 1):
        index = np.arange(target_size[axis]) - offset[axis]
        inside = (index >= 0) & (index < source_size[axis])
        index = np.clip(index, 0, source_size[axis] - 1)
        inside = np.expand_dims(inside, 1 - axis)
        mask = xp.take(mask, index, axis) & inside
    if _checks.is_concrete(mask):
        if not mask.any():
            raise _checks.fail(
                "offset",
                "such that the mask meets the target",
                f"{offset}: all of the mask lies outside",
            )
        check_known(mask)
    return mask


@functools.partial(
    jax.jit, static_argnames=("size", "guidance", "linear_light", "method")
)
def _clone(
    source: Array,
    target: Array,
    mask: Array,
    offset: Array,
    corner: Array,
    rtol: Array,
    max_steps: Array,
    *,
    size: tuple[int, int],
    guidance: Guidance,
    linear_light: bool,
    method: str,
) -> Solution:
    first = [*corner, jnp.int32(0)]
    known = lax.dynamic_slice(target, first, (*size, target.shape[-1]))
    unknown = lax.dynamic_slice(mask, corner, size)
    pasted = source
    for axis in (0, 1):
        index = np.arange(size[axis], dtype=np.int32) + corner[axis] - offset[axis]
        pasted = jnp.take(pasted, index, axis, mode="clip")
    pasted, known_values = (to_working(x, linear_light) for x in (pasted, known))
    gradients = jnp.stack([grid_gradient(pasted), grid_gradient(known_values)])
    field = guidance(gradients, jnp.ones((2, 1, 1, 1, 1), gradients.dtype))
    pasted = jnp.where(unknown[..., None], pasted, known_values)
    b = -grid_divergence(field - grid_gradient(pasted))
    screening = jnp.zeros((), b.dtype)
    v, residual, num_steps = correction(
        b, unknown, screening, method=method, rtol=rtol, max_steps=max_steps
    )
    solved = from_working(pasted + v, linear_light)
    value = jnp.where(unknown[..., None], solved, known)
    value = lax.dynamic_update_slice(target, value, first)
    return Solution(value, residual, num_steps)


def _as_offset(value: tuple[int, int]) -> tuple[int, int]:
    try:
        row, column = (int(x) for x in value)
    except (TypeError, ValueError):
        raise _checks.fail("offset", "(row, column)", repr(value)) from None
    return row, column
