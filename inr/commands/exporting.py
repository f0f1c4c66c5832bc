"""A command that holds an image as a small field and takes it out of this library."""

import os
import pathlib

import jax
import numpy as np

from inr.commands._shared import folder_at, load, opaque, reduced, report
from inr.commands._sheet import write_sheet
from inr.fields import Siren, bind, suggest_omega, to_glsl, to_stablehlo
from inr.fitting import fit_image
from inr.metrics import psnr
from inr.rendering import render


def export(
    image: str | os.PathLike | None = None,
    *,
    out: str | os.PathLike = "out",
    num_steps: int = 2000,
    width: int = 32,
    depth: int = 3,
    max_side: int = 128,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Writes a small SIREN of an image as a shader and as a StableHLO program.

    Args:
      image: file name; by default a bundled photograph. Opacity is left out.
      out: folder for the shader, the program, and what the shader shows.
      num_steps: steps of the fit.
      width: hidden units of the SIREN.
      depth: its width-to-width layers.
      max_side: the image is reduced until its longer side is no more than this.
      seed: of the initialization.

    Returns:
      The files written.
    """
    name, picture = load(image, bundled="chelsea")
    picture = reduced(opaque(picture), max_side)
    h, w, c = picture.shape
    print(f"{name}: {h}x{w}, {c} channels, held by a SIREN {width}x{depth}")
    # Half of what would hold every pixel: 3,000 parameters do not hold as much.
    omega = 0.5 * suggest_omega(picture)
    model = Siren(features=c, width=width, depth=depth, omega=omega)
    result = fit_image(jax.random.key(seed), model, picture, num_steps=num_steps)
    field = bind(model, result.params)
    held = np.clip(render(field, (h, w)), 0, 1)
    print(f"PSNR {float(psnr(held, picture)):.2f} dB")
    shader, program = to_glsl(field, size=(h, w)), to_stablehlo(field)
    print(f"shader: {len(shader)} characters for https://www.shadertoy.com/new")
    print(f"program: {len(program)} bytes; inr.from_stablehlo or JAX alone runs it")
    # The shader runs at any size, and shows what lies between the pixels too.
    shown = np.clip(render(field, (4 * h, 4 * w)), 0, 1)
    folder = folder_at(out)
    files = [folder / f"field.{end}" for end in ("glsl", "stablehlo", "png")]
    files[0].write_text(shader)
    files[1].write_bytes(program)
    write_sheet(files[2], {"image": picture, "shader": shown}, side=4 * max(h, w))
    return report(files)
