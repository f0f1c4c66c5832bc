"""The command that enlarges a photograph by reference images."""

import argparse
import os
import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from inr import _checks
from inr._typing import Array
from inr.commands._batches import list_files, report, single_source
from inr.commands._options import add_console, add_model, add_output
from inr.commands._outputs import Outputs, as_outputs
from inr.commands._shared import (
    Picture,
    as_rgb,
    photograph,
    read_picture,
    reduce_to,
    ssim_text,
)
from inr.io import read_image
from inr.metrics import psnr
from inr.models import resolve
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
        "image", nargs="?", help="file (default: one of a bundled stereo pair)"
    )
    parser.add_argument(
        "references",
        nargs="*",
        help="files or folders of photographs of the same or a similar subject, at "
        "least one (default: the other one of the stereo pair)",
    )
    text = "sets the scale: "
    add_model(parser, "upscale_by_reference", default="textures", text=text)
    parser.add_argument(
        "--evaluate",
        action="store_true",
        help="reduce the image first, and print PSNR and SSIM (default: off)",
    )
    parser.add_argument(
        "--max-side",
        type=int,
        default=512,
        metavar="PIXELS",
        help="reduce references, and with --evaluate the image, to this longer side; "
        "time grows with its fourth power (default: %(default)s)",
    )
    add_output(parser, large=True)
    add_console(parser, {"max_side": 160})


def upscale_by_reference(
    image: str | os.PathLike | None = None,
    references: Sequence[str | os.PathLike] = (),
    *,
    model: str | os.PathLike = "textures",
    evaluate: bool = False,
    max_side: int = 512,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Enlarge an image with textures from other photographs.

    With `evaluate`, the image is reduced first. The result is scored against it, beside
    bicubic interpolation, the upscaler without references, and the same model without
    references.

    Args:
      image: file name; None for the left image of a bundled stereo pair, with the right
        one as reference, and `evaluate`.
      references: files or folders of photographs of the same or a similar subject,
        which appears in them about as large as in the result.
      model: name of pretrained weights, or a file of weights; they set the scale.
      evaluate: reduces first, and prints PSNR and SSIM.
      max_side: references, and with `evaluate` the image, are reduced to a longer side
        of at most this. Time grows with its fourth power.
      output: where to write the result and a contact sheet. The sheet colors the
        references by position, and the cells of the result by the position of their
        match.

    Returns:
      The files written.

    Raises:
      ValueError: for an image without references, and a model of another task.
    """
    loaded = resolve(model, "upscale_by_reference")
    scale = loaded.model.scale
    name, (low_resolution, metadata), originals = _read_all(image, references)
    sources = [reduce_to(x, max_side) for x in originals]
    panels: dict[str, Array | np.ndarray] = {}
    panels |= {f"reference {i}": x for i, x in enumerate(sources, 1)}
    target = None
    if evaluate or image is None:
        low_resolution, target = _reduced_by(scale, reduce_to(low_resolution, max_side))
        panels["original"] = target
    h, w = (scale * n for n in low_resolution.shape[:2])
    outputs = as_outputs(output)
    outputs.check_size((h, w))
    files = outputs.claim(f"{name}_by_reference", "", "_sheet")
    print(f"{name}: {len(sources)} references, to {h}x{w}")
    options = {"scale": scale, "model": loaded}
    result = upscale_image(low_resolution, sources, **options)
    panels["bicubic"] = jax.image.resize(low_resolution, result.shape, "cubic")
    panels["by reference"] = result
    if target is not None:
        results = {
            "bicubic": panels["bicubic"],
            "upscaler": upscale(low_resolution, scale, progress=False),
            "without": upscale_image(low_resolution, [], **options),
            "by reference": result,
        }
        _print_scores(results, target)
    match = match_references(low_resolution, sources, **options)
    for i, x in enumerate(sources):
        panels[f"positions in {i + 1}"] = _position_colors(x.shape[:2], i)
    panels["matched positions"] = _match_colors(match, sources)
    files.write_image("", np.asarray(result), metadata)
    files.write_sheet("_sheet", panels, columns=3)
    return report(files)


def _read_all(
    image: str | os.PathLike | None, references: Sequence[str | os.PathLike]
) -> tuple[str, Picture, list[np.ndarray]]:
    """Name and picture of the image, and the references, in RGB."""
    if image is None:
        if references:
            raise ValueError("`references` need an `image`, got None. Give both.")
        left, right = (photograph(_SAMPLE, i) for i in (0, 1))
        return _SAMPLE, Picture(left, None), [right]
    if not references:
        fix = "`inr upscale` needs none."
        raise _checks.fail("references", "at least one photograph", "none", fix)
    source = single_source("image", image)
    picture = read_picture(source)
    paths = list_files("references", references)
    originals = [as_rgb(read_image(path)) for path in paths]
    return source.name, picture._replace(image=as_rgb(picture.image)), originals


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
