"""The command that exports an image as a shader and as a StableHLO program."""

import os
import pathlib

import jax
import numpy as np

from inr.commands._shared import (
    load,
    output_folder,
    reduce_to,
    report,
    timed_fit,
    without_alpha,
)
from inr.commands._sheet import write_sheet
from inr.fields import Siren, suggest_omega, to_glsl, to_stablehlo
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
    """Export a small SIREN of an image as a shader and as a StableHLO program.

    Args:
      image: file name; None for a bundled photograph. Alpha is dropped.
      out: folder for the shader, the program, and the shader's picture.
      num_steps: number of fitting steps.
      width: hidden units of the SIREN.
      depth: its width-to-width layers.
      max_side: the image is reduced to a longer side of at most this.
      seed: seed of the initialization.

    Returns:
      The files written.
    """
    name, target = load(image, bundled="chelsea")
    target = reduce_to(without_alpha(target), max_side)
    h, w, c = target.shape
    print(f"{name}: {h}x{w}, {c} channels, SIREN {width}x{depth}")
    # Half of the suggested frequency, because 3,000 parameters cannot fit every pixel.
    omega = 0.5 * suggest_omega(target)
    model = Siren(features=c, width=width, depth=depth, omega=omega)
    key = jax.random.key(seed)
    field = timed_fit(fit_image, key, target, model=model, num_steps=num_steps).field
    prediction = np.clip(render(field, (h, w)), 0, 1)
    print(f"PSNR {float(psnr(prediction, target)):.2f} dB")
    shader, program = to_glsl(field, size=(h, w)), to_stablehlo(field)
    print(f"shader: {len(shader)} characters for https://www.shadertoy.com/new")
    print(f"program: {len(program)} bytes; inr.from_stablehlo or JAX alone runs it")
    # The shader runs at any size, so the sheet shows it between the pixels too.
    enlarged = np.clip(render(field, (4 * h, 4 * w)), 0, 1)
    folder = output_folder(out)
    files = [folder / f"field.{end}" for end in ("glsl", "stablehlo", "png")]
    files[0].write_text(shader)
    files[1].write_bytes(program)
    write_sheet(files[2], {"image": target, "shader": enlarged}, side=4 * max(h, w))
    return report(files)
