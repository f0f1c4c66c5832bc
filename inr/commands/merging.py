"""The command that merges images, or pastes a part of one into another."""

import os
import pathlib
import time
from collections.abc import Sequence

import jax
import numpy as np

from inr import _checks
from inr.commands._shared import (
    folder_at,
    has_opacity,
    load,
    opaque,
    read_mask,
    reduced,
    report,
)
from inr.commands._sheet import write_sheet
from inr.io import write_image
from inr.merging import clone, merge as merge_images

CLONE_MODES = ("normal", "mixed", "average", "monochrome")
MERGE_MODES = ("strongest", "mean")

# The eye of scikit-image's cat, into its cup of coffee: (row, column) of the polygon.
_EYE = (
    *((112, 120), (90, 138), (78, 162), (80, 188), (94, 208), (114, 216)),
    *((136, 208), (148, 188), (152, 162), (144, 136), (130, 122)),
)
_EYE_OFFSET = (16, 118)


def merge(
    images: Sequence[str | os.PathLike] = (),
    *,
    mask: str | os.PathLike | None = None,
    polygon: Sequence[tuple[float, float]] | None = None,
    offset: tuple[int, int] = (0, 0),
    mode: str | None = None,
    resize: bool = False,
    linear_light: bool = False,
    out: str | os.PathLike = "out",
    max_side: int = 2048,
) -> list[pathlib.Path]:
    """Pastes a part of a source into a target, or merges aligned images into one.

    With a mask, from a file, a polygon, or the opacity of the first image, the two
    images are source and target; without one, all images are merged by their
    strongest gradients.

    Args:
      images: file names: source and target, or two or more to be merged; by default a
        source and a target that come with scikit-image, and a polygon.
      mask: image file of the source's size; from the source is taken where it is
        brighter than half.
      polygon: corners (row, column) in the source's pixels, in place of a mask file.
      offset: row and column of the source's corner in the target.
      mode: of pasting `"normal"`, `"mixed"`, `"average"`, `"monochrome"`; of merging
        `"strongest"`, `"mean"`.
      resize: brings images to be merged to the size of the first; else sizes that
        differ are refused.
      linear_light: works on linear light instead of the encoded values.
      out: folder for the result and the contact sheet.
      max_side: images are reduced until their longer side is no more than this; only
        where they are merged.

    Returns:
      The files written.
    """
    if len(images) == 1:
        raise _checks.fail("images", "two or more", "one")
    if not images:
        polygon, offset = _EYE, _EYE_OFFSET
        named = [load(None, bundled="chelsea"), load(None, bundled="coffee")]
    else:
        named = [load(path) for path in images]
    name = "_".join(stem for stem, _ in named[:2])
    pictures = [picture for _, picture in named]
    region = None
    if mask is not None or polygon is not None or has_opacity(pictures[0]):
        region = _region(pictures[0], mask, polygon)
    pictures = [opaque(picture) for picture in pictures]
    if region is None:
        shown = _merged(pictures, mode or "strongest", resize, linear_light, max_side)
    else:
        if len(pictures) > 2:
            raise _checks.fail("images", "a source and a target", len(pictures))
        shown = _cloned(*pictures, region, offset, mode or "normal", linear_light)
    folder = folder_at(out)
    files = [folder / f"{name}_merged.png", folder / f"{name}_sheet.png"]
    write_image(files[0], shown["result"])
    write_sheet(files[1], shown)
    return report(files)


def _merged(
    pictures: list[np.ndarray],
    mode: str,
    resize: bool,
    linear_light: bool,
    max_side: int,
) -> dict[str, np.ndarray]:
    _checks.check_choice("mode", mode, MERGE_MODES)
    first = pictures[0] = reduced(pictures[0], max_side)
    pictures = _with_channels_of(pictures)
    for i, picture in enumerate(pictures):
        if picture.shape[:2] == first.shape[:2]:
            continue
        if not resize:
            raise _checks.fail(
                f"images[{i}]",
                f"as large as the first, {first.shape[:2]}",
                f"{picture.shape[:2]}",
                "Resize it (--resize), or give a mask to paste a part of the first.",
            )
        shape = (*first.shape[:2], picture.shape[-1])
        pictures[i] = np.asarray(jax.image.resize(picture, shape, "cubic"))
    start = time.perf_counter()
    result = merge_images(pictures, guidance=mode, linear_light=linear_light)
    result.block_until_ready()
    _print_work(f"{len(pictures)} images", result.shape, mode, start)
    labeled = {f"image {i + 1}": picture for i, picture in enumerate(pictures)}
    return {**labeled, "mean": np.mean(pictures, 0), "result": result}


def _cloned(
    source: np.ndarray,
    target: np.ndarray,
    region: np.ndarray,
    offset: tuple[int, int],
    mode: str,
    linear_light: bool,
) -> dict[str, np.ndarray]:
    _checks.check_choice("mode", mode, CLONE_MODES)
    source, target = _with_channels_of([source, target])
    paste = _pasted(source, target, region, offset)
    start = time.perf_counter()
    result = clone(
        source, target, region, offset=offset, mode=mode, linear_light=linear_light
    ).block_until_ready()
    _print_work("source into target", result.shape, mode, start)
    outlined = np.where(region[..., None], source, 0.35 * source)
    return {"source": outlined, "target": target, "paste": paste, "result": result}


def _pasted(
    source: np.ndarray,
    target: np.ndarray,
    region: np.ndarray,
    offset: tuple[int, int],
) -> np.ndarray:
    """The naive paste; says so where part of the mask falls outside the target."""
    rows, columns = np.nonzero(region)
    there = rows + offset[0], columns + offset[1]
    places = zip(there, target.shape[:2], strict=True)
    inside = np.all([(p >= 0) & (p < n) for p, n in places], 0)
    if not inside.all():
        lost = inside.size - np.count_nonzero(inside)
        print(f"{lost} of {inside.size} pixels fall outside the target: cut off")
    paste = target.copy()
    paste[there[0][inside], there[1][inside]] = source[rows[inside], columns[inside]]
    return paste


def _region(
    source: np.ndarray,
    mask: str | os.PathLike | None,
    polygon: Sequence[tuple[float, float]] | None,
) -> np.ndarray:
    """Bool `[h, w]` in the source's frame."""
    size = source.shape[:2]
    if mask is not None and polygon is not None:
        raise ValueError("Give either `mask` or `polygon`, not both.")
    if polygon is not None:
        return _inside(polygon, size)
    if mask is None:
        return source[..., -1] > 0.5
    return read_mask(mask, size)


def _inside(
    polygon: Sequence[tuple[float, float]], size: tuple[int, int]
) -> np.ndarray:
    from PIL import Image, ImageDraw

    if len(polygon) < 3:
        raise _checks.fail("polygon", "at least three corners", len(polygon))
    canvas = Image.new("1", size[::-1])
    ImageDraw.Draw(canvas).polygon([(x, y) for y, x in polygon], fill=1)
    return np.asarray(canvas, bool)


def _with_channels_of(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Gray images become RGB beside RGB ones."""
    c = max(picture.shape[-1] for picture in pictures)
    return [np.broadcast_to(x, (*x.shape[:2], c)).copy() for x in pictures]


def _print_work(what: str, shape: tuple[int, ...], mode: str, start: float) -> None:
    seconds = time.perf_counter() - start
    h, w, c = shape
    print(f"{what}: {h}x{w}, {c} channels, {mode}, {seconds:.2f} s with compilation")
