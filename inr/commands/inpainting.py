"""A command that fills in what is missing from an image."""

import os
import pathlib
import time
from collections.abc import Sequence

import jax
import numpy as np

from inr import _checks
from inr.commands._shared import (
    as_rgb,
    folder_at,
    load,
    opaque,
    read_mask,
    reduced,
    report,
)
from inr.commands._sheet import write_sheet
from inr.fields import Siren, bind, suggest_omega
from inr.fitting import fit_image
from inr.io import write_image
from inr.metrics import psnr
from inr.poisson import solve_masked
from inr.rendering import render
from inr.restoration import inpaint_by_reference
from inr.signals import smoothness_term
from inr.training import random_holes

# As for enlarging: at the family's rate the field ripples between the pixels.
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
    """Fills in missing pixels by a SIREN with a smoothness prior, or by a model.

    With a mask the image's missing pixels are not looked at. Without one the image is
    whole: a part of its pixels drawn at random is kept, or, for a model, all but a
    random hole; and the others are what the result, and beside it the membrane (the
    harmonic function through the known pixels), are scored on.

    Args:
      image: file name; by default a bundled photograph.
      references: file names of photographs of the same or of the like, for a model.
      mask: file name of an image of the same size, bright where pixels are missing.
      model: what fills the hole in place of a SIREN: `"inpainting"`, or a file of
        weights, as `inr.restoration.inpaint_by_reference` takes them.
      keep: part of the pixels kept, where there is neither a mask nor a model.
      out: folder for the result and the contact sheet.
      num_steps: steps of the SIREN's fit.
      width: hidden units of the SIREN.
      max_side: the image, and references, are reduced until their longer sides are no
        more than this.
      weight: of the SIREN's prior, its total variation.
      seed: of the initialization and of the pixels kept.

    Returns:
      The files written.

    Raises:
      ValueError: for a mask without its image, or references without a model.
    """
    if mask is not None and image is None:
        raise ValueError("`mask` belongs to an image of yours: give both.")
    if references and model is None:
        raise ValueError("`references` are for a `model`, such as 'inpainting'.")
    name, picture = load(image, bundled="chelsea")
    hidden = None if mask is None else read_mask(mask, picture.shape[:2])
    picture = reduced(opaque(picture), max_side)
    h, w, _ = picture.shape
    if hidden is not None:
        missing = _shrunk(hidden, (h, w))
    else:
        missing = _drawn((h, w), None if model else keep, seed)
    share = 100 * (1 - missing.mean())
    print(f"{name}: {h}x{w}, {share:.0f} % of the pixels known")
    known = np.where(missing[..., None], 0, picture)
    membrane = np.asarray(solve_masked(np.zeros_like(known), missing, known).value)
    shown = {"known": known, "membrane": membrane}
    if model is None:
        fit = {"num_steps": num_steps, "width": width, "weight": weight, "seed": seed}
        shown["siren"] = held = _by_siren(picture, missing, membrane, **fit)
    else:
        others = [reduced(as_rgb(load(path)[1]), max_side) for path in references]
        shown["model"] = held = _by_model(known, missing, others, model)
    if mask is None:
        shown["original"] = picture
        for label in list(shown)[1:3]:
            error = float(psnr(shown[label][missing], picture[missing]))
            print(f"{label}: {error:.2f} dB on the missing pixels")
    folder = folder_at(out)
    files = [folder / f"{name}_inpainted.png", folder / f"{name}_inpainted_sheet.png"]
    write_image(files[0], np.where(missing[..., None], held, picture))
    write_sheet(files[1], shown)
    return report(files)


def _by_siren(
    picture: np.ndarray,
    missing: np.ndarray,
    membrane: np.ndarray,
    *,
    num_steps: int,
    width: int,
    weight: float,
    seed: int,
) -> np.ndarray:
    h, w, c = picture.shape
    model = Siren(features=c, width=width, depth=3, omega=suggest_omega(membrane))
    start = time.perf_counter()
    result = fit_image(
        jax.random.key(seed),
        model,
        picture,
        weights=(~missing).astype(np.float32),
        prior=smoothness_term(weight=weight),
        learning_rate=_RATE,
        num_steps=num_steps,
    )
    took = time.perf_counter() - start
    print(f"fit: {result.step} steps in {took:.0f} s, {result.status}")
    return np.clip(render(bind(model, result.params), (h, w)), 0, 1)


def _by_model(
    known: np.ndarray,
    missing: np.ndarray,
    references: list[np.ndarray],
    model: str | os.PathLike,
) -> np.ndarray:
    made = inpaint_by_reference(as_rgb(known), missing, references, model=model)
    made = np.clip(made, 0, 1)
    return made.mean(-1, keepdims=True) if known.shape[-1] == 1 else made


def _drawn(size: tuple[int, int], keep: float | None, seed: int) -> np.ndarray:
    """Pixels not among a part `keep` of them all, drawn at random; None: one hole."""
    if keep is None:
        return np.asarray(random_holes(jax.random.key(seed), size, count=1)[0])
    keep = _checks.as_fraction("keep", keep)
    return np.random.default_rng(seed).uniform(size=size) >= keep


def _shrunk(missing: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The mask for a reduced image: a pixel that is missing in part is missing."""
    share = jax.image.resize(missing.astype(np.float32), size, "linear")
    return np.asarray(share) > 0.01
