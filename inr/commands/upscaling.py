"""A command that enlarges images, by a learned model or by a SIREN of each."""

import functools
import os
import pathlib
from collections.abc import Callable, Sequence

import jax
import numpy as np

from inr import _checks
from inr._typing import Array, Region, Size
from inr.commands._shared import (
    fitted,
    folder_at,
    load,
    opaque,
    pictures_of,
    reduced,
    report,
    ssim_text,
)
from inr.commands._sheet import write_sheet
from inr.coords import grid, sample_grid
from inr.fields import Siren, suggest_omega
from inr.io import write_image
from inr.metrics import psnr
from inr.rendering import render
from inr.restoration import upscale as upscale_image
from inr.training import reduce_images

_REDUCTIONS = {"model": "bicubic", "siren": "area"}
METHODS = tuple(_REDUCTIONS)
BASELINES = ("nearest", "linear", "cubic", "lanczos3")

# A quarter of the default, which is chosen for the pixels themselves: on photographs
# reduced to 64x64 it gains 1.5 to 3 dB between the pixels.
_RATE = 5e-4

# A picture larger than this is not given to a SIREN as it is.
_SIREN_SIDE = 512

_Way = Callable[[np.ndarray, Size, Region | None], Array]


def upscale(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    *,
    scale: float = 4.0,
    method: str = "model",
    model: str | os.PathLike = "upscale",
    ensemble: bool = False,
    evaluate: bool = False,
    region: Region | None = None,
    out: str | os.PathLike = "out",
    max_side: int | None = None,
    num_steps: int = 300,
    width: int = 128,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Enlarges images by any factor, beside cubic interpolation.

    With `evaluate` an image is first reduced by `scale`, and the result is scored
    against it beside the usual interpolations of the same pixels: reduced by bicubic
    interpolation for the model, which learned from such images, and for a SIREN by
    area, as a camera would, since it is fitted as a camera sees. A SIREN of one image
    knows nothing but that: it interpolates.

    Args:
      images: file names, or a folder; by default a bundled photograph, and `evaluate`.
      scale: factor, at least 1.
      method: `"model"`, a learned one; or `"siren"`, fitted to each image.
      model: name of shipped weights, or a file of weights.
      ensemble: the mean of the model over the image's four turns.
      evaluate: reduce first, and print PSNR and SSIM.
      region: part of the image to enlarge.
      out: folder for the enlarged images and, beside each, a contact sheet.
      max_side: an image is reduced first until its longer side is no more than this;
        by default 512 for a SIREN.
      num_steps: steps of a SIREN's fit.
      width: hidden units of a SIREN.
      seed: of a SIREN's initialization.

    Returns:
      The files written.
    """
    _checks.check_choice("method", method, METHODS)
    if not scale >= 1:
        raise _checks.fail("scale", "at least 1", scale)
    score = functools.partial(_scored, reduction=_REDUCTIONS[method])
    job = score if evaluate or not images else _enlarged
    if method == "siren":
        way = functools.partial(_by_siren, num_steps=num_steps, width=width, seed=seed)
        max_side = max_side or _SIREN_SIDE
    else:
        way = functools.partial(_by_model, scale, model, ensemble)
    folder = folder_at(out)
    files = []
    for name, picture in pictures_of(images, load):
        if max_side is not None:
            picture = reduced(picture, max_side)
        panels = job(picture, scale, region, way)
        ends = (f"x{scale:g}", f"x{scale:g}_sheet")
        files += [folder / f"{name}_{end}.png" for end in ends]
        write_image(files[-2], panels["upscaled"])
        write_sheet(
            files[-1], {k: opaque(np.asarray(x)) for k, x in panels.items()}, columns=3
        )
    return report(files)


def _by_model(
    scale: float,
    model: str | os.PathLike,
    ensemble: bool,
    picture: np.ndarray,
    size: Size,
    region: Region | None,
) -> Array:
    return upscale_image(picture, scale, region=region, model=model, ensemble=ensemble)


def _by_siren(
    picture: np.ndarray,
    size: Size,
    region: Region | None,
    *,
    num_steps: int,
    width: int,
    seed: int,
) -> Array:
    """Fitted as a camera sees, a pixel being the mean over its cell.

    Its omega comes from the image's spectrum and its rate is low: both decide what
    happens between the pixels.
    """
    omega = suggest_omega(picture)
    siren = Siren(features=picture.shape[-1], width=width, depth=3, omega=omega)
    options = {"antialias": 2, "learning_rate": _RATE}
    field = fitted(picture, siren, num_steps, seed, **options)
    return render(field, size, region=region)


def _enlarged(
    picture: np.ndarray, scale: float, region: Region | None, way: _Way
) -> dict[str, Array]:
    size = _size(picture, scale, region)
    print(f"{picture.shape[0]}x{picture.shape[1]} by {scale:g}: {size[0]}x{size[1]}")
    made = way(picture, size, region)
    cubic = functools.partial(sample_grid, picture, interpolation="cubic")
    shown = render(cubic, size, region=region, progress=False)
    return {"cubic": shown, "upscaled": made}


def _scored(
    picture: np.ndarray,
    scale: float,
    region: Region | None,
    way: _Way,
    *,
    reduction: str,
) -> dict[str, Array]:
    """Of the whole image, whatever part is shown."""
    truth, small = _reduced_by(scale, picture, reduction)
    size, c = truth.shape[:2], truth.shape[-1]
    print(f"{small.shape[0]}x{small.shape[1]} by {scale:g}: {size[0]}x{size[1]}")
    results = {b: jax.image.resize(small, (*size, c), b) for b in BASELINES}
    results["upscaled"] = way(small, size, None)
    _print_scores(results, truth)
    panels = {**results, "original": truth}
    if region is None:
        return panels
    shown = grid(_size(truth, 1, region), region=region)
    return {
        label: sample_grid(np.asarray(x), shown, interpolation="cubic")
        for label, x in panels.items()
    }


def _reduced_by(
    scale: float, picture: np.ndarray, method: str
) -> tuple[np.ndarray, np.ndarray]:
    """The picture, cut so that the scale divides it, and its reduction."""
    low = [int(n / scale) for n in picture.shape[:2]]
    if not all(low):
        expected = f"at least {scale:g} pixels a side"
        raise _checks.fail("image", expected, f"{picture.shape}")
    h, w = (round(n * scale) for n in low)
    truth = picture[:h, :w]
    return truth, np.clip(reduce_images(truth, tuple(low), method=method), 0, 1)


def _print_scores(results: dict[str, Array], truth: np.ndarray) -> None:
    scores = {}
    print(f"{'':10s}{'PSNR dB':>9s}{'SSIM':>9s}")
    for label, image in results.items():
        image = np.clip(image, 0, 1)
        scores[label] = float(psnr(image, truth))
        print(f"{label:10s}{scores[label]:9.2f}{ssim_text(image, truth):>9s}")
    best = max(BASELINES, key=scores.get)
    margin = scores["upscaled"] - scores[best]
    verdict = "wins" if margin > 0 else f"loses to {best}"
    print(f"It {verdict}: {margin:+.2f} dB from the best interpolation.")


def _size(picture: np.ndarray, scale: float, region: Region | None) -> Size:
    start, stop = _checks.as_region("region", region or ((0.0, 0.0), (1.0, 1.0)), 2)
    return tuple(
        max(round(scale * (b - a) * n), 1)
        for a, b, n in zip(start, stop, picture.shape[:2], strict=True)
    )
