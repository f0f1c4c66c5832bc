"""The commands that fit a field to an image, and that render one from a file."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._registry import registered
from inr._typing import Array, Region, Size
from inr.commands._shared import (
    load,
    output_folder,
    reduce_to,
    report,
    ssim_text,
    timed_fit,
)
from inr.commands._sheet import write_sheet
from inr.coords import grid, sample_grid
from inr.fields import BoundField, FieldModule, load_field, save_field, suggest_omega
from inr.fitting import fit_image
from inr.io import write_image
from inr.metrics import find_regions, psnr
from inr.rendering import render as render_field

FAMILIES = tuple(sorted(registered(FieldModule)))


def fit(
    image: str | os.PathLike | None = None,
    *,
    out: str | os.PathLike = "out",
    family: str = "Siren",
    num_steps: int = 2000,
    width: int | None = None,
    max_side: int = 256,
    size: tuple[int, int] | None = None,
    region: Region | None = None,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Fit a field to an image, save it, and render it.

    Args:
      image: file name; None for a bundled photograph.
      out: folder for the field, the rendering and the contact sheet.
      family: registered name of the field's class, one of `FAMILIES`.
      num_steps: number of fitting steps.
      width: units of the hidden layers; None for the default of the family.
      max_side: the image is reduced to a longer side of at most this. If it is at least
        twice as large, the field is also scored between its pixels.
      size: of the rendering, `(h, w)`; None for the size of the fitted image.
      region: part of the image to render.
      seed: seed of the initialization.

    Returns:
      The files written.
    """
    name, original = load(image)
    target = reduce_to(original, max_side)
    h, w, c = target.shape
    model = _model(family, target, width)
    print(f"{name}: {h}x{w}, {c} channels, {family}")
    key = jax.random.key(seed)
    field = timed_fit(fit_image, key, target, model=model, num_steps=num_steps).field
    means = np.clip(render_field(field, (h, w), antialias=2), 0, 1)
    scores = f"{float(psnr(means, target)):.2f} dB"
    print(f"means over the pixels: PSNR {scores}, SSIM {ssim_text(means, target)}")
    folder = output_folder(out)
    files = [folder / f"{name}_{end}" for end in _FILES]
    save_field(files[0], field, size=(h, w))
    rendering = render_field(field, size or _size_of(region, (h, w)), region=region)
    write_image(files[1], np.clip(rendering, 0, 1))
    write_sheet(files[2], _panels(field, target, means, original))
    return report(files)


def render(
    field: str | os.PathLike,
    *,
    out: str | os.PathLike = "out",
    size: tuple[int, int] | None = None,
    region: Region | None = None,
) -> list[pathlib.Path]:
    """Render a field from a file.

    Args:
      field: name of a file written by `fit` or `inr.save_field`.
      out: folder for the rendering.
      size: of the rendering, `(h, w)`; None for the size stored in the file.
      region: part of the image to render.

    Returns:
      The file written.
    """
    loaded, stored_size = load_field(field)
    if size is None:
        if stored_size is None or len(stored_size) != 2:
            expected = "given, unless the file stores the size (h, w)"
            raise _checks.fail("size", expected, stored_size, "Pass --size H W.")
        size = _size_of(region, stored_size)
    rendering = render_field(loaded, size, region=region)
    file = output_folder(out) / f"{pathlib.Path(field).stem}_render.png"
    write_image(file, np.clip(rendering, 0, 1))
    return report([file])


_FILES = ("field.safetensors", "render.png", "sheet.png")
_ZOOM = 4


def _model(family: str, target: np.ndarray, width: int | None) -> nn.Module:
    """A model of a family; the omega of a SIREN is read off the image."""
    _checks.check_choice("family", family, FAMILIES)
    options: dict[str, Any] = {"features": target.shape[-1]}
    if width is not None:
        options["width"] = width
    if family == "Siren":
        options["omega"] = suggest_omega(target)
    return registered(FieldModule)[family](**options)


def _panels(
    field: BoundField, target: np.ndarray, means: np.ndarray, original: np.ndarray
) -> Mapping[str, Array | np.ndarray]:
    """The image, the field, and a detail at four times the size, with scores."""
    h, w = target.shape[:2]
    fine = (2 * h, 2 * w)
    between = {
        "bicubic": sample_grid(target, grid(fine), interpolation="cubic"),
        "field": render_field(field, fine, progress=False),
    }
    between = {k: np.clip(x, 0, 1) for k, x in between.items()}
    labels = {k: f"{k}, detail x{_ZOOM}" for k in between}
    if original.shape[0] >= 2 * h and original.shape[1] >= 2 * w:
        size = (*fine, target.shape[2])
        truth = np.asarray(jax.image.resize(original, size, "cubic"))
        scores = {k: float(psnr(x, truth.clip(0, 1))) for k, x in between.items()}
        labels = {k: f"{labels[k]}, {scores[k]:.2f} dB" for k in scores}
        text = ", ".join(f"{k} {x:.2f} dB" for k, x in scores.items())
        print(f"at twice the size: PSNR {text}")
    side = max(min(h, w) // 4, 1)
    region = find_regions(list(between.values()), side=2 * side, num_regions=1)[0]
    shape = (_ZOOM * side, _ZOOM * side)
    detail = {
        "bicubic": sample_grid(
            target, grid(shape, region=region), interpolation="cubic"
        ),
        "field": render_field(field, shape, region=region, progress=False),
    }
    return {
        "image": target,
        "field, means over the pixels": means,
        **{labels[k]: x for k, x in detail.items()},
    }


def _size_of(region: Region | None, size: Size) -> tuple[int, int]:
    """Size of a close-up with square pixels, its longer side that of the image."""
    if region is None:
        return size[0], size[1]
    start, stop = _checks.as_region("region", region, 2)
    sides = [(b - a) * n for a, b, n in zip(start, stop, size, strict=True)]
    h, w = (max(round(s * max(size) / max(sides)), 1) for s in sides)
    return h, w
