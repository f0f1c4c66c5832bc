"""A command that compares the results of several restorers on one image."""

import argparse
import functools
import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from inr import _checks
from inr._typing import Field, Region, Size
from inr.color import rgb_to_luma
from inr.colorization import colorization_field
from inr.commands._batches import report, single_source
from inr.commands._options import add_console, add_output
from inr.commands._outputs import Outputs, as_outputs
from inr.commands._shared import (
    PORTRAIT,
    read_picture,
    size_within,
    without_alpha,
)
from inr.coords import sample_grid
from inr.metrics import find_regions
from inr.rendering import render
from inr.training import reduce_images

_ALL: Region = ((0.0, 0.0), (1.0, 1.0))
_CLOSE_UP: Region = ((0.2, 0.2), (0.4, 0.6))


def add_compare_restorers(parser: argparse.ArgumentParser) -> None:
    """Add the options of `compare-restorers`."""
    parser.set_defaults(run=compare_restorers)
    parser.add_argument(
        "models",
        nargs="*",
        default=["portraits", "photos_restorer"],
        help="names of pretrained weights, or files (default: portraits "
        "photos_restorer)",
    )
    parser.add_argument(
        "--image", metavar="FILE", help="(default: the head of a bundled photograph)"
    )
    parser.add_argument(
        "--side",
        type=int,
        default=64,
        metavar="PIXELS",
        help="longer side to which the input is reduced (default: %(default)s)",
    )
    parser.add_argument(
        "--size",
        type=int,
        default=512,
        metavar="PIXELS",
        help="longer side of each rendering (default: %(default)s)",
    )
    add_output(parser, main="the sheet", pictures=False)
    add_console(parser, {"size": 128})


def compare_restorers(
    models: Sequence[str | os.PathLike] = ("portraits", "photos_restorer"),
    *,
    image: str | os.PathLike | None = None,
    side: int = 64,
    size: int = 512,
    num_regions: int = 2,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Render one small gray image by several models, as a whole and in close-ups.

    Each row of the sheet is a view: the whole image; its rows .2 to .4 and columns .2
    to .6; and the regions of the greatest differences (`inr.metrics.find_regions`).
    The columns are bicubic interpolation, the models, and the original.

    Args:
      models: names of pretrained models, or files of weights.
      image: file name; by default the head of a bundled photograph.
      side: longer side of the input, to which the gray image is reduced.
      size: longer side of each rendering.
      num_regions: number of regions to find.
      output: where to write the sheet.

    Returns:
      The files written.

    Raises:
      ValueError: if two models have the same name, or a number is below 1.
    """
    side, size = _checks.as_count("side", side), _checks.as_count("size", size)
    source = single_source("image", image, sample=PORTRAIT)
    files = as_outputs(output).claim(f"{source.name}_restorers", "")
    original = without_alpha(read_picture(source).image)
    gray = rgb_to_luma(original) if original.shape[-1] == 3 else original
    reduced = np.asarray(reduce_images(gray, size_within(side, gray.shape)))
    restored = {
        _label(model): colorization_field(reduced, model=model, detail=None)
        for model in models
    }
    if len(restored) < len(models):
        raise _checks.fail("models", "different models", f"{list(map(str, models))}")
    fields = {
        "bicubic": _interpolated(reduced),
        **restored,
        "original": _interpolated(original),
    }
    view = functools.partial(_view, fields, gray.shape[:2], size)
    panels = view(_ALL)
    # Several models are compared with each other, one with the original.
    labels = list(restored) if len(models) > 1 else [*restored, "original"]
    regions = _find_regions([panels[label] for label in labels], num_regions)
    for region in (_CLOSE_UP, *regions):
        (top, left), (bottom, right) = region
        text = f"{top:.2f}-{bottom:.2f}, {left:.2f}-{right:.2f}"
        panels |= {f"{label} {text}": x for label, x in view(region).items()}
    files.write_sheet("", panels, columns=len(fields))
    return report(files)


def _view(
    fields: Mapping[str, Field], shape: Size, size: int, region: Region
) -> dict[str, np.ndarray]:
    """Renderings of a region of an image of this shape, the longer side `size`."""
    start, stop = region
    sides = [(b - a) * n for a, b, n in zip(start, stop, shape, strict=True)]
    view_size = tuple(max(round(n * size / max(sides)), 1) for n in sides)
    return {
        label: np.clip(render(field, view_size, region=region, progress=False), 0, 1)
        for label, field in fields.items()
    }


def _find_regions(images: Sequence[np.ndarray], num_regions: int) -> list[Region]:
    """Where the images differ most; gray ones are broadcast to RGB."""
    h, w, _ = images[0].shape
    rgb = [np.broadcast_to(image, (h, w, 3)) for image in images]
    return find_regions(rgb, side=max(min(h, w) // 5, 1), num_regions=num_regions)


def _label(model: str | os.PathLike) -> str:
    """Name of a model with its folder: trainings give their files the same name."""
    return "/".join(pathlib.Path(model).with_suffix("").parts[-2:])


def _interpolated(image: np.ndarray) -> Field:
    """Bicubic interpolation of an image, as a field."""
    return functools.partial(sample_grid, image, interpolation="cubic")
