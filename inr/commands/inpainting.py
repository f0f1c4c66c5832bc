"""The command that fills in missing pixels of images."""

import argparse
import functools
import os
import pathlib
from collections.abc import Sequence
from typing import Literal, get_args

import jax
import numpy as np

from inr import _checks
from inr._typing import Size
from inr.commands._batches import Source, for_each, list_sources, take_shard
from inr.commands._companions import file_for
from inr.commands._options import (
    add_console,
    add_max_side,
    add_model,
    add_output,
    add_references,
    add_shard,
    add_training,
)
from inr.commands._outputs import Files, Outputs, as_outputs
from inr.commands._shared import (
    as_rgb,
    read_mask,
    read_picture,
    reduce_to,
    references_for,
    timed_fit,
    without_alpha,
)
from inr.fields import Siren, suggest_omega
from inr.fitting import fit_image
from inr.metrics import psnr
from inr.references import inpaint as inpaint_image
from inr.rendering import render
from inr.signals import smoothness_term
from inr.training import random_holes

Method = Literal["texture", "membrane", "siren"]

_SIREN_SIDE = 256
# A quarter of the default rate, at which fields oscillate between the pixels.
_RATE = 5e-4


def add_inpaint(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inpaint`."""
    parser.set_defaults(run=inpaint)
    parser.add_argument(
        "images",
        nargs="*",
        help="files or folders (default: a photograph from scikit-image)",
    )
    parser.add_argument(
        "--method",
        choices=get_args(Method),
        default="texture",
        help="texture: copy textures by a model; membrane: the smoothest function, for "
        "scratches; siren: a SIREN with a smoothness prior, slow, for pixels that are "
        "missing at random (default: %(default)s)",
    )
    add_model(parser, "inpaint", default="inpainting", text="of --method texture: ")
    parser.add_argument(
        "--mask",
        metavar="NAME",
        help="image of the same size, bright where pixels are missing: a file for all "
        "images, or a folder where the mask of photo.jpg is photo.png or another "
        "format (default: a random hole, and random pixels for --method siren)",
    )
    add_references(parser, "of --method texture: ", default="none")
    add_max_side(parser, None, f"no limit, and {_SIREN_SIDE} for --method siren")
    add_shard(parser)
    group = parser.add_argument_group("options of --method siren")
    group.add_argument(
        "--keep",
        type=float,
        default=0.1,
        help="without --mask: fraction of the pixels that remain known (default: "
        "%(default)g)",
    )
    group.add_argument(
        "--weight",
        type=float,
        default=3e-3,
        help="weight of the smoothness prior; more is smoother (default: %(default)g)",
    )
    add_training(group, num_steps=500, width=128)
    add_output(parser)
    add_console(parser, {"num_steps": 60, "max_side": 96})


def inpaint(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    references: Sequence[str | os.PathLike] = (),
    *,
    method: Method = "texture",
    model: str | os.PathLike = "inpainting",
    by_name: bool = False,
    mask: str | os.PathLike | None = None,
    keep: float = 0.1,
    num_steps: int = 500,
    width: int = 128,
    max_side: int | None = None,
    weight: float = 3e-3,
    seed: int = 0,
    shard: str | None = None,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Fill in missing pixels by textures, a membrane, or a SIREN.

    Without a mask, pixels are removed: a random hole, or all but a random fraction
    `keep` for a SIREN. The result, and the membrane beside it, are then scored on the
    removed pixels.

    Args:
      images: files or folders; None for a bundled photograph.
      references: files or folders of photographs of the same or a similar subject, for
        the method texture.
      method: `"texture"` and `"membrane"` are those of `inr.inpaint`; `"siren"` fits a
        SIREN with a smoothness prior.
      model: model of the method texture: `"inpainting"`, or a file of weights.
      by_name: each image takes the references of its own stem instead of all.
      mask: image of the same size, bright where pixels are missing: a file for all
        images, or a folder with a file of each image's stem.
      keep: fraction of pixels that remain known, for a SIREN without a mask.
      num_steps: number of fitting steps of the SIREN.
      width: hidden units of the SIREN.
      max_side: images are reduced to a longer side of at most this; None for no limit,
        which is 256 for a SIREN.
      weight: weight of the smoothness prior.
      seed: seed of the initialization and of the removed pixels.
      shard: `"3/16"` for the third of 16 jobs that share the images; None for all.
      output: where to write the results and, beside each, a contact sheet.

    Returns:
      The files written.

    Raises:
      ValueError: for a mask without its image, references for another method than
        texture, and a folder without a mask or reference of an image's stem.
    """
    if mask is not None and not images:
        raise ValueError("`mask` needs `images`, got none. Give both.")
    _checks.check_choice("method", method, get_args(Method))
    if (references or by_name) and method != "texture":
        raise _checks.fail("method", "texture for references", method)
    is_siren = method == "siren"
    if is_siren and max_side is None:
        max_side = _SIREN_SIDE
    outputs = as_outputs(output)
    by_siren = functools.partial(
        _by_siren, num_steps=num_steps, width=width, weight=weight, seed=seed
    )

    def inpaint_one(source: Source) -> Files:
        picture = read_picture(source)
        files = outputs.claim(f"{source.name}_inpainted", "", "_sheet")
        mask_file = None if mask is None else file_for("mask", mask, source)
        hole = mask_file and read_mask(mask_file, picture.image.shape[:2])
        original = reduce_to(without_alpha(picture.image), max_side)
        size = original.shape[:2]
        missing = _missing(hole, size, keep if is_siren else None, seed)
        h, w = missing.shape
        known_share = 100 * (1 - missing.mean())
        print(f"{source.name}: {h}x{w}, {known_share:.0f} % of the pixels known")
        known = np.where(missing[..., None], 0, original)
        membrane = np.asarray(inpaint_image(known, missing, method="membrane"))
        panels = {"known": known, "membrane": membrane}
        if is_siren:
            panels[method] = by_siren(original, missing, membrane)
        elif method == "texture":
            photos = references_for(source, references, by_name, max_side)
            panels[method] = _by_model(known, missing, photos, model)
        result = list(panels.values())[-1]
        if hole is None:
            _print_scores(panels, original, missing)
            panels["original"] = original
        repaired = np.where(missing[..., None], result, original)
        files.write_image("", repaired, picture.metadata)
        files.write_sheet("_sheet", panels)
        return files

    sources = list_sources("images", images, sample="chelsea")
    return for_each(take_shard(sources, shard, outputs), inpaint_one, outputs)


def _by_siren(
    image: np.ndarray,
    missing: np.ndarray,
    membrane: np.ndarray,
    *,
    num_steps: int,
    width: int,
    weight: float,
    seed: int,
) -> np.ndarray:
    h, w, c = image.shape
    model = Siren(features=c, width=width, depth=3, omega=suggest_omega(membrane))
    result = timed_fit(
        fit_image,
        jax.random.key(seed),
        image,
        model=model,
        points="pixels",
        weights=(~missing).astype(np.float32),
        batch_size=None,
        prior=smoothness_term(weight=weight),
        optimizer=_RATE,
        num_steps=num_steps,
    )
    return np.clip(render(result.field, (h, w)), 0, 1)


def _by_model(
    known: np.ndarray,
    missing: np.ndarray,
    references: list[np.ndarray],
    model: str | os.PathLike,
) -> np.ndarray:
    result = inpaint_image(as_rgb(known), missing, references=references, model=model)
    result = np.clip(result, 0, 1)
    return result.mean(-1, keepdims=True) if known.shape[-1] == 1 else result


def _missing(
    hole: np.ndarray | None, size: Size, keep: float | None, seed: int
) -> np.ndarray:
    """Bool `[h, w]`: a hole that was read, reduced to a size, or random pixels."""
    return _random_mask(size, keep, seed) if hole is None else _reduced_mask(hole, size)


def _print_scores(
    panels: dict[str, np.ndarray], original: np.ndarray, missing: np.ndarray
) -> None:
    for label in list(panels)[1:]:
        error = float(psnr(panels[label][missing], original[missing]))
        print(f"{label}: {error:.2f} dB on the missing pixels")


def _random_mask(size: Size, keep: float | None, seed: int) -> np.ndarray:
    """Missing pixels: one random hole, or random pixels beside a fraction `keep`."""
    if keep is None:
        return np.asarray(random_holes(jax.random.key(seed), size, num_holes=1)[0])
    keep = _checks.as_fraction("keep", keep)
    return np.random.default_rng(seed).uniform(size=size) >= keep


def _reduced_mask(missing: np.ndarray, size: Size) -> np.ndarray:
    """The mask of a reduced image: True where any pixel of a cell is missing."""
    share = jax.image.resize(missing.astype(np.float32), size, "linear")
    return np.asarray(share) > 0.01
