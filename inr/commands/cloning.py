"""The command that pastes a part of an image into another without a seam."""

import argparse
import os
import pathlib
import time
from collections.abc import Sequence
from typing import get_args

import numpy as np

from inr import _checks
from inr.commands._batches import list_sources, report
from inr.commands._options import add_console, add_output
from inr.commands._outputs import Outputs, as_outputs
from inr.commands._shared import (
    has_alpha,
    match_channels,
    photograph,
    read_mask,
    read_picture,
    without_alpha,
)
from inr.merging import CloneMode, seamless_clone as clone_image

# Polygon (row, column) around an eye of scikit-image's cat, for its cup of coffee.
_EYE = (
    *((112, 120), (90, 138), (78, 162), (80, 188), (94, 208), (114, 216)),
    *((136, 208), (148, 188), (152, 162), (144, 136), (130, 122)),
)
_EYE_OFFSET = (16, 118)


def add_seamless_clone(parser: argparse.ArgumentParser) -> None:
    """Add the options of `seamless-clone`."""
    parser.set_defaults(run=seamless_clone)
    parser.add_argument(
        "source",
        nargs="?",
        help="file of the image to paste (default: a photograph from scikit-image)",
    )
    parser.add_argument(
        "target",
        nargs="?",
        help="file of the image to paste into (default: another photograph)",
    )
    parser.add_argument(
        "--mask",
        metavar="FILE",
        help="image of the source's size, bright where the source is pasted (default: "
        "the opaque pixels of a source with alpha)",
    )
    parser.add_argument(
        "--polygon",
        type=_corner,
        nargs="+",
        metavar="ROW,COLUMN",
        help="three or more corners in the source, in pixels, instead of a mask "
        "(default: none)",
    )
    parser.add_argument(
        "--offset",
        type=int,
        nargs=2,
        metavar=("Y", "X"),
        help="row and column of the source's top left corner in the target; may be "
        "negative (default: 0 0)",
    )
    parser.add_argument(
        "--mode",
        choices=get_args(CloneMode),
        default="normal",
        help="gradients of the result. normal: the source's; mixed: the stronger of "
        "both, for holes and transparent objects; average: their mean; monochrome: the "
        "source's without color (default: %(default)s)",
    )
    parser.add_argument(
        "--linear-light",
        action="store_true",
        help="solve in linear intensities (default: in sRGB values)",
    )
    parser.add_argument(
        "--rtol",
        type=float,
        default=1e-6,
        help="residual, relative to the first, at which the solver stops (default: "
        "%(default)g)",
    )
    add_output(parser)
    add_console(parser, {"rtol": 1e-3})


def seamless_clone(
    source: str | os.PathLike | None = None,
    target: str | os.PathLike | None = None,
    *,
    mask: str | os.PathLike | None = None,
    polygon: Sequence[tuple[float, float]] | None = None,
    offset: tuple[int, int] = (0, 0),
    mode: CloneMode = "normal",
    linear_light: bool = False,
    rtol: float = 1e-6,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Paste a part of a source into a target, without a seam.

    Args:
      source: image file; None, with `target` None, for photographs from scikit-image.
      target: image file. Its metadata are those of the result.
      mask: image file of the source's size; pixels brighter than 0.5 are pasted. None
        for `polygon`, or the opaque pixels of a source with alpha.
      polygon: corners (row, column) in the source's pixels, instead of a mask file.
      offset: row and column of the source's corner in the target.
      mode: as in `inr.seamless_clone`.
      linear_light: work in linear light instead of sRGB-encoded values.
      rtol: as in `inr.seamless_clone`.
      output: where to write the result and the contact sheet.

    Returns:
      The files written.
    """
    _checks.check_choice("mode", mode, get_args(CloneMode))
    if source is None:
        polygon, offset = _EYE, _EYE_OFFSET
        name, metadata = "chelsea_coffee", None
        source_image, target_image = photograph("chelsea"), photograph("coffee")
    elif target is None:
        fix = "Give SOURCE and TARGET. `inr merge` merges images of one view."
        raise _checks.fail("target", "an image file", "none", fix)
    else:
        inputs = list_sources("source", source) + list_sources("target", target)
        if len(inputs) != 2:
            raise _checks.fail("source", "one image, not a folder", str(source))
        name = "_".join(x.name for x in inputs)
        (source_image, _), (target_image, metadata) = map(read_picture, inputs)
    files = as_outputs(output).claim(f"{name}_{mode}", "", "_sheet")
    region = _read_region(source_image, mask, polygon)
    images = [without_alpha(x) for x in (source_image, target_image)]
    source_image, target_image = match_channels(images)
    plain_paste = _plain_paste(source_image, target_image, region, offset)
    start = time.perf_counter()
    options = {"offset": offset, "mode": mode, "linear_light": linear_light}
    result = clone_image(source_image, target_image, region, rtol=rtol, **options)
    result.block_until_ready()
    seconds = time.perf_counter() - start
    h, w, c = result.shape
    print(f"{name}: {h}x{w}, {c} channels, {mode}, {seconds:.2f} s with compilation")
    panels = {
        "source": np.where(region[..., None], source_image, 0.35 * source_image),
        "target": target_image,
        "paste": plain_paste,
        "result": np.asarray(result),
    }
    files.write_image("", panels["result"], metadata)
    files.write_sheet("_sheet", panels)
    return report(files)


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
    if mask is not None:
        return read_mask(mask, size)
    if not has_alpha(source):
        fix = "Add --mask or --polygon."
        raise _checks.fail("mask", "given for a source without alpha", "none", fix)
    return source[..., -1] > 0.5


def _polygon_mask(
    polygon: Sequence[tuple[float, float]], size: tuple[int, int]
) -> np.ndarray:
    from PIL import Image, ImageDraw

    if len(polygon) < 3:
        raise _checks.fail("polygon", "at least three corners", len(polygon))
    canvas = Image.new("1", (size[1], size[0]))
    ImageDraw.Draw(canvas).polygon([(x, y) for y, x in polygon], fill=1)
    return np.asarray(canvas, bool)


def _corner(text: str) -> tuple[float, float]:
    row, column = (float(x) for x in text.split(","))
    return row, column
