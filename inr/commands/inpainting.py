"""The command that fills in missing pixels."""

import os
import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from inr import _checks
from inr.commands._shared import (
    as_rgb,
    load,
    output_folder,
    read_mask,
    reduce_to,
    report,
    timed_fit,
    without_alpha,
)
from inr.commands._sheet import write_sheet
from inr.fields import Siren, suggest_omega
from inr.fitting import fit_image
from inr.io import write_image
from inr.metrics import psnr
from inr.references import inpaint as inpaint_image
from inr.rendering import render
from inr.signals import smoothness_term
from inr.training import random_holes

# A quarter of the default rate, at which fields oscillate between the pixels.
_RATE = 5e-4


def inpaint(
    image: str | os.PathLike | None = None,
    references: Sequence[str | os.PathLike] = (),
    *,
    mask: str | os.PathLike | None = None,
    model: str | os.PathLike | None = None,
    keep: float = 0.1,
    out: str | os.PathLike = "out",
    num_steps: int = 500,
    width: int = 128,
    max_side: int = 256,
    weight: float = 3e-3,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Fill in missing pixels by a SIREN with a smoothness prior, or by a model.

    Without a mask, pixels are removed at random: a random hole for a model, all but a
    fraction `keep` for a SIREN. The result, and the membrane beside it, are then scored
    on the removed pixels.

    Args:
      image: file name; None for a bundled photograph.
      references: file names of photographs of the same or a similar subject, for a
        model.
      mask: file name of an image of the same size, bright where pixels are missing.
      model: model that fills the hole: `"inpainting"`, or a file of weights; None for a
        SIREN.
      keep: fraction of pixels that remain known, for a SIREN without a mask.
      out: folder for the result and a contact sheet.
      num_steps: number of fitting steps of the SIREN.
      width: hidden units of the SIREN.
      max_side: images are reduced to a longer side of at most this.
      weight: weight of the smoothness prior.
      seed: seed of the initialization and of the removed pixels.

    Returns:
      The files written.

    Raises:
      ValueError: for a mask without its image, or references without a model.
    """
    if mask is not None and image is None:
        raise ValueError("`mask` needs an `image`, got None. Give both.")
    if references and model is None:
        raise ValueError(
            "`references` need a `model`, got None. Give --model inpainting."
        )
    name, original = load(image, bundled="chelsea")
    hole = None if mask is None else read_mask(mask, original.shape[:2])
    original = reduce_to(without_alpha(original), max_side)
    h, w, _ = original.shape
    if hole is not None:
        missing = _reduced_mask(hole, (h, w))
    else:
        missing = _random_mask((h, w), None if model else keep, seed)
    known_share = 100 * (1 - missing.mean())
    print(f"{name}: {h}x{w}, {known_share:.0f} % of the pixels known")
    known = np.where(missing[..., None], 0, original)
    membrane = np.asarray(inpaint_image(known, missing, method="membrane"))
    panels = {"known": known, "membrane": membrane}
    if model is None:
        options = {"num_steps": num_steps, "width": width, "weight": weight}
        result = _by_siren(original, missing, membrane, seed=seed, **options)
        panels["siren"] = result
    else:
        images = [reduce_to(as_rgb(load(path)[1]), max_side) for path in references]
        panels["model"] = result = _by_model(known, missing, images, model)
    if mask is None:
        for label in list(panels)[1:]:
            error = float(psnr(panels[label][missing], original[missing]))
            print(f"{label}: {error:.2f} dB on the missing pixels")
        panels["original"] = original
    folder = output_folder(out)
    files = [folder / f"{name}_inpainted.png", folder / f"{name}_inpainted_sheet.png"]
    write_image(files[0], np.where(missing[..., None], result, original))
    write_sheet(files[1], panels)
    return report(files)


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


def _random_mask(size: tuple[int, int], keep: float | None, seed: int) -> np.ndarray:
    """Missing pixels: one random hole, or random pixels beside a fraction `keep`."""
    if keep is None:
        return np.asarray(random_holes(jax.random.key(seed), size, num_holes=1)[0])
    keep = _checks.as_fraction("keep", keep)
    return np.random.default_rng(seed).uniform(size=size) >= keep


def _reduced_mask(missing: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The mask of a reduced image: True where any pixel of a cell is missing."""
    share = jax.image.resize(missing.astype(np.float32), size, "linear")
    return np.asarray(share) > 0.01
