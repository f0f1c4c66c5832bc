"""The command that exports an image as a shader and as a StableHLO program."""

import argparse
import os
import pathlib

import jax
import numpy as np

from inr.commands._batches import report, single_source
from inr.commands._options import (
    add_console,
    add_max_side,
    add_output,
    add_training,
)
from inr.commands._outputs import Outputs, as_outputs
from inr.commands._shared import (
    read_picture,
    reduce_to,
    timed_fit,
    without_alpha,
)
from inr.fields import Siren, suggest_omega, to_glsl, to_stablehlo
from inr.fitting import fit_image
from inr.metrics import psnr
from inr.rendering import render


def add_export(parser: argparse.ArgumentParser) -> None:
    """Add the options of `export`."""
    parser.set_defaults(run=export)
    parser.add_argument(
        "image", nargs="?", help="file (default: a photograph from scikit-image)"
    )
    parser.add_argument(
        "--depth",
        type=int,
        default=3,
        help="hidden layers of the SIREN after the first (default: %(default)s)",
    )
    add_max_side(parser, 128)
    add_training(parser, num_steps=2000, width=32)
    main = "the shader (.glsl), the program (.stablehlo) or the picture"
    add_output(parser, main=main, pictures=False)
    add_console(parser, {"num_steps": 300, "max_side": 64})


def export(
    image: str | os.PathLike | None = None,
    *,
    num_steps: int = 2000,
    width: int = 32,
    depth: int = 3,
    max_side: int = 128,
    seed: int = 0,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Export a small SIREN of an image as a shader and as a StableHLO program.

    Args:
      image: file name; None for a bundled photograph. Alpha is dropped.
      num_steps: number of fitting steps.
      width: hidden units of the SIREN.
      depth: its width-to-width layers.
      max_side: the image is reduced to a longer side of at most this.
      seed: seed of the initialization.
      output: where to write the shader, the program, and the shader's picture.

    Returns:
      The files written.
    """
    source = single_source("image", image, sample="chelsea")
    files = as_outputs(output).claim(source.name, ".glsl", ".stablehlo", "")
    target = reduce_to(without_alpha(read_picture(source).image), max_side)
    h, w, c = target.shape
    print(f"{source.name}: {h}x{w}, {c} channels, SIREN {width}x{depth}")
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
    files.write_text(".glsl", shader)
    files.write_bytes(".stablehlo", program)
    panels = {"image": target, "shader": enlarged}
    files.write_sheet("", panels, side=4 * max(h, w))
    return report(files)
