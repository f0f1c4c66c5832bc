"""A command that holds an image as a field."""

import os
import pathlib

import numpy as np

from inr import _checks
from inr._typing import Region
from inr.commands._shared import (
    fitted,
    folder_at,
    load,
    reduced,
    report,
    ssim_text,
)
from inr.commands._sheet import write_sheet
from inr.fields import Siren, save_field
from inr.io import write_image
from inr.metrics import psnr
from inr.rendering import render


def fit(
    image: str | os.PathLike | None = None,
    *,
    out: str | os.PathLike = "out",
    num_steps: int = 500,
    width: int = 256,
    max_side: int = 256,
    size: tuple[int, int] | None = None,
    region: Region | None = None,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Holds an image as a SIREN, keeps the field in a file and renders it.

    Args:
      image: file name; by default a bundled photograph.
      out: folder for the field, the render and the contact sheet.
      num_steps: steps of the fit.
      width: hidden units of the SIREN.
      max_side: the image is reduced until its longer side is no more than this.
      size: of the render, `(h, w)`; by default as long as the fitted image.
      region: part of the image to render.
      seed: of the initialization.

    Returns:
      The files written.
    """
    name, picture = load(image)
    picture = reduced(picture, max_side)
    h, w, c = picture.shape
    print(f"{name}: {h}x{w}, {c} channels, held by a SIREN {width}x3")
    model = Siren(features=c, width=width, depth=3)
    field = fitted(picture, model, num_steps, seed)
    held = np.clip(render(field, (h, w)), 0, 1)
    print(f"PSNR {float(psnr(held, picture)):.2f} dB, SSIM {ssim_text(held, picture)}")
    shown = render(field, size or _size_of(region, (h, w)), region=region)
    folder = folder_at(out)
    files = [folder / f"{name}_{end}" for end in _FIT_FILES]
    save_field(files[0], field, size=(h, w))
    write_image(files[1], shown)
    difference = 0.5 + 10 * (held - picture)
    write_sheet(
        files[2],
        {"image": picture, "field": held, "10 x difference": difference[..., :3]},
    )
    return report(files)


_FIT_FILES = ("field.safetensors", "render.png", "sheet.png")


def _size_of(region: Region | None, size: tuple[int, int]) -> tuple[int, int]:
    """Square pixels for a close-up, its longer side as long as the image's."""
    if region is None:
        return size
    start, stop = _checks.as_region("region", region, 2)
    sides = [(b - a) * n for a, b, n in zip(start, stop, size, strict=True)]
    h, w = (max(round(s * max(size) / max(sides)), 1) for s in sides)
    return h, w
