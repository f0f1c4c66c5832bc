"""A command that enlarges a photograph by others, and shows what came from where."""

import os
import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from inr import _checks
from inr.commands._shared import (
    as_rgb,
    folder_at,
    load,
    photograph,
    reduced,
    report,
    ssim_text,
)
from inr.commands._sheet import write_sheet
from inr.io import write_image
from inr.metrics import psnr
from inr.restoration import (
    Match,
    TextureTransformer,
    match_references,
    upscale,
    upscale_by_reference,
)
from inr.restoration.files import resolve
from inr.training import reduce_images


def reference_upscale(
    image: str | os.PathLike | None = None,
    references: Sequence[str | os.PathLike] = (),
    *,
    model: str | os.PathLike = "textures",
    evaluate: bool = False,
    out: str | os.PathLike = "out",
    max_side: int = 512,
) -> list[pathlib.Path]:
    """Enlarges an image four times, or twice, with textures of other photographs.

    With `evaluate` it is first reduced as much, and the result is scored against it
    beside bicubic interpolation, the upscaler, which sees no reference, and the same
    model without references.

    Args:
      image: file name; by default a bundled photograph, the left of a stereo pair,
        with the right one for its reference, and `evaluate`.
      references: file names of photographs of the same or of the like, in which things
        are about as large as in the result.
      model: name of shipped weights, or a file of weights; they set the scale.
      evaluate: reduce first, and print PSNR and SSIM.
      out: folder for the result and a contact sheet. On that the places of each
        reference have colors, and the result's cells those of where they came from.
      max_side: the references, and an image that is reduced first, are reduced until
        their longer sides are no more than this. Time grows with its fourth power.

    Returns:
      The files written.

    Raises:
      ValueError: for an image without references, and a model of another kind.
    """
    loaded = resolve(model, TextureTransformer)
    scale = loaded.model.scale
    name, picture, others = _opened(image, references)
    others = [reduced(x, max_side) for x in others]
    panels = {f"reference {i}": x for i, x in enumerate(others, 1)}
    if evaluate or image is None:
        picture, truth = _reduced_by(scale, reduced(picture, max_side))
        panels["original"] = truth
    h, w = (scale * n for n in picture.shape[:2])
    print(f"{name}: {len(others)} references, to {h}x{w}")
    made = upscale_by_reference(picture, others, model=loaded)
    panels["bicubic"] = jax.image.resize(picture, made.shape, "cubic")
    panels["by reference"] = made
    if "original" in panels:
        alone = upscale_by_reference(picture, [], model=loaded)
        learned = upscale(picture, scale, progress=False)
        results = {"upscaler": learned, "without": alone, "by reference": made}
        _print_scores({"bicubic": panels["bicubic"], **results}, truth)
    match = match_references(picture, others, model=loaded)
    for i, x in enumerate(others):
        panels[f"places in {i + 1}"] = _places(x.shape[:2], i)
    panels["taken from there"] = _origins(match, others)
    folder = folder_at(out)
    files = [folder / f"{name}_by_reference{end}.png" for end in ("", "_sheet")]
    write_image(files[0], made)
    write_sheet(files[1], {k: np.asarray(x) for k, x in panels.items()}, columns=3)
    return report(files)


def _opened(
    image: str | os.PathLike | None, references: Sequence[str | os.PathLike]
) -> tuple[str, np.ndarray, list[np.ndarray]]:
    if image is None:
        if references:
            raise ValueError("`references` belong to an image of yours: give both.")
        left, right = (photograph("stereo_motorcycle", i) for i in (0, 1))
        return "stereo_motorcycle", left, [right]
    if not references:
        expected = "at least one photograph"
        fix = "`inr upscale` needs none."
        raise _checks.fail("references", expected, "none", fix)
    name, picture = load(image)
    return name, as_rgb(picture), [as_rgb(load(path)[1]) for path in references]


def _reduced_by(scale: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture, without what does not fit, reduced; and as it is."""
    h, w = (n // scale for n in picture.shape[:2])
    truth = picture[: scale * h, : scale * w]
    return np.clip(reduce_images(truth, (h, w), interpolation="bicubic"), 0, 1), truth


def _print_scores(results: dict, truth: np.ndarray) -> None:
    print(f"{'':13s}{'PSNR dB':>9s}{'SSIM':>9s}")
    for label, image in results.items():
        image = np.clip(image, 0, 1)
        print(f"{label:13s}{psnr(image, truth):9.2f}{ssim_text(image, truth):>9s}")


def _places(size: tuple[int, int], source: int) -> np.ndarray:
    """A color for each place: red down, green to the right, blue by the reference."""
    y, x = np.meshgrid(*(np.linspace(0, 1, n) for n in size), indexing="ij")
    return np.stack([y, x, np.full(size, 1 / (1 + source))], -1).astype(np.float32)


def _origins(match: Match, references: list[np.ndarray]) -> np.ndarray:
    colors = np.zeros((*match.source.shape, 3), np.float32)
    for i, x in enumerate(references):
        # Of the cells, of four pixels.
        places = _places((x.shape[0] // 4, x.shape[1] // 4), i)
        own = np.asarray(match.source) == i
        row, column = np.moveaxis(np.asarray(match.place)[own], -1, 0)
        colors[own] = places[row, column]
    return colors
