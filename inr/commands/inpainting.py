"""A command that fills in what is missing from an image."""

import os
import pathlib
import time

import jax
import numpy as np

from inr import _checks
from inr.commands._shared import (
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
from inr.signals import smoothness_term

# As for enlarging: at the family's rate the field ripples between the pixels.
_RATE = 5e-4


def inpaint(
    image: str | os.PathLike | None = None,
    *,
    mask: str | os.PathLike | None = None,
    keep: float = 0.1,
    out: str | os.PathLike = "out",
    num_steps: int = 500,
    width: int = 128,
    max_side: int = 256,
    weight: float = 3e-3,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Fills in missing pixels by a SIREN with a smoothness prior.

    With a mask the image's missing pixels are not looked at. Without one the image is
    whole: a part of its pixels drawn at random is kept, and the others are what the
    field, and beside it the membrane (the harmonic function through the kept pixels),
    are scored on.

    Args:
      image: file name; by default a bundled photograph.
      mask: file name of an image of the same size, bright where pixels are missing.
      keep: part of the pixels kept, where there is no mask.
      out: folder for the result and the contact sheet.
      num_steps: steps of the fit.
      width: hidden units of the SIREN.
      max_side: the image is reduced until its longer side is no more than this.
      weight: of the prior, the total variation of the field.
      seed: of the initialisation and of the pixels kept.

    Returns:
      The files written.
    """
    if mask is not None and image is None:
        raise ValueError("`mask` belongs to an image of yours: give both.")
    name, picture = load(image, bundled="chelsea")
    hidden = None if mask is None else read_mask(mask, picture.shape[:2])
    picture = reduced(opaque(picture), max_side)
    h, w, c = picture.shape
    missing = _drawn((h, w), keep, seed) if mask is None else _shrunk(hidden, (h, w))
    share = 100 * (1 - missing.mean())
    print(f"{name}: {h}x{w}, {share:.0f} % of the pixels known")
    known = np.where(missing[..., None], 0, picture)
    membrane = np.asarray(solve_masked(np.zeros_like(known), missing, known).value)
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
    held = np.clip(render(bind(model, result.params), (h, w)), 0, 1)
    shown = {"known": known, "membrane": membrane, "siren": held}
    if mask is None:
        shown["original"] = picture
        for label in ("membrane", "siren"):
            error = float(psnr(shown[label][missing], picture[missing]))
            print(f"{label}: {error:.2f} dB on the missing pixels")
    folder = folder_at(out)
    files = [folder / f"{name}_inpainted.png", folder / f"{name}_inpainted_sheet.png"]
    write_image(files[0], np.where(missing[..., None], held, picture))
    write_sheet(files[1], shown)
    return report(files)


def _drawn(size: tuple[int, int], keep: float, seed: int) -> np.ndarray:
    """Pixels that are not among a part `keep` of them all, drawn at random."""
    keep = _checks.as_fraction("keep", keep)
    return np.random.default_rng(seed).uniform(size=size) >= keep


def _shrunk(missing: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The mask for a reduced image: a pixel that is missing in part is missing."""
    share = jax.image.resize(missing.astype(np.float32), size, "linear")
    return np.asarray(share) > 0.01
