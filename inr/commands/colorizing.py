"""The command that colorizes gray images, and adds detail to small ones."""

import argparse
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
from inr.commands._batches import Source, for_each, list_sources, take_shard
from inr.commands._options import (
    add_console,
    add_model,
    add_output,
    add_region,
    add_shard,
    add_size,
)
from inr.commands._outputs import Files, Outputs, as_outputs, region_suffix
from inr.commands._shared import (
    PORTRAIT,
    has_alpha,
    read_picture,
    size_within,
    without_alpha,
)
from inr.coords import grid, sample_grid
from inr.io import read_image
from inr.metrics import colorfulness, psnr
from inr.models import LoadedModel
from inr.training import reduce_images

_LEAST_COLOR = 2.5 / 255  # a smaller range of channels is gray that was saved as RGB


def add_colorize(parser: argparse.ArgumentParser) -> None:
    """Add the options of `colorize`."""
    parser.set_defaults(run=colorize)
    parser.add_argument(
        "images",
        nargs="*",
        help="files or folders (default: a photograph from scikit-image)",
    )
    unset = (
        "photos; portraits for the default photograph, and portraits_diffusion with "
        "--samples"
    )
    add_model(parser, "colorize", unset=unset)
    parser.add_argument(
        "--vividness",
        type=float,
        metavar="NUMBER",
        help="of the model photos: from 0, the mean of the possible colors, which is "
        "dull and has the least error, to 1, strong colors that are often wrong "
        "(default: the model's own, 0.4)",
    )
    parser.add_argument(
        "--hints",
        metavar="IMAGE",
        help="RGBA image of the same size, transparent except where you painted the "
        "colors that you know; they spread up to the edges (default: none)",
    )
    parser.add_argument(
        "--side",
        type=int,
        metavar="PIXELS",
        help="reduce each image to this longer side first, and restore its size and "
        "detail with the colors (default: no reduction)",
    )
    add_size(parser, "that of the image, or of its region")
    add_region(parser)
    parser.add_argument(
        "--samples",
        dest="num_samples",
        type=int,
        default=0,
        metavar="N",
        help="write N samples of the possible colors instead of their mean (default: "
        "%(default)s, the mean)",
    )
    parser.add_argument(
        "--preset",
        choices=get_args(Preset),
        help="how samples are drawn. default: 8 steps from smooth noise, colorful; "
        "ddpm and ddim: 100 steps from independent noise, grainy; projected: ddpm with "
        "noise projection, accurate but dull; projected_fast: the same in 15 steps "
        "(default: default)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the samples (default: %(default)s)"
    )
    add_shard(parser)
    add_output(parser, large=True)
    add_console(parser, {"side": 128})


def colorize(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    *,
    model: str | os.PathLike | LoadedModel | None = None,
    vividness: float | None = None,
    hints: str | os.PathLike | None = None,
    side: int | None = None,
    size: tuple[int, int] | None = None,
    region: Region | None = None,
    num_samples: int = 0,
    preset: Preset | None = None,
    seed: int = 0,
    shard: str | None = None,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Colorize images, and compare them with the originals if those have colors.

    Args:
      images: files or folders; by default the head of a bundled photograph. Alpha is
        kept.
      model: name of a pretrained model, or a file of weights; by default `"portraits"`
        for the bundled head and for samples, else `"photos"`.
      vividness: from 0, the mean of the possible colors, to 1, strong colors, for
        `"photos"`; None for the model's own, 0.4.
      hints: RGBA image of known colors, see `inr.colorize`.
      side: reduce each image first until its longer side is at most this, and restore
        its size along with the colors.
      size: `(h, w)` of the result; by default that of the image, or of its region.
      region: part of the image to render, as fractions of the image.
      num_samples: number of samples of the possible colors; 0 for their mean.
      preset: how samples are drawn, a name in `inr.colorization.PRESETS`; by default
        `"default"`.
      seed: seed of the samples.
      shard: `"3/16"` for the third of 16 jobs that share the images; None for all.
      output: where to write the images and, for each, a contact sheet.

    Returns:
      The files written.

    Raises:
      ValueError: if `preset` is unknown, or given without `num_samples`; if `vividness`
        or `hints` is given with `num_samples`; for `vividness` and a model that has
        none, and for hints of another size.
    """
    _check_options(preset, num_samples, vividness=vividness, hints=hints)
    if model is None:
        model = "photos" if images and not num_samples else "portraits"
    options: dict[str, Any] = {"region": region, "model": model}
    if num_samples:
        options |= {"num_samples": num_samples, **PRESETS[preset or "default"]}
    else:
        options["vividness"] = vividness
        options["hints"] = None if hints is None else read_image(hints)
    outputs = as_outputs(output)
    if outputs.is_single and num_samples > 1:
        raise _checks.fail("output", "a folder for several samples", outputs.path)
    endings = [f"_{i + 1}" for i in range(num_samples)] or [""]

    def colorize_one(source: Source) -> Files:
        picture = read_picture(source)
        image = _without_false_color(without_alpha(picture.image))
        output_size = size or _crop(image, region).shape[:2]
        outputs.check_size(output_size)
        name = f"{source.name}_color{region_suffix(region)}"
        files = outputs.claim(name, *endings, "_sheet")
        gray = _to_gray(image, side)
        print(f"{source.name}: gray {_by(gray.shape)} to color {_by(output_size)}")
        results = _results(gray, output_size, seed, options)
        pixels = grid(output_size, region=region)
        alpha = np.zeros((*output_size, 0), np.float32)
        if has_alpha(picture.image):
            alpha = sample_grid(picture.image[..., -1:], pixels, interpolation="cubic")
        for ending, result in zip(endings, results.values(), strict=True):
            result = np.concatenate([result, alpha], -1)
            files.write_image(ending, result, picture.metadata)
        enlarged = sample_grid(gray, pixels, interpolation="cubic")
        panels = {f"gray {_by(gray.shape)}": enlarged, **results}
        if image.shape[-1] == 3:
            original = sample_grid(image, pixels, interpolation="cubic")
            panels["original"] = np.clip(original, 0, 1)
            _print_scores(panels)
        files.write_sheet("_sheet", panels)
        return files

    sources = list_sources("images", images, sample=PORTRAIT)
    return for_each(take_shard(sources, shard, outputs), colorize_one, outputs)


def _check_options(
    preset: Preset | None, num_samples: int, **options_of_the_mean: Any
) -> None:
    if preset is not None:
        _checks.check_choice("preset", preset, get_args(Preset))
        if not num_samples:
            fix = "Set `num_samples` to draw samples."
            raise _checks.fail("preset", "None without samples", repr(preset), fix)
    for name, value in options_of_the_mean.items():
        if value is not None and num_samples:
            fix = "It changes the mean of the colors, not the samples."
            raise _checks.fail(name, "None with samples", value, fix)


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
