"""OpenCV's seamlessClone, for results that must match OpenCV's.

It differs from Poisson image editing as published, and from `seamless_clone`: it solves
on the bounding box of the mask, so that pixels outside the mask change; it takes the
source's gradients only inside the mask after three erosions; its mixed mode compares
the difference of both components of the gradient; and it truncates to 8 bits.
"""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, UInt8

from inr import _checks
from inr._typing import ArrayLike
from inr.merging.cloning import as_pixel
from inr.poisson import solve

_Mode = Literal["normal", "mixed", "monochrome"]


def seamless_clone_opencv(
    source: UInt8[ArrayLike, "hs ws 3"],
    target: UInt8[ArrayLike, "h w 3"],
    mask: Bool[ArrayLike, "hs ws"],
    center: tuple[int, int],
    *,
    mode: _Mode = "normal",
) -> np.ndarray:
    """Equal to `cv2.seamlessClone`, to within one level [OpenCV 5.0, photo module].

    Args:
      source: uint8 `[hs, ws, 3]`.
      target: uint8 `[h, w, 3]`.
      mask: bool `[hs, ws]`, True where to paste; the outermost row or column on each
        side is ignored.
      center: row and column, in the target, of the center of the mask's bounding box.
        OpenCV's argument is (column, row).
      mode: `"normal"`, `"mixed"` or `"monochrome"`.

    Returns:
      uint8 `[h, w, 3]`.

    Raises:
      ValueError: for images that are not uint8 `[h, w, 3]`, a mask that is not boolean,
        does not fit or has no True pixel except on its border, and a box that does not
        fit into the target.
    """
    _checks.check_choice("mode", mode, get_args(_Mode))
    source, target, mask = (np.asarray(x) for x in (source, target, mask))
    for name, image in (("source", source), ("target", target)):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
            got = f"{image.dtype} of shape {image.shape}"
            fix = "For floats use `seamless_clone`."
            raise _checks.fail(name, "uint8 [h, w, 3]", got, fix)
    if mask.dtype != np.bool_ or mask.shape != source.shape[:2]:
        expected = f"a bool array of shape {source.shape[:2]}"
        raise _checks.fail("mask", expected, f"{mask.dtype} of shape {mask.shape}")
    inner_mask = np.zeros_like(mask)
    inner_mask[1:-1, 1:-1] = mask[1:-1, 1:-1]
    if not inner_mask.any():
        raise _checks.fail("mask", "True except on its border", "an empty mask")
    source_box = tuple(_extent(np.flatnonzero(inner_mask.any(axis))) for axis in (1, 0))
    size = [b.stop - b.start for b in source_box]
    center = as_pixel("center", center)
    corner = [c - n // 2 for c, n in zip(center, size, strict=True)]
    box = tuple(slice(c, c + n) for c, n in zip(corner, size, strict=True))
    sides = zip(box, target.shape[:2], strict=True)
    if any(side.start < 0 or side.stop > n for side, n in sides):
        raise _checks.fail("center", "such that the box fits into the target", center)

    behind = target[box].astype(np.float32)
    front = (source * inner_mask[..., None])[source_box].astype(np.float32)
    eroded_mask = _erode(inner_mask)[source_box][..., None]
    guidance = _source_gradient(front, behind, mode)
    guidance = np.where(eroded_mask, guidance, _gradient(behind))
    rhs = _divergence(guidance)[1:-1, 1:-1]
    values = np.asarray(solve(rhs, boundary="dirichlet", boundary_values=behind))
    result = target.copy()
    inner_box = tuple(slice(side.start + 1, side.stop - 1) for side in box)
    result[inner_box] = np.clip(values, 0, 255).astype(np.uint8)
    return result


def _source_gradient(source: np.ndarray, target: np.ndarray, mode: _Mode) -> np.ndarray:
    if mode == "monochrome":
        # OpenCV applies RGB weights to BGR values, and rounds to 8 bits.
        gray = np.rint(source @ np.array([0.114, 0.587, 0.299], np.float32))
        source = np.broadcast_to(gray[..., None], source.shape)
    gradient = _gradient(source)
    if mode != "mixed":
        return gradient
    target_gradient = _gradient(target)
    spread, target_spread = (np.abs(g[0] - g[1]) for g in (gradient, target_gradient))
    return np.where(spread > target_spread, gradient, target_gradient)


def _gradient(image: np.ndarray) -> np.ndarray:
    """Forward differences along x and y, `[2, h, w, c]`; zero after the last pixel."""
    x = np.diff(image, axis=1, append=image[:, -1:])
    return np.stack([x, np.diff(image, axis=0, append=image[-1:])])


def _divergence(field: np.ndarray) -> np.ndarray:
    x, y = field
    return np.diff(x, axis=1, prepend=0) + np.diff(y, axis=0, prepend=0)


def _erode(mask: np.ndarray) -> np.ndarray:
    """Three erosions with a 3x3 square; pixels beyond the border count as True."""
    h, w = mask.shape
    padded = np.pad(mask, 3, constant_values=True)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7))
    return windows.all((2, 3)).reshape(h, w)


def _extent(index: np.ndarray) -> slice:
    return slice(int(index[0]), int(index[-1]) + 1)
