"""OpenCV's seamlessClone, step by step, for results that must match its own.

It differs from Poisson image editing as published, and from `clone`: it solves on the
mask's whole bounding box, so that pixels of the box outside the mask change; it takes
the source's gradients only where the mask survives three erosions; its mixed mode
compares the difference of both components of the gradient; and it truncates to 8 bits.
"""

import numpy as np

from inr import _checks
from inr._typing import ArrayLike
from inr.poisson import solve

_MODES = ("normal", "mixed", "monochrome")


def clone_opencv(
    source: ArrayLike,
    target: ArrayLike,
    mask: ArrayLike,
    center: tuple[int, int],
    *,
    mode: str = "normal",
) -> np.ndarray:
    """What `cv2.seamlessClone` gives, to within a level [OpenCV 5.0, photo module].

    Args:
      source: uint8 `[hs, ws, 3]`.
      target: uint8 `[h, w, 3]`.
      mask: bool `[hs, ws]`, True where to take from the source; its outermost frame of
        one pixel is not used.
      center: row and column, in the target, of the center of the mask's bounding box;
        OpenCV's own argument is (column, row).
      mode: `"normal"`, `"mixed"` or `"monochrome"`.

    Returns:
      uint8 `[h, w, 3]`.

    Raises:
      ValueError: for images that are not uint8 `[h, w, 3]`, a mask that is not boolean,
        does not fit or is empty inside its frame, and a box outside the target.
    """
    _checks.check_choice("mode", mode, _MODES)
    source, target, mask = (np.asarray(x) for x in (source, target, mask))
    for name, image in (("source", source), ("target", target)):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
            got = f"{image.dtype} of shape {image.shape}"
            raise _checks.fail(name, "uint8 [h, w, 3]", got, "For floats use `clone`.")
    if mask.dtype != np.bool_ or mask.shape != source.shape[:2]:
        expected = f"a bool array of shape {source.shape[:2]}"
        raise _checks.fail("mask", expected, f"{mask.dtype} of shape {mask.shape}")
    framed = np.zeros_like(mask)
    framed[1:-1, 1:-1] = mask[1:-1, 1:-1]
    if not framed.any():
        raise _checks.fail("mask", "True inside its outermost frame", "an empty mask")
    box = tuple(_extent(framed.any(axis)) for axis in (1, 0))
    size = [b.stop - b.start for b in box]
    corner = [c - n // 2 for c, n in zip(center, size, strict=True)]
    place = tuple(slice(c, c + n) for c, n in zip(corner, size, strict=True))
    inside = zip(place, target.shape[:2], strict=True)
    if any(p.start < 0 or p.stop > n for p, n in inside):
        raise _checks.fail("center", "such that the box fits the target", center)

    known = target[place].astype(np.float32)
    pasted = (source * framed[..., None])[box].astype(np.float32)
    eroded = _eroded(framed)[box][..., None]
    field = np.where(eroded, _source_gradient(pasted, known, mode), _gradient(known))
    rhs = _divergence(field)[1:-1, 1:-1]
    solved = np.asarray(solve(rhs, boundary="dirichlet", boundary_values=known))
    result = target.copy()
    inner = tuple(slice(p.start + 1, p.stop - 1) for p in place)
    result[inner] = np.clip(solved, 0, 255).astype(np.uint8)
    return result


def _source_gradient(pasted: np.ndarray, known: np.ndarray, mode: str) -> np.ndarray:
    if mode == "monochrome":
        # OpenCV's RGB weights on what it takes for BGR, rounded to 8 bits.
        gray = np.rint(pasted @ np.array([0.114, 0.587, 0.299], np.float32))
        pasted = np.broadcast_to(gray[..., None], pasted.shape)
    gradient = _gradient(pasted)
    if mode != "mixed":
        return gradient
    other = _gradient(known)
    spread, other_spread = (np.abs(g[0] - g[1]) for g in (gradient, other))
    return np.where(spread > other_spread, gradient, other)


def _gradient(image: np.ndarray) -> np.ndarray:
    """Forward differences along x and y, `[2, h, w, c]`; zero after the last pixel."""
    x = np.diff(image, axis=1, append=image[:, -1:])
    return np.stack([x, np.diff(image, axis=0, append=image[-1:])])


def _divergence(field: np.ndarray) -> np.ndarray:
    x, y = field
    return np.diff(x, axis=1, prepend=0) + np.diff(y, axis=0, prepend=0)


def _eroded(mask: np.ndarray) -> np.ndarray:
    """Three erosions with a 3x3 square; beyond the image counts as True."""
    h, w = mask.shape
    padded = np.pad(mask, 3, constant_values=True)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7))
    return windows.all((2, 3)).reshape(h, w)


def _extent(used: np.ndarray) -> slice:
    (index,) = np.nonzero(used)
    return slice(int(index[0]), int(index[-1]) + 1)
