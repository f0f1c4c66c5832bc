"""The command that enlarges photographs by reference images."""

import argparse
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from inr import _checks
from inr._typing import Array
from inr.commands._batches import Source, for_each, list_sources, take_shard
from inr.commands._options import (
    add_console,
    add_model,
    add_output,
    add_references,
    add_shard,
)
from inr.commands._outputs import Files, Outputs, as_outputs
from inr.commands._shared import (
    Picture,
    as_rgb,
    photograph,
    read_picture,
    reduce_to,
    references_for,
    ssim_text,
)
from inr.metrics import psnr
from inr.models import LoadedModel, resolve
from inr.references import (
    Match,
    match_references,
    upscale_by_reference as upscale_image,
)
from inr.training import reduce_images
from inr.upscaling import upscale

_SAMPLE = "stereo_motorcycle"


def add_upscale_by_reference(parser: argparse.ArgumentParser) -> None:
    """Add the options of `upscale-by-reference`."""
    parser.set_defaults(run=upscale_by_reference)
    parser.add_argument(
        "images",
        nargs="*",
        help="files or folders (default: one of a bundled stereo pair)",
    )
    unset = "required; the other one for the stereo pair"
    add_references(parser, default=unset)
    text = "sets the scale: "
    add_model(parser, "upscale_by_reference", default="textures", text=text)
    parser.add_argument(
        "--evaluate",
        action="store_true",
        help="reduce each image first, and print PSNR and SSIM (default: off)",
    )
    parser.add_argument(
        "--max-side",
        type=int,
        default=512,
        metavar="PIXELS",
        help="reduce references, and with --evaluate the images, to this longer side; "
        "time grows with its fourth power (default: %(default)s)",
    )
    add_shard(parser)
    add_output(parser, large=True)
    add_console(parser, {"max_side": 160})


def upscale_by_reference(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    references: Sequence[str | os.PathLike] = (),
    *,
    by_name: bool = False,
    model: str | os.PathLike = "textures",
    evaluate: bool = False,
    max_side: int = 512,
    shard: str | None = None,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Enlarge images with textures from other photographs.

    With `evaluate`, each image is reduced first. The result is scored against it,
    beside bicubic interpolation, the upscaler without references, and the same model
    without references.

    Args:
      images: files or folders; None for the left image of a bundled stereo pair, with
        the right one as reference, and `evaluate`.
      references: files or folders of photographs of the same or a similar subject,
        which appears in them about as large as in the result.
      by_name: each image takes the references of its own stem instead of all.
      model: name of pretrained weights, or a file of weights; they set the scale.
      evaluate: reduces first, and prints PSNR and SSIM.
      max_side: references, and with `evaluate` the images, are reduced to a longer side
        of at most this. Time grows with its fourth power.
      shard: `"3/16"` for the third of 16 jobs that share the images; None for all.
      output: where to write the results and, beside each, a contact sheet. The sheet
        colors the references by position, and the cells of the result by the position
        of their match.

    Returns:
      The files written.

    Raises:
      ValueError: for images without references, no reference of an image's stem, and a
        model of another task.
    """
    _check_references(images, references)
    loaded = resolve(model, "upscale_by_reference")
    outputs = as_outputs(output)

    def upscale_one(source: Source) -> Files:
        if source.path is None:
            left, right = (photograph(_SAMPLE, i) for i in (0, 1))
            picture, photos = Picture(left, None), [reduce_to(right, max_side)]
        else:
            picture = read_picture(source)
            photos = references_for(source, references, by_name, max_side)
        low_resolution, target = as_rgb(picture.image), None
        if evaluate or source.path is None:
            image = reduce_to(low_resolution, max_side)
            low_resolution, target = _reduced_by(loaded.model.scale, image)
        h, w = (loaded.model.scale * n for n in low_resolution.shape[:2])
        outputs.check_size((h, w))
        files = outputs.claim(f"{source.name}_by_reference", "", "_sheet")
        print(f"{source.name}: {len(photos)} references, to {h}x{w}")
        panels = _panels(low_resolution, photos, loaded, target)
        files.write_image("", np.asarray(panels["by reference"]), picture.metadata)
        files.write_sheet("_sheet", panels, columns=3)
        return files

    sources = list_sources("images", images, sample=_SAMPLE)
    return for_each(take_shard(sources, shard, outputs), upscale_one, outputs)


def _check_references(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None,
    references: Sequence[str | os.PathLike],
) -> None:
    if references and not images:
        raise ValueError("`references` need `images`, got none. Give both.")
    if images and not references:
        fix = "Add --references NAME. `inr upscale` needs none."
        raise _checks.fail("references", "at least one photograph", "none", fix)


def _panels(
    low_resolution: np.ndarray,
    references: list[np.ndarray],
    model: LoadedModel,
    target: np.ndarray | None,
) -> dict[str, Array | np.ndarray]:
    """Images of the sheet by label; prints scores if there is a target."""
    panels: dict[str, Array | np.ndarray] = {}
    panels |= {f"reference {i}": x for i, x in enumerate(references, 1)}
    if target is not None:
        panels["original"] = target
    options: dict[str, Any] = {"scale": model.model.scale, "model": model}
    result = upscale_image(low_resolution, references, **options)
    panels["bicubic"] = jax.image.resize(low_resolution, result.shape, "cubic")
    panels["by reference"] = result
    if target is not None:
        results = {
            "bicubic": panels["bicubic"],
            "upscaler": upscale(low_resolution, options["scale"], progress=False),
            "without": upscale_image(low_resolution, [], **options),
            "by reference": result,
        }
        _print_scores(results, target)
    match = match_references(low_resolution, references, **options)
    for i, x in enumerate(references):
        panels[f"positions in {i + 1}"] = _position_colors(x.shape[:2], i)
    panels["matched positions"] = _match_colors(match, references)
    return panels


def _reduced_by(scale: int, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image, reduced, and cropped to a multiple of the scale."""
    h, w = (n // scale for n in image.shape[:2])
    target = image[: scale * h, : scale * w]
    reduced = reduce_images(target, (h, w), interpolation="bicubic")
    return np.clip(reduced, 0, 1), target


def _print_scores(results: dict[str, Array | np.ndarray], target: np.ndarray) -> None:
    print(f"{'':13s}{'PSNR dB':>9s}{'SSIM':>9s}")
    for label, image in results.items():
        image = np.clip(image, 0, 1)
        print(f"{label:13s}{psnr(image, target):9.2f}{ssim_text(image, target):>9s}")


def _position_colors(size: tuple[int, int], source: int) -> np.ndarray:
    """Red grows downward, green to the right; blue depends on the reference."""
    y, x = np.meshgrid(*(np.linspace(0, 1, n) for n in size), indexing="ij")
    return np.stack([y, x, np.full(size, 1 / (1 + source))], -1).astype(np.float32)


def _match_colors(match: Match, references: list[np.ndarray]) -> np.ndarray:
    colors = np.zeros((*match.source.shape, 3), np.float32)
    for i, x in enumerate(references):
        # Positions count cells of 4 x 4 pixels.
        cell_colors = _position_colors((x.shape[0] // 4, x.shape[1] // 4), i)
        own = np.asarray(match.source) == i
        row, column = np.moveaxis(np.asarray(match.position)[own], -1, 0)
        colors[own] = cell_colors[row, column]
    return colors
