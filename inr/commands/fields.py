"""Commands that hold an image as a field: fit it, upscale it."""

import os
import pathlib
import time
from typing import Any

import jax
import numpy as np

from inr import _checks
from inr._typing import Array, Region
from inr.commands._shared import folder_at, load, reduced, report
from inr.commands._sheet import write_sheet
from inr.fields import BoundField, Siren, bind, save_field, suggest_omega
from inr.fitting import fit_image
from inr.io import write_image
from inr.metrics import psnr, ssim
from inr.rendering import render

BASELINES = ("nearest", "linear", "cubic", "lanczos3")

# A quarter of the default, which is chosen for the pixels themselves: on photographs
# reduced to 64x64 it gains 1.5 to 3 dB between the pixels.
UPSCALING_RATE = 5e-4


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
      seed: of the initialisation.

    Returns:
      The files written.
    """
    name, picture = load(image)
    picture = reduced(picture, max_side)
    h, w, c = picture.shape
    print(f"{name}: {h}x{w}, {c} channels, held by a SIREN {width}x3")
    model = Siren(features=c, width=width, depth=3)
    field = _fitted(picture, model, num_steps, seed)
    held = np.clip(render(field, (h, w)), 0, 1)
    print(f"PSNR {float(psnr(held, picture)):.2f} dB, SSIM {_ssim(held, picture)}")
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


def upscale(
    image: str | os.PathLike | None = None,
    *,
    scale: int = 4,
    evaluate: bool = False,
    out: str | os.PathLike = "out",
    num_steps: int = 300,
    width: int = 128,
    max_side: int = 512,
    region: Region | None = None,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Enlarges an image by rendering a SIREN of it, beside the usual interpolations.

    The SIREN is fitted as a camera sees: a pixel is the mean over its cell. Its omega
    comes from the image's spectrum and its learning rate is low: both decide what
    happens between the pixels. With `evaluate` the image is first reduced by `scale`
    (means of scale x scale pixels), and every method is scored against the original. A
    single-image SIREN knows nothing but that image: it interpolates.

    Args:
      image: file name; by default a bundled photograph, and `evaluate`.
      scale: whole factor.
      evaluate: reduce first, and print PSNR and SSIM.
      out: folder for the enlarged image and the contact sheet.
      num_steps: steps of the fit.
      width: hidden units of the SIREN.
      max_side: the image is reduced until its longer side is no more than this.
      region: part of the image to enlarge and show.
      seed: of the initialisation.

    Returns:
      The files written.
    """
    scale = _checks.as_count("scale", scale, least=2)
    name, picture = load(image)
    picture = reduced(picture, max_side)
    truth = None
    if evaluate or image is None:
        truth = _cropped(picture, scale)
        picture = _block_mean(truth, scale)
    h, w, c = picture.shape
    size = (h * scale, w * scale)
    print(f"{name}: {h}x{w} to {size[0]}x{size[1]}")
    results = {way: jax.image.resize(picture, (*size, c), way) for way in BASELINES}
    omega = suggest_omega(picture)
    model = Siren(features=c, width=width, depth=3, omega=omega)
    field = _fitted(
        picture, model, num_steps, seed, antialias=2, learning_rate=UPSCALING_RATE
    )
    results["siren"] = render(field, size)
    if truth is not None:
        _print_scores(results, truth)
    folder = folder_at(out)
    files = [folder / f"{name}_x{scale}.png", folder / f"{name}_x{scale}_sheet.png"]
    pictures = results if truth is None else {**results, "original": truth}
    if region is not None:
        pictures = {label: _crop(x, region) for label, x in pictures.items()}
        results["siren"] = render(field, _size_of(region, size), region=region)
        pictures["siren, close-up"] = results["siren"]
    write_image(files[0], results["siren"])
    write_sheet(files[1], pictures, columns=3)
    return report(files)


_FIT_FILES = ("field.safetensors", "render.png", "sheet.png")


def _fitted(
    picture: np.ndarray, model: Siren, num_steps: int, seed: int, **options: Any
) -> BoundField:
    start = time.perf_counter()
    key = jax.random.key(seed)
    result = fit_image(key, model, picture, num_steps=num_steps, **options)
    seconds = time.perf_counter() - start
    print(f"fit: {result.step} steps in {seconds:.0f} s, {result.status}")
    return bind(model, result.params)


def _print_scores(results: dict[str, Array], truth: np.ndarray) -> None:
    scores = {}
    print(f"{'':10s}{'PSNR dB':>9s}{'SSIM':>9s}")
    for label, image in results.items():
        image = np.clip(image, 0, 1)
        scores[label] = float(psnr(image, truth))
        print(f"{label:10s}{scores[label]:9.2f}{_ssim(image, truth):>9s}")
    best = max(scores, key=scores.get)
    margin = scores["siren"] - max(v for k, v in scores.items() if k != "siren")
    verdict = f"{best} wins" if best != "siren" else "the SIREN wins"
    print(f"{verdict}: the SIREN is {margin:+.2f} dB from the best interpolation.")


def _ssim(image: np.ndarray, reference: np.ndarray) -> str:
    small = min(image.shape[:2]) < 11
    return "-" if small else f"{float(ssim(image, reference)):.4f}"


def _cropped(image: np.ndarray, scale: int) -> np.ndarray:
    h, w = (n - n % scale for n in image.shape[:2])
    if not h or not w:
        raise _checks.fail("image", f"at least {scale} pixels", f"{image.shape}")
    return image[:h, :w]


def _block_mean(image: np.ndarray, scale: int) -> np.ndarray:
    h, w, c = image.shape
    return image.reshape(h // scale, scale, w // scale, scale, c).mean((1, 3))


def _crop(image: Array | np.ndarray, region: Region) -> Array | np.ndarray:
    start, stop = _checks.as_region("region", region, 2)
    top, left = (int(f * n) for f, n in zip(start, image.shape, strict=False))
    bottom, right = (
        max(int(f * n), 1) for f, n in zip(stop, image.shape, strict=False)
    )
    return image[top:bottom, left:right]


def _size_of(region: Region | None, size: tuple[int, int]) -> tuple[int, int]:
    """Square pixels for a close-up, its longer side as long as the image's."""
    if region is None:
        return size
    start, stop = _checks.as_region("region", region, 2)
    sides = [(b - a) * n for a, b, n in zip(start, stop, size, strict=True)]
    h, w = (max(round(s * max(size) / max(sides)), 1) for s in sides)
    return h, w
