"""Seamless cloning: a part of one image inside another [Perez et al. 2003]."""

import functools
import operator
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
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
    Box,
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
    dtype = jnp.result_type(source, target)
    # Outside of a transformation in NumPy, so that programs depend on the box alone.
    xp = np if _checks.is_concrete((source, target)) else jnp
    target = xp.asarray(target, dtype)
    inside = _crop(xp, target, box)
    mask = _crop(xp if isinstance(mask, np.ndarray) else jnp, mask, box)
    field, values = _guidance_in_box(
        _crop(xp, xp.asarray(source, dtype), box, offset),
        inside,
        mask,
        guidance=as_guidance("mode", mode, _MODES),
        linear_light=linear_light,
    )

    def paste(value: Array) -> Array:
        pasted = _paste(inside, mask, value, linear_light=linear_light)
        return _replace(target, pasted, box)

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


def _crop(
    xp: Any, image: Array | np.ndarray, box: Box, offset: tuple[int, int] = (0, 0)
) -> Any:
    """The box of an image at an offset from it; edges are replicated."""
    for axis in (0, 1):
        index = np.arange(box.size[axis]) + box.corner[axis] - offset[axis]
        image = xp.take(image, index.clip(0, image.shape[axis] - 1), axis)
    return image


def _replace(target: Array | np.ndarray, pasted: Array, box: Box) -> Array:
    """The target with other pixels in the box."""
    (top, left), (height, width) = box
    place = np.s_[top : top + height, left : left + width]
    if not isinstance(target, np.ndarray) or not _checks.is_concrete(pasted):
        return jnp.asarray(target).at[place].set(pasted)
    result = target.copy()
    result[place] = pasted
    return jax.device_put(result)


@functools.partial(jax.jit, static_argnames=("guidance", "linear_light"))
def _guidance_in_box(
    source: Array,
    target: Array,
    mask: Array | np.ndarray,
    *,
    guidance: Guidance,
    linear_light: bool,
) -> tuple[Array, Array]:
    """Guidance and initial values in the box of the mask, encoded or linear."""
    source, target = (to_working(x, linear_light) for x in (source, target))
    gradients = jnp.stack([grid_gradient(source), grid_gradient(target)])
    field = apply_guidance("mode", guidance, gradients)
    return field, jnp.where(mask[..., None], source, target)


@functools.partial(jax.jit, static_argnames="linear_light")
def _paste(
    target: Array | np.ndarray,
    mask: Array | np.ndarray,
    value: Array,
    *,
    linear_light: bool,
) -> Array:
    """The target with the solution at the True pixels."""
    return jnp.where(mask[..., None], from_working(value, linear_light), target)


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
