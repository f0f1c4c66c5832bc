"""The command that merges aligned images by their gradients."""

import argparse
import os
import pathlib
import time
from collections.abc import Sequence
from typing import get_args

import jax
import numpy as np
from scipy.ndimage import gaussian_filter

from inr import _checks
from inr.commands._batches import list_sources, report
from inr.commands._options import add_console, add_max_side, add_output
from inr.commands._outputs import Outputs, as_outputs
from inr.commands._shared import (
    Picture,
    match_channels,
    photograph,
    read_picture,
    reduce_to,
    without_alpha,
)
from inr.merging import MergeMode, merge as merge_images

_SAMPLE = "astronaut"
_BLUR = 4.0  # standard deviation, in pixels


def add_merge(parser: argparse.ArgumentParser) -> None:
    """Add the options of `merge`."""
    parser.set_defaults(run=merge)
    parser.add_argument(
        "images",
        nargs="*",
        help="two or more images of the same view, or folders of them (default: a "
        "photograph from scikit-image, twice, each time with another half blurred)",
    )
    parser.add_argument(
        "--mode",
        choices=get_args(MergeMode),
        default="strongest",
        help="gradients of the result. strongest: the strongest of all images; mean: "
        "their mean (default: %(default)s)",
    )
    parser.add_argument(
        "--resize",
        action="store_true",
        help="resize all images to the size of the first (default: refuse others)",
    )
    parser.add_argument(
        "--linear-light",
        action="store_true",
        help="merge linear intensities (default: sRGB values)",
    )
    add_max_side(parser, 2048)
    add_output(parser)
    add_console(parser, {"max_side": 256})


def merge(
    images: Sequence[str | os.PathLike] = (),
    *,
    mode: MergeMode = "strongest",
    resize: bool = False,
    linear_light: bool = False,
    max_side: int = 2048,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Merge aligned images by their gradients.

    Args:
      images: two or more files, or folders of them; by default a photograph
        from scikit-image, twice, each time with another half blurred. The metadata of
        the first are those of the result.
      mode: `"strongest"` or `"mean"`, as `guidance` in `inr.merge`.
      resize: resize images to the size of the first before merging; without it, images
        of different sizes are refused.
      linear_light: work in linear light instead of sRGB-encoded values.
      max_side: reduce larger images, before merging, to this longer side in pixels.
      output: where to write the result and the contact sheet.

    Returns:
      The files written.
    """
    _checks.check_choice("mode", mode, get_args(MergeMode))
    if images:
        sources = list_sources("images", images)
        pictures = [read_picture(source) for source in sources]
        name = "_".join(source.name for source in sources[:2])
    else:
        pictures = [Picture(image, None) for image in _half_blurred()]
        name = _SAMPLE
    if len(pictures) < 2:
        raise _checks.fail("images", "two or more", "one")
    files = as_outputs(output).claim(f"{name}_{mode}", "", "_sheet")
    arrays = _aligned([without_alpha(x.image) for x in pictures], resize, max_side)
    start = time.perf_counter()
    result = merge_images(arrays, guidance=mode, linear_light=linear_light)
    result.block_until_ready()
    seconds = time.perf_counter() - start
    h, w, c = result.shape
    print(
        f"{len(arrays)} images: {h}x{w}, {c} channels, {mode}, {seconds:.2f} s with "
        "compilation"
    )
    panels = {f"image {i}": x for i, x in enumerate(arrays, 1)}
    panels |= {"mean": np.mean(arrays, 0), "result": np.asarray(result)}
    files.write_image("", panels["result"], pictures[0].metadata)
    files.write_sheet("_sheet", panels)
    return report(files)


def _half_blurred() -> list[np.ndarray]:
    """A photograph whose left half is blurred, and one whose right half is."""
    image = photograph(_SAMPLE)
    blurred = gaussian_filter(image, (_BLUR, _BLUR, 0))
    middle = image.shape[1] // 2
    halves = [(blurred, image), (image, blurred)]
    return [np.concatenate([a[:, :middle], b[:, middle:]], 1) for a, b in halves]


def _aligned(images: list[np.ndarray], resize: bool, max_side: int) -> list[np.ndarray]:
    """The images with the size of the first, reduced, and equal channels."""
    size = images[0].shape[:2]
    for i, image in enumerate(images):
        if image.shape[:2] != size and not resize:
            raise _checks.fail(
                f"images[{i}]",
                f"as large as the first, {size}",
                f"{image.shape[:2]}",
                "Add --resize, or paste a part of an image by `inr seamless-clone`.",
            )
    same = [image.shape[:2] == size for image in images]
    images = match_channels(images)
    for i, image in enumerate(images):
        shape = (*images[0].shape[:2], image.shape[-1])
        if same[i]:
            images[i] = reduce_to(image, max_side)
        else:
            images[i] = np.asarray(jax.image.resize(image, shape, "cubic"))
    return images
