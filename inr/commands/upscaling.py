"""The command that enlarges images, by a learned model or by a SIREN."""

import argparse
import functools
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Literal

import jax
import numpy as np

from inr import _checks
from inr._typing import Array, Region, Size
from inr.commands._batches import Source, for_each, list_sources, take_shard
from inr.commands._options import (
    add_console,
    add_max_side,
    add_model,
    add_output,
    add_region,
    add_shard,
    add_training,
)
from inr.commands._outputs import Files, Outputs, as_outputs, region_suffix
from inr.commands._shared import (
    read_picture,
    reduce_to,
    region_pixels,
    ssim_text,
    timed_fit,
)
from inr.coords import grid, sample_grid
from inr.fields import Siren, suggest_omega
from inr.fitting import fit_image
from inr.metrics import psnr
from inr.models import LoadedModel, resolve
from inr.rendering import render
from inr.training import Reduction, reduce_images
from inr.upscaling import upscale as upscale_image

# How `evaluate` reduces: the model was trained on bicubic reductions, and a SIREN is
# fitted to means over pixels.
_REDUCTIONS: dict[str, Reduction] = {"model": "bicubic", "siren": "area"}
UPSCALE_METHODS = tuple(_REDUCTIONS)
# Names for people, and of `jax.image.resize`.
BASELINES = {
    "nearest": "nearest",
    "bilinear": "linear",
    "bicubic": "cubic",
    "Lanczos": "lanczos3",
}

_SIREN_SIDE = 512  # images are reduced to it before a SIREN is fitted

_Image = Array | np.ndarray
_Method = Callable[[np.ndarray, Size, Region | None], _Image]


def add_upscale(parser: argparse.ArgumentParser) -> None:
    """Add the options of `upscale`."""
    parser.set_defaults(run=upscale)
    parser.add_argument(
        "images",
        nargs="*",
        help="files or folders (default: a photograph from scikit-image, with "
        "--evaluate)",
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=4.0,
        help="magnification, at least 1, not necessarily whole (default: %(default)g)",
    )
    parser.add_argument(
        "--method",
        choices=UPSCALE_METHODS,
        default="model",
        help="model: pretrained network; siren: a SIREN fitted to each image, slower "
        "and near bicubic interpolation in quality (default: %(default)s)",
    )
    add_model(parser, "upscale", default="upscale", text="for --method model: ")
    parser.add_argument(
        "--ensemble",
        action="store_true",
        help="average the model over four rotations: slightly better, at four times "
        "the cost (default: off)",
    )
    parser.add_argument(
        "--evaluate",
        action="store_true",
        help="reduce each image by the scale first, and print PSNR and SSIM of the "
        "result and of interpolations (default: off)",
    )
    add_region(parser)
    add_max_side(parser, None, f"no limit, and {_SIREN_SIDE} for --method siren")
    add_shard(parser)
    group = parser.add_argument_group("options of --method siren")
    add_training(group, num_steps=300, width=128)
    add_output(parser, large=True)
    add_console(parser, {"num_steps": 40, "width": 64, "max_side": 256})


