"""The command `merge`: merge images, or paste a part of one into another."""

import os
import pathlib
import time
from collections.abc import Sequence
from typing import cast, get_args

import jax
import numpy as np

from inr import _checks
from inr.commands._shared import (
    has_alpha,
    load,
    output_folder,
    read_mask,
    reduce_to,
    report,
    without_alpha,
)
from inr.commands._sheet import write_sheet
from inr.io import write_image
from inr.merging import CloneMode, MergeMode, merge as merge_images, seamless_clone

CLONE_MODES: tuple[str, ...] = get_args(CloneMode)
MERGE_MODES: tuple[str, ...] = get_args(MergeMode)

# Polygon (row, column) around an eye of scikit-image's cat, for its cup of coffee.
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
    """Paste a part of a source into a target, or merge aligned images.

    With a mask, which is a file, a polygon, or the opacity of the first image, the two
    images are source and target. Without a mask, all images are merged by their
    gradients.

    Args:
      images: file names: source and target, or two or more images to merge; by default
        a source, a target and a polygon from scikit-image's photos.
      mask: image file of the source's size; pixels brighter than 0.5 are pasted.
      polygon: corners (row, column) in the source's pixels, instead of a mask file.
      offset: row and column of the source's corner in the target.
      mode: `"normal"`, `"mixed"`, `"average"` or `"monochrome"` with a mask;
        `"strongest"` or `"mean"` without one.
      resize: resize images to the size of the first before merging; without it, images
        of different sizes are refused.
      linear_light: work in linear light instead of sRGB-encoded values.
      out: folder for the result and the contact sheet.
      max_side: reduce larger images, before merging, to this longer side in pixels.

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
    if mask is not None or polygon is not None or has_alpha(pictures[0]):
        region = _read_region(pictures[0], mask, polygon)
    pictures = [without_alpha(picture) for picture in pictures]
    if region is None:
        panels = _merge(pictures, mode or "strongest", resize, linear_light, max_side)
    else:
        if len(pictures) > 2:
            raise _checks.fail("images", "a source and a target", len(pictures))
        source, target = pictures
        panels = _clone(source, target, region, offset, mode or "normal", linear_light)
    folder = output_folder(out)
    files = [folder / f"{name}_merged.png", folder / f"{name}_sheet.png"]
    write_image(files[0], np.clip(panels["result"], 0, 1))
    write_sheet(files[1], panels)
    return report(files)


def _merge(
    pictures: list[np.ndarray],
    mode: str,
    resize: bool,
    linear_light: bool,
    max_side: int,
) -> dict[str, np.ndarray]:
    """Panels of the contact sheet by title, among them "result"."""
    _checks.check_choice("mode", mode, MERGE_MODES)
    first = pictures[0] = reduce_to(pictures[0], max_side)
    pictures = _match_channels(pictures)
    for i, picture in enumerate(pictures):
        if picture.shape[:2] == first.shape[:2]:
            continue
        if not resize:
            raise _checks.fail(
                f"images[{i}]",
                f"as large as the first, {first.shape[:2]}",
                f"{picture.shape[:2]}",
                "Add --resize, or a mask to paste a part of the first image.",
            )
        shape = (*first.shape[:2], picture.shape[-1])
        pictures[i] = np.asarray(jax.image.resize(picture, shape, "cubic"))
    start = time.perf_counter()
    guidance = cast(MergeMode, mode)
    result = merge_images(pictures, guidance=guidance, linear_light=linear_light)
    result.block_until_ready()
    _print_summary(f"{len(pictures)} images", result.shape, mode, start)
    inputs = {f"image {i + 1}": picture for i, picture in enumerate(pictures)}
    return {**inputs, "mean": np.mean(pictures, 0), "result": np.asarray(result)}


def _clone(
    source: np.ndarray,
    target: np.ndarray,
    region: np.ndarray,
    offset: tuple[int, int],
    mode: str,
    linear_light: bool,
) -> dict[str, np.ndarray]:
    """Panels of the contact sheet by title, among them "result"."""
    _checks.check_choice("mode", mode, CLONE_MODES)
    source, target = _match_channels([source, target])
    plain_paste = _plain_paste(source, target, region, offset)
    start = time.perf_counter()
    result = seamless_clone(
        source,
        target,
        region,
        offset=offset,
        mode=cast(CloneMode, mode),
        linear_light=linear_light,
    )
    result.block_until_ready()
    _print_summary("source into target", result.shape, mode, start)
    return {
        "source": np.where(region[..., None], source, 0.35 * source),
        "target": target,
        "paste": plain_paste,
        "result": np.asarray(result),
    }


def _plain_paste(
    source: np.ndarray,
    target: np.ndarray,
    region: np.ndarray,
    offset: tuple[int, int],
) -> np.ndarray:
    """Copy the region without blending; print how much falls outside the target."""
    rows, columns = np.nonzero(region)
    target_rows, target_columns = rows + offset[0], columns + offset[1]
    height, width = target.shape[:2]
    inside = (target_rows >= 0) & (target_rows < height)
    inside &= (target_columns >= 0) & (target_columns < width)
    if not inside.all():
        num_outside = inside.size - np.count_nonzero(inside)
        print(f"{num_outside} of {inside.size} pixels fall outside the target: cut off")
    paste = target.copy()
    pixels = source[rows[inside], columns[inside]]
    paste[target_rows[inside], target_columns[inside]] = pixels
    return paste


def _read_region(
    source: np.ndarray,
    mask: str | os.PathLike | None,
    polygon: Sequence[tuple[float, float]] | None,
) -> np.ndarray:
    """Bool `[h, w]` in the source's frame."""
    size = source.shape[:2]
    if mask is not None and polygon is not None:
        raise ValueError("Give either `mask` or `polygon`, not both.")
    if polygon is not None:
        return _polygon_mask(polygon, size)
    if mask is None:
        return source[..., -1] > 0.5
    return read_mask(mask, size)


def _polygon_mask(
    polygon: Sequence[tuple[float, float]], size: tuple[int, int]
) -> np.ndarray:
    from PIL import Image, ImageDraw

    if len(polygon) < 3:
        raise _checks.fail("polygon", "at least three corners", len(polygon))
    canvas = Image.new("1", (size[1], size[0]))
    ImageDraw.Draw(canvas).polygon([(x, y) for y, x in polygon], fill=1)
    return np.asarray(canvas, bool)


def _match_channels(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Repeat the channel of gray images if others are RGB."""
    c = max(picture.shape[-1] for picture in pictures)
    return [np.broadcast_to(x, (*x.shape[:2], c)).copy() for x in pictures]


def _print_summary(title: str, shape: tuple[int, ...], mode: str, start: float) -> None:
    seconds = time.perf_counter() - start
    h, w, c = shape
    print(f"{title}: {h}x{w}, {c} channels, {mode}, {seconds:.2f} s with compilation")
