"""A command that gives gray images colors, and small ones detail."""

import os
import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from inr import _checks
from inr._typing import Array, Region
from inr.color import rgb_to_luma
from inr.commands._shared import (
    folder_at,
    head_or,
    opaque,
    pictures_of,
    report,
    within,
)
from inr.commands._sheet import write_sheet
from inr.coords import grid, sample_grid
from inr.io import write_image
from inr.metrics import colorfulness, psnr
from inr.restoration import PRESETS, colorize as colorize_image
from inr.training import reduce_images


def colorize(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    *,
    model: str | os.PathLike | None = None,
    side: int | None = None,
    size: tuple[int, int] | None = None,
    region: Region | None = None,
    num_samples: int = 0,
    preset: str = "ours",
    seed: int = 0,
    out: str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Colors of gray images, beside the true ones where an image has them.

    Args:
      images: file names, or a folder; by default the head of a bundled photograph.
      model: name of shipped weights, or a file of weights; by default `"portraits"` for
        the bundled head and for draws, else `"photos"`.
      side: reduces each image first until its longer side is no more than this, and
        gives it its size back with the colors: what the model restores.
      size: of what is written, `(h, w)`; by default that of the image, or of its part.
      region: part of the image to show.
      num_samples: draws so many of the colors that an image may have, in place of
        their mean.
      preset: how they are drawn, a name in `inr.restoration.PRESETS`.
      seed: of the draws; with another they differ.
      out: folder for the images and, beside each, a contact sheet.

    Returns:
      The files written.
    """
    _checks.check_choice("preset", preset, tuple(PRESETS))
    drawn = {}
    if num_samples:
        key = jax.random.key(seed)
        drawn = {**PRESETS[preset], "key": key, "num_samples": num_samples}
    if model is None:
        model = "photos" if images and not num_samples else "portraits"
    folder = folder_at(out)
    files = []
    for name, picture in pictures_of(images, head_or):
        picture = opaque(picture)
        if np.ptp(picture, axis=-1).max() < _LEAST_COLOR:
            picture = picture[..., :1]
        shown = size or _cut(picture, region).shape[:2]
        gray = luma = rgb_to_luma(picture) if picture.shape[-1] == 3 else picture
        if side is not None:
            size_seen = within(side, luma.shape)
            gray = np.clip(
                reduce_images(luma, size_seen, interpolation="bicubic"), 0, 1
            )
        print(f"{name}: gray {_by(gray.shape)} to color {_by(shown)}")
        made = colorize_image(gray, size=shown, region=region, model=model, **drawn)
        made = np.clip(made, 0, 1)
        results = {f"draw {i + 1}": x for i, x in enumerate(made)}
        results = results if drawn else {"color": made}
        enlarged = sample_grid(gray, grid(shown, region=region), interpolation="cubic")
        panels = {f"gray {_by(gray.shape)}": enlarged, **results}
        if picture.shape[-1] == 3:
            truth = sample_grid(
                picture, grid(shown, region=region), interpolation="cubic"
            )
            panels["original"] = np.clip(truth, 0, 1)
            _print_scores(panels)
        for i, result in enumerate(results.values()):
            number = f"_{i + 1}" if drawn else ""
            files.append(folder / f"{name}_color{number}.png")
            write_image(files[-1], result)
        files.append(folder / f"{name}_color_sheet.png")
        write_sheet(files[-1], panels)
    return report(files)


_LEAST_COLOR = 2.5 / 255  # less is gray that was saved as RGB


def _print_scores(panels: dict[str, Array]) -> None:
    truth = panels["original"]
    for label, image in panels.items():
        three = np.broadcast_to(np.clip(image, 0, 1), truth.shape)
        score = "" if label == "original" else f"{float(psnr(three, truth)):.2f} dB, "
        print(f"  {label}: {score}colorfulness {float(colorfulness(three)):.1f}")


def _cut(image: np.ndarray, region: Region | None) -> np.ndarray:
    """The part of the image in a region, to the next pixel."""
    start, stop = _checks.as_region("region", region or ((0.0, 0.0), (1.0, 1.0)), 2)
    rows, columns = (
        slice(round(a * n), max(round(b * n), round(a * n) + 1))
        for a, b, n in zip(start, stop, image.shape[:2], strict=True)
    )
    return image[rows, columns]


def _by(shape: Sequence[int]) -> str:
    return f"{shape[0]}x{shape[1]}"
