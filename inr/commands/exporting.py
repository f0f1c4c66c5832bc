"""The command that exports images as shaders and as StableHLO programs."""

import argparse
import os
import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from inr.commands._batches import Source, for_each, list_sources, take_shard
from inr.commands._options import (
    add_console,
    add_max_side,
    add_output,
    add_shard,
    add_training,
)
from inr.commands._outputs import Files, Outputs, as_outputs
from inr.commands._shared import (
    read_picture,
    reduce_to,
    timed_fit,
    without_alpha,
)
from inr.fields import BoundField, Siren, suggest_omega, to_glsl, to_stablehlo
from inr.fitting import fit_image
from inr.metrics import psnr
from inr.rendering import render


def add_export(parser: argparse.ArgumentParser) -> None:
    """Add the options of `export`."""
    parser.set_defaults(run=export)
    parser.add_argument(
        "images",
        nargs="*",
        help="files or folders (default: a photograph from scikit-image)",
    )
    parser.add_argument(
        "--depth",
        type=int,
        default=3,
        help="hidden layers of the SIREN after the first (default: %(default)s)",
    )
    add_max_side(parser, 128)
    add_training(parser, num_steps=2000, width=32)
    add_shard(parser)
    main = "the shader (.glsl), the program (.stablehlo) or the picture"
    add_output(parser, main=main, pictures=False)
    add_console(parser, {"num_steps": 300, "max_side": 64})


def export(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    *,
    num_steps: int = 2000,
    width: int = 32,
    depth: int = 3,
    max_side: int = 128,
    seed: int = 0,
    shard: str | None = None,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Export small SIRENs of images as shaders and as StableHLO programs.

    Args:
      images: files or folders; None for a bundled photograph. Alpha is dropped.
      num_steps: number of fitting steps.
      width: hidden units of the SIREN.
      depth: its width-to-width layers.
      max_side: images are reduced to a longer side of at most this.
      seed: seed of the initialization.
      shard: `"3/16"` for the third of 16 jobs that share the images; None for all.
      output: where to write, for each image, the shader, the program, and the shader's
        picture.

    Returns:
      The files written.
    """
    outputs = as_outputs(output)

    def export_one(source: Source) -> Files:
        files = outputs.claim(source.name, ".glsl", ".stablehlo", "")
        target = reduce_to(without_alpha(read_picture(source).image), max_side)
        h, w, c = target.shape
        print(f"{source.name}: {h}x{w}, {c} channels, SIREN {width}x{depth}")
        # Half of the suggested frequency, because 3,000 parameters cannot fit every
        # pixel.
        omega = 0.5 * suggest_omega(target)
        model = Siren(features=c, width=width, depth=depth, omega=omega)
        key = jax.random.key(seed)
        result = timed_fit(fit_image, key, target, model=model, num_steps=num_steps)
        prediction = np.clip(render(result.field, (h, w)), 0, 1)
        print(f"PSNR {float(psnr(prediction, target)):.2f} dB")
        _write(files, result.field, target)
        return files

    sources = list_sources("images", images, sample="chelsea")
    return for_each(take_shard(sources, shard, outputs), export_one, outputs)


def _write(files: Files, field: BoundField, target: np.ndarray) -> None:
    h, w, _ = target.shape
    shader, program = to_glsl(field, size=(h, w)), to_stablehlo(field)
    print(f"shader: {len(shader)} characters for https://www.shadertoy.com/new")
    print(f"program: {len(program)} bytes; inr.from_stablehlo or JAX alone runs it")
    # The shader runs at any size, so the sheet shows it between the pixels too.
    enlarged = np.clip(render(field, (4 * h, 4 * w)), 0, 1)
    files.write_text(".glsl", shader)
    files.write_bytes(".stablehlo", program)
    files.write_sheet("", {"image": target, "shader": enlarged}, side=4 * max(h, w))
