"""Seamless cloning: a part of one image inside another [Perez et al. 2003]."""

import functools
import operator
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Bool

from inr import _checks, _conversions
from inr._masks import check_mask
from inr._typing import Array, ArrayLike, ImageLike, Size
from inr.merging.guidance import (
    Guidance,
    Strongest,
    apply_guidance,
    as_guidance,
    first_gradient,
    gray_gradient,
    mean_gradient,
)
from inr.merging.images import from_working, to_working
from inr.poisson import (
    NotConverged,
    Solver,
    grid_gradient,
    integrate_masked,
    mask_box,
)

CloneMode = Literal["normal", "mixed", "average", "monochrome"]

_MODES: dict[str, Guidance] = {
    "normal": first_gradient,
    "mixed": Strongest(),
    "average": mean_gradient,
    "monochrome": gray_gradient,
}


def seamless_clone(
    source: ImageLike,
    target: ImageLike,
    mask: Bool[ArrayLike, "hs ws"],
    *,
    offset: tuple[int, int] = (0, 0),
    mode: CloneMode | Guidance = "normal",
    linear_light: bool = False,
    solver: Solver = "auto",
    rtol: float = 1e-6,
    max_steps: int = 1000,
) -> Array:
    """Paste the masked part of an image into another by its gradients.

    Inside the mask the result has the gradient nearest, in least squares, to the
    guidance, and is continuous with the target at the mask's edge. Outside the mask it
    equals the target, bit by bit. Parts of the mask outside the target are ignored; a
    side of the mask on the target's border is natural (no flux across it). The gradient
    of the source is zero beyond its border.

    Args:
      source: `[hs, ws, c]` or `[hs, ws]`, sRGB: floating in [0, 1], uint8, uint16, or a
        PIL image.
      target: `[h, w, c]` or `[h, w]`, as `source`.
      mask: bool `[hs, ws]`, in the source's frame, True where to paste.
      offset: row and column of the source's corner in the target, whole numbers; may be
        negative.
      mode: `"normal"`: gradients of the source; `"mixed"`: on each edge the stronger of
        source and target, jointly over channels; `"average"`: their mean;
        `"monochrome"`: gradients of the source's luma; or a function of the gradients
        of (source, target), see `inr.merging`.
      linear_light: solve in linear light instead of sRGB-encoded values.
      solver: preconditioner, as in `inr.poisson.solve_masked`.
      rtol: norm of the residual, relative to the first, at which to stop.
      max_steps: largest number of iterations.

    Returns:
      `[h, w, c]`, not clipped.

    Raises:
      ValueError: for other dtypes, NaN, images with different numbers of channels, an
        offset that is not two whole numbers, and a mask that is not boolean, does not
        fit the source, is empty, lies outside the target, or covers all of it.
      inr.poisson.NotConverged: if concrete arguments did not reach `rtol`.
    """
    source = _conversions.as_image("source", source)
    target = _conversions.as_image("target", target)
    if source.shape[-1] != target.shape[-1]:
        raise _checks.fail(
            "source", f"of {target.shape[-1]} channels", f"shape {source.shape}"
        )
    _checks.check_choice("solver", solver, get_args(Solver))
    _checks.check_flag("linear_light", linear_light)
    offset = as_pixel("offset", offset)
    mask = _in_target_frame(mask, source.shape[:2], target.shape[:2], offset)
    box = mask_box(mask)
    (top, left), (height, width) = box
    mask = mask[top : top + height, left : left + width]
    dtype = jnp.result_type(source, target)
    target = target.astype(dtype)
    corner = np.asarray(box.corner, np.int32)
    field, values = _guidance_in_box(
        source.astype(dtype),
        target,
        mask,
        np.asarray(offset, np.int32),
        corner,
        guidance=as_guidance("mode", mode, _MODES),
        linear_light=linear_light,
    )
    paste = functools.partial(
        _paste_box, target, mask, corner, linear_light=linear_light
    )
    try:
        solution = integrate_masked(
            field, mask, values, solver=solver, rtol=rtol, max_steps=max_steps
        )
    except NotConverged as error:
        value = paste(error.solution.value)
        raise NotConverged(str(error), error.solution._replace(value=value)) from None
    return paste(solution.value)


def _in_target_frame(
    mask: ArrayLike,
    source_size: Size,
    target_size: Size,
    offset: tuple[int, int],
) -> Array | np.ndarray:
    """The mask shifted by `offset` and cropped to the target, bool `[h, w]`.

    A NumPy array if the mask is concrete.
    """
    check_mask("mask", mask, source_size)
    xp = np if _checks.is_concrete(mask) else jnp
    mask = xp.asarray(mask)
    for axis in (0, 1):
        index = np.arange(target_size[axis]) - offset[axis]
        is_inside = (index >= 0) & (index < source_size[axis])
        index = np.clip(index, 0, source_size[axis] - 1)
        mask = xp.take(mask, index, axis) & np.expand_dims(is_inside, 1 - axis)
    if _checks.is_concrete(mask) and not mask.any():
        raise _checks.fail(
            "offset",
            "such that the mask overlaps the target",
            f"{offset}: all of the mask lies outside",
        )
    return mask


@functools.partial(jax.jit, static_argnames=("guidance", "linear_light"))
def _guidance_in_box(
    source: Array,
    target: Array,
    mask: Array | np.ndarray,
    offset: Array | np.ndarray,
    corner: Array,
    *,
    guidance: Guidance,
    linear_light: bool,
) -> tuple[Array, Array]:
    """Guidance and initial values in the box of the mask, encoded or linear."""
    size = mask.shape
    for axis in (0, 1):
        index = np.arange(size[axis], dtype=np.int32) + corner[axis] - offset[axis]
        source = jnp.take(source, index, axis, mode="clip")
    target = lax.dynamic_slice(
        target, [*corner, jnp.int32(0)], (*size, target.shape[-1])
    )
    source, target = (to_working(x, linear_light) for x in (source, target))
    gradients = jnp.stack([grid_gradient(source), grid_gradient(target)])
    field = apply_guidance("mode", guidance, gradients)
    return field, jnp.where(mask[..., None], source, target)


@functools.partial(jax.jit, static_argnames="linear_light")
def _paste_box(
    target: Array, mask: Array, corner: Array, value: Array, *, linear_light: bool
) -> Array:
    """The target with the solution at the True pixels of the box."""
    start = [*corner, jnp.int32(0)]
    inside = lax.dynamic_slice(target, start, value.shape)
    inside = jnp.where(mask[..., None], from_working(value, linear_light), inside)
    return lax.dynamic_update_slice(target, inside, start)


def as_pixel(argument: str, value: tuple[int, int]) -> tuple[int, int]:
    """Two whole numbers; floats and booleans are refused."""
    try:
        row, column = value
        if isinstance(row, bool) or isinstance(column, bool):
            raise TypeError
        return operator.index(row), operator.index(column)
    except (TypeError, ValueError):
        expected = "(row, column), two whole numbers"
        raise _checks.fail(argument, expected, repr(value)) from None