def upscale(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    *,
    scale: float = 4.0,
    method: Literal["model", "siren"] = "model",
    model: str | os.PathLike | LoadedModel = "upscale",
    ensemble: bool = False,
    evaluate: bool = False,
    region: Region | None = None,
    max_side: int | None = None,
    num_steps: int = 300,
    width: int = 128,
    seed: int = 0,
    shard: str | None = None,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Enlarge images by any factor, and compare with bicubic interpolation.

    With `evaluate`, each image is reduced by `scale` first. The result is scored
    against the image, beside interpolations of the same pixels. A SIREN is fitted to
    the low-resolution pixels alone, so it interpolates.

    Args:
      images: files or folders; None for a bundled photograph and `evaluate`.
      scale: factor, at least 1.
      method: `"model"` for a learned model, or `"siren"` for a fit to each image.
      model: name of pretrained weights, or a file of weights.
      ensemble: averages the model over four rotations of the image.
      evaluate: reduces first, and prints PSNR and SSIM.
      region: part of the image to enlarge.
      max_side: images are reduced to a longer side of at most this; None for no limit,
        and 512 for a SIREN.
      num_steps: number of fitting steps of a SIREN.
      width: hidden units of a SIREN.
      seed: seed of a SIREN's initialization.
      shard: `"3/16"` for the third of 16 jobs that share the images; None for all.
      output: where to write the enlarged images and, beside each, a contact sheet.

    Returns:
      The files written.
    """
    _checks.check_choice("method", method, UPSCALE_METHODS)
    if not scale >= 1:
        raise _checks.fail("scale", "at least 1", scale)
    name_of_method = ""
    if method == "siren":
        enlarge = functools.partial(
            _by_siren, num_steps=num_steps, width=width, seed=seed
        )
        max_side = max_side or _SIREN_SIDE
        name_of_method = "_siren"
    else:
        enlarge = functools.partial(
            _by_model, scale, resolve(model, "upscale"), ensemble
        )
        if not isinstance(model, LoadedModel):
            print(f"model: {os.fspath(model)}")
    outputs = as_outputs(output)

    def upscale_one(source: Source) -> Files:
        image, metadata = read_picture(source)
        image = reduce_to(image, max_side)
        outputs.check_size(region_pixels(image.shape, region, scale))
        name = f"{source.name}_x{scale:g}{name_of_method}{region_suffix(region)}"
        files = outputs.claim(name, "", "_sheet")
        if evaluate or source.path is None:
            panels = _evaluated(image, scale, region, enlarge, _REDUCTIONS[method])
        else:
            panels = _enlarged(image, scale, region, enlarge)
        files.write_image("", np.asarray(panels["upscaled"]), metadata)
        files.write_sheet("_sheet", panels, columns=3)
        return files

    sources = list_sources("images", images, sample="astronaut")
    sources = take_shard(sources, shard, outputs)
    return for_each(sources, upscale_one, outputs)


def _by_model(
    scale: float,
    model: LoadedModel,
    ensemble: bool,
    image: np.ndarray,
    size: Size,
    region: Region | None,
) -> _Image:
    return upscale_image(image, scale, region=region, model=model, ensemble=ensemble)


def _by_siren(
    image: np.ndarray,
    size: Size,
    region: Region | None,
    *,
    num_steps: int,
    width: int,
    seed: int,
) -> _Image:
    """A SIREN fitted to the image alone."""
    omega = suggest_omega(image)
    siren = Siren(features=image.shape[-1], width=width, depth=3, omega=omega)
    result = timed_fit(
        fit_image,
        jax.random.key(seed),
        image,
        model=siren,
        num_steps=num_steps,
    )
    return render(result.field, size, region=region)


def _enlarged(
    image: np.ndarray, scale: float, region: Region | None, enlarge: _Method
) -> dict[str, _Image]:
    size = region_pixels(image.shape, region, scale)
    print(f"{image.shape[0]}x{image.shape[1]} by {scale:g}: {size[0]}x{size[1]}")
    bicubic = functools.partial(sample_grid, image, interpolation="cubic")
    return {
        "bicubic": render(bicubic, size, region=region, progress=False),
        "upscaled": enlarge(image, size, region),
    }


def _evaluated(
    image: np.ndarray,
    scale: float,
    region: Region | None,
    enlarge: _Method,
    reduction: Reduction,
) -> dict[str, _Image]:
    """Panels of the region; the scores are of the complete image."""
    target, low_resolution = _reduced_by(scale, image, reduction)
    size, c = target.shape[:2], target.shape[-1]
    low_size = "x".join(map(str, low_resolution.shape[:2]))
    print(f"{low_size} by {scale:g}: {size[0]}x{size[1]}")
    results = {
        label: jax.image.resize(low_resolution, (*size, c), kind)
        for label, kind in BASELINES.items()
    }
    results["upscaled"] = enlarge(low_resolution, size, None)
    _print_scores(results, target)
    panels = {**results, "original": target}
    if region is None:
        return panels
    coords = grid(region_pixels(target.shape, region), region=region)
    return {
        label: sample_grid(np.asarray(x), coords, interpolation="cubic")
        for label, x in panels.items()
    }


def _reduced_by(
    scale: float, image: np.ndarray, reduction: Reduction
) -> tuple[np.ndarray, np.ndarray]:
    """The image, cropped to a multiple of the scale, and its reduction."""
    low_size = tuple(int(n / scale) for n in image.shape[:2])
    if not all(low_size):
        expected = f"at least {scale:g} pixels a side"
        raise _checks.fail("image", expected, f"{image.shape}")
    h, w = (round(n * scale) for n in low_size)
    target = image[:h, :w]
    reduced = reduce_images(target, low_size, interpolation=reduction)
    return target, np.clip(reduced, 0, 1)


def _print_scores(results: dict[str, _Image], target: np.ndarray) -> None:
    scores = {}
    print(f"{'':10s}{'PSNR dB':>9s}{'SSIM':>9s}")
    for label, image in results.items():
        image = np.clip(image, 0, 1)
        scores[label] = float(psnr(image, target))
        print(f"{label:10s}{scores[label]:9.2f}{ssim_text(image, target):>9s}")
    best = max(BASELINES, key=lambda label: scores[label])
    margin = scores["upscaled"] - scores[best]
    print(f"upscaled: {margin:+.2f} dB PSNR over the best interpolation ({best})")
