"""A command that shows what several restorers make of one image."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from inr import _checks
from inr._typing import Field, Region
from inr.color import rgb_to_luma
from inr.commands._shared import folder_at, head_or, opaque, report, within
from inr.commands._sheet import write_sheet
from inr.coords import sample_grid
from inr.metrics import find_regions
from inr.rendering import render
from inr.restoration import bind_restorer
from inr.training import reduce_images

LOCAL = ((0.2, 0.2), (0.4, 0.6))


def compare_restorers(
    models: Sequence[str | os.PathLike] = ("portraits", "photos"),
    *,
    image: str | os.PathLike | None = None,
    side: int = 64,
    size: int = 512,
    num_regions: int = 2,
    out: str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Renders one small gray image by several models: whole, and close by.

    Each row of the sheet is a view: all of the image, its rows .2 to .4 and columns .2
    to .6, and where the renderings differ most (`inr.metrics.find_regions`). Each
    column is a model, between bicubic interpolation and the image itself.

    Args:
      models: names of shipped weights, or files of weights.
      image: file name; by default the head of a bundled photograph.
      side: the image is made gray and reduced until its longer side is this.
      size: longer side of each rendering.
      num_regions: how many regions to look for.
      out: folder for the sheet.

    Returns:
      The files written.
    """
    side, size = (_checks.as_count(k, v) for k, v in (("side", side), ("size", size)))
    name, picture = head_or(image)
    picture = opaque(picture)
    gray = rgb_to_luma(picture) if picture.shape[-1] == 3 else picture
    small = np.asarray(reduce_images(gray, within(side, gray.shape)))
    fields = {_label(m): bind_restorer(small, model=m, detail=None) for m in models}
    if len(fields) < len(models):
        raise _checks.fail("models", "different ones", f"{list(map(str, models))}")
    fields = {"bicubic": _sampled(small), **fields, "original": _sampled(picture)}

    def view(region: Region) -> dict[str, np.ndarray]:
        start, stop = region
        sides = [(b - a) * n for a, b, n in zip(start, stop, gray.shape, strict=False)]
        shape = tuple(max(round(n * size / max(sides)), 1) for n in sides)
        return {
            label: np.clip(render(field, shape, region=region, progress=False), 0, 1)
            for label, field in fields.items()
        }

    whole = view(((0.0, 0.0), (1.0, 1.0)))
    # One model is compared with the original, several with each other.
    labels = list(fields)[1:-1] if len(models) > 1 else list(fields)[1:]
    shape = (*whole["bicubic"].shape[:2], 3)
    regions = find_regions(
        [np.broadcast_to(whole[label], shape) for label in labels],
        side=max(min(shape[:2]) // 5, 1),
        num_regions=num_regions,
    )
    panels = dict(whole)
    for region in (LOCAL, *regions):
        (top, left), (bottom, right) = region
        text = f"{top:.2f}-{bottom:.2f}, {left:.2f}-{right:.2f}"
        panels.update((f"{label} {text}", x) for label, x in view(region).items())
    file = folder_at(out) / f"{name}_restorers.png"
    write_sheet(file, panels, columns=len(fields))
    return report([file])


def _label(model: str | os.PathLike) -> str:
    """Short, with the folder: trainings give their files the same name."""
    return "/".join(pathlib.Path(model).with_suffix("").parts[-2:])


def _sampled(image: np.ndarray) -> Field:
    """An image as a field."""
    return lambda coords: sample_grid(image, coords, interpolation="cubic")
