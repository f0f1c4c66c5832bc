"""The command that fits a field to an image."""

import os
import pathlib

import jax
import numpy as np

from inr import _checks
from inr._typing import Region
from inr.commands._shared import (
    load,
    output_folder,
    reduce_to,
    report,
    ssim_text,
    timed_fit,
)
from inr.commands._sheet import write_sheet
from inr.fields import Siren, save_field
from inr.fitting import fit_image
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
    """Fit a SIREN to an image, save the field, and render it.

    Args:
      image: file name; None for a bundled photograph.
      out: folder for the field, the rendering and the contact sheet.
      num_steps: number of fitting steps.
      width: hidden units of the SIREN.
      max_side: the image is reduced to a longer side of at most this.
      size: of the rendering, `(h, w)`; None for the size of the fitted image.
      region: part of the image to render.
      seed: seed of the initialization.

    Returns:
      The files written.
    """
    name, target = load(image)
    target = reduce_to(target, max_side)
    h, w, c = target.shape
    print(f"{name}: {h}x{w}, {c} channels, SIREN {width}x3")
    model = Siren(features=c, width=width, depth=3)
    key = jax.random.key(seed)
    result = timed_fit(fit_image, key, target, model=model, num_steps=num_steps)
    field = result.field
    prediction = np.clip(render(field, (h, w)), 0, 1)
    scores = f"{float(psnr(prediction, target)):.2f} dB"
    print(f"PSNR {scores}, SSIM {ssim_text(prediction, target)}")
    rendering = render(field, size or _size_of(region, (h, w)), region=region)
    folder = output_folder(out)
    files = [folder / f"{name}_{end}" for end in _FILES]
    save_field(files[0], field, size=(h, w))
    write_image(files[1], np.clip(rendering, 0, 1))
    difference = 0.5 + 10 * (prediction - target)
    write_sheet(
        files[2],
        {"image": target, "field": prediction, "10 x difference": difference[..., :3]},
    )
    return report(files)


_FILES = ("field.safetensors", "render.png", "sheet.png")


def _size_of(region: Region | None, size: tuple[int, int]) -> tuple[int, int]:
    """Size of a close-up with square pixels, its longer side that of the image."""
    if region is None:
        return size
    start, stop = _checks.as_region("region", region, 2)
    sides = [(b - a) * n for a, b, n in zip(start, stop, size, strict=True)]
    h, w = (max(round(s * max(size) / max(sides)), 1) for s in sides)
    return h, w
