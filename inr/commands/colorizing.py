"""A command that colorizes gray images, and adds detail to small ones."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import jax
import numpy as np

from inr import _checks
from inr._typing import Array, Region
from inr.color import rgb_to_luma
from inr.colorization import (
    PRESETS,
    Preset,
    colorize as colorize_image,
    colorize_samples,
)
from inr.commands._shared import (
    load_all,
    load_portrait,
    output_folder,
    report,
    size_within,
    without_alpha,
)
from inr.commands._sheet import write_sheet
from inr.coords import grid, sample_grid
from inr.io import write_image
from inr.metrics import colorfulness, psnr
from inr.training import reduce_images

_LEAST_COLOR = 2.5 / 255  # a smaller range of channels is gray that was saved as RGB


def colorize(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    *,
    model: str | os.PathLike | None = None,
    side: int | None = None,
    size: tuple[int, int] | None = None,
    region: Region | None = None,
    num_samples: int = 0,
    preset: Preset | None = None,
    seed: int = 0,
    out: str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Colorize images, and compare them with the originals if those have colors.

    Args:
      images: file names, or a folder; by default the head of a bundled photograph.
      model: name of a pretrained model, or a file of weights; by default `"portraits"`
        for the bundled head and for samples, else `"photos"`.
      side: reduce each image first until its longer side is at most this, and restore
        its size along with the colors.
      size: `(h, w)` of the result; by default that of the image, or of its region.
      region: part of the image to render, as fractions of the image.
      num_samples: number of samples of the possible colors; 0 for their mean.
      preset: how samples are drawn, a name in `inr.colorization.PRESETS`; by default
        `"default"`.
      seed: seed of the samples.
      out: folder for the images and, for each, a contact sheet.

    Returns:
      The files written.

    Raises:
      ValueError: if `preset` is unknown, or given without `num_samples`.
    """
    if preset is not None:
        _checks.check_choice("preset", preset, get_args(Preset))
        if not num_samples:
            fix = "Set `num_samples` to draw samples."
            raise _checks.fail("preset", "None without samples", repr(preset), fix)
    if model is None:
        model = "photos" if images and not num_samples else "portraits"
    options = {"region": region, "model": model}
    if num_samples:
        options |= {"num_samples": num_samples, **PRESETS[preset or "default"]}
    folder = output_folder(out)
    files = []
    for name, image in load_all(images, load_portrait):
        image = _without_false_color(without_alpha(image))
        output_size = size or _crop(image, region).shape[:2]
        gray = _to_gray(image, side)
        print(f"{name}: gray {_by(gray.shape)} to color {_by(output_size)}")
        results = _results(gray, output_size, seed, options)
        files += _write(folder, name, results)
        pixels = grid(output_size, region=region)
        enlarged = sample_grid(gray, pixels, interpolation="cubic")
        panels = {f"gray {_by(gray.shape)}": enlarged, **results}
        if image.shape[-1] == 3:
            original = sample_grid(image, pixels, interpolation="cubic")
            panels["original"] = np.clip(original, 0, 1)
            _print_scores(panels)
        files.append(folder / f"{name}_color_sheet.png")
        write_sheet(files[-1], panels)
    return report(files)


def _without_false_color(image: np.ndarray) -> np.ndarray:
    """One channel of an image that is gray but for rounding; other images as is."""
    return image if np.ptp(image, axis=-1).max() >= _LEAST_COLOR else image[..., :1]


def _to_gray(image: np.ndarray, side: int | None) -> Array | np.ndarray:
    """Luma of an image, its longer side at most `side`."""
    gray = rgb_to_luma(image) if image.shape[-1] == 3 else image
    if side is None:
        return gray
    size = size_within(side, gray.shape)
    return np.clip(reduce_images(gray, size, interpolation="bicubic"), 0, 1)


def _results(
    gray: Array | np.ndarray, size: Sequence[int], seed: int, options: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Colorized images by label: one, or one for each sample."""
    if "num_samples" not in options:
        color = colorize_image(gray, size=tuple(size), **options)
        return {"color": np.clip(color, 0, 1)}
    key = jax.random.key(seed)
    samples = colorize_samples(key, gray, size=tuple(size), **options)
    return {f"sample {i + 1}": np.clip(x, 0, 1) for i, x in enumerate(samples)}


def _write(
    folder: pathlib.Path, name: str, results: Mapping[str, np.ndarray]
) -> list[pathlib.Path]:
    """Write one file for each result, numbered if there are samples."""
    files = []
    for i, image in enumerate(results.values(), 1):
        suffix = "" if "color" in results else f"_{i}"
        files.append(folder / f"{name}_color{suffix}.png")
        write_image(files[-1], image)
    return files


def _print_scores(panels: Mapping[str, Array | np.ndarray]) -> None:
    """Print PSNR and colorfulness of each image beside those of the original."""
    original = np.asarray(panels["original"])
    for label, image in panels.items():
        rgb = np.broadcast_to(np.clip(image, 0, 1), original.shape)
        score = "" if label == "original" else f"{float(psnr(rgb, original)):.2f} dB, "
        print(f"  {label}: {score}colorfulness {float(colorfulness(rgb)):.1f}")


def _crop(image: np.ndarray, region: Region | None) -> np.ndarray:
    """The pixels of a region, rounded."""
    if region is None:
        return image
    start, stop = _checks.as_region("region", region, 2)
    rows, columns = (
        slice(round(a * n), max(round(b * n), round(a * n) + 1))
        for a, b, n in zip(start, stop, image.shape[:2], strict=True)
    )
    return image[rows, columns]


def _by(shape: Sequence[int]) -> str:
    return f"{shape[0]}x{shape[1]}"
