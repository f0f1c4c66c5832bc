"""The commands that fit a field to an image, and that render one from a file."""

import argparse
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._registry import registered
from inr._typing import Array, Region, Size
from inr.commands._batches import Source, for_each, list_sources
from inr.commands._options import (
    add_console,
    add_max_side,
    add_output,
    add_region,
    add_size,
    add_training,
)
from inr.commands._outputs import Files, Outputs, as_outputs, region_suffix
from inr.commands._shared import read_picture, reduce_to, ssim_text, timed_fit
from inr.coords import grid, sample_grid
from inr.fields import BoundField, FieldModule, load_field, save_field, suggest_omega
from inr.fitting import fit_image
from inr.metrics import find_regions, psnr
from inr.rendering import render as render_field

# A modulated field needs a network learned from many signals.
FAMILIES = tuple(sorted(registered(FieldModule).keys() - {"Modulated"}))
_ZOOM = 4


def add_fit(parser: argparse.ArgumentParser) -> None:
    """Add the options of `fit`."""
    parser.set_defaults(run=fit)
    parser.add_argument(
        "images",
        nargs="*",
        help="files or folders (default: a photograph from scikit-image)",
    )
    add_size(parser, "that of the image, or a close-up of its region")
    add_region(parser)
    add_max_side(parser, 256)
    parser.add_argument(
        "--family",
        choices=FAMILIES,
        default="Siren",
        help="kind of the field. Siren: sines, for images and derivatives; HashGrid: "
        "fastest for large images; Bacon: several resolutions in one field; Finer, "
        "Gauss, Wire: other activations; FourierNet, GaborNet: products of waves; "
        "FourierFeatures, PositionalEncoding: a perceptron over waves "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--width",
        type=int,
        help="units of each hidden layer; more fit finer detail, and take longer "
        "(default: that of the family, 256 for Siren)",
    )
    add_training(parser, num_steps=2000, width=None)
    add_output(
        parser,
        main="the field (.safetensors) or the rendering (a picture)",
        large=True,
    )
    add_console(parser, {"num_steps": 100, "width": 64, "max_side": 128})


def add_render(parser: argparse.ArgumentParser) -> None:
    """Add the options of `render`."""
    parser.set_defaults(run=render)
    parser.add_argument(
        "fields", nargs="+", help="files written by `inr fit`, or folders of them"
    )
    add_size(parser, "that of the fitted image, or a close-up of its region")
    add_region(parser)
    add_output(parser, large=True)
    add_console(parser)


def fit(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    *,
    family: str = "Siren",
    num_steps: int = 2000,
    width: int | None = None,
    max_side: int = 256,
    size: tuple[int, int] | None = None,
    region: Region | None = None,
    seed: int = 0,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Fit a field to each image, save it, and render it.

    Args:
      images: files or folders; None for a bundled photograph.
      family: registered name of the field's class, one of `FAMILIES`.
      num_steps: number of fitting steps.
      width: units of the hidden layers; None for the default of the family.
      max_side: the image is reduced to a longer side of at most this. If it is at least
        twice as large, the field is also scored between its pixels.
      size: of the rendering, `(h, w)`; None for the size of the fitted image.
      region: part of the image to render.
      seed: seed of the initialization.
      output: where to write the field, the rendering and the contact sheet.

    Returns:
      The files written.
    """
    outputs = as_outputs(output)

    def fit_one(source: Source) -> Files:
        original, metadata = read_picture(source)
        target = reduce_to(original, max_side)
        h, w, c = target.shape
        rendering_size = size or _size_of(region, (h, w))
        outputs.check_size(rendering_size)
        rendering_ending = f"_render{region_suffix(region)}"
        files = outputs.claim(
            source.name, "_field.safetensors", rendering_ending, "_sheet"
        )
        model = _model(family, target, width)
        print(f"{source.name}: {h}x{w}, {c} channels, {family}")
        options = {"model": model, "num_steps": num_steps}
        field = timed_fit(fit_image, jax.random.key(seed), target, **options).field
        means = np.clip(render_field(field, (h, w), antialias=2), 0, 1)
        scores = f"{float(psnr(means, target)):.2f} dB"
        print(f"means over the pixels: PSNR {scores}, SSIM {ssim_text(means, target)}")
        files.write(
            "_field.safetensors", lambda path: save_field(path, field, size=(h, w))
        )
        rendering = render_field(field, rendering_size, region=region)
        files.write_image(rendering_ending, np.asarray(rendering), metadata)
        files.write_sheet("_sheet", _panels(field, target, means, original))
        return files

    return for_each(
        list_sources("images", images, sample="astronaut"), fit_one, outputs
    )


def render(
    fields: Sequence[str | os.PathLike] | str | os.PathLike,
    *,
    size: tuple[int, int] | None = None,
    region: Region | None = None,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Render fields from files.

    Args:
      fields: files written by `fit` or `inr.save_field`, or folders of them.
      size: of the rendering, `(h, w)`; None for the size stored in the file.
      region: part of the image to render.
      output: where to write the rendering.

    Returns:
      The files written.
    """
    outputs = as_outputs(output)

    def render_one(source: Source) -> Files:
        assert source.path is not None  # there is no sample
        loaded, stored_size = load_field(source.path)
        output_size = size
        if output_size is None:
            if stored_size is None or len(stored_size) != 2:
                expected = "given, unless the file stores the size (h, w)"
                raise _checks.fail("size", expected, stored_size, "Pass --size H W.")
            output_size = _size_of(region, stored_size)
        outputs.check_size(output_size)
        files = outputs.claim(f"{source.name}_render{region_suffix(region)}", "")
        files.write_image(
            "", np.asarray(render_field(loaded, output_size, region=region))
        )
        return files

    sources = list_sources("fields", fields, extensions=[".safetensors"])
    return for_each(sources, render_one, outputs)


def _model(family: str, target: np.ndarray, width: int | None) -> nn.Module:
    """A model of a family; the omega of a SIREN is read off the image."""
    _checks.check_choice("family", family, FAMILIES)
    options: dict[str, Any] = {"features": target.shape[-1]}
    if width is not None:
        options["width"] = width
    if family == "Siren":
        options["omega"] = suggest_omega(target)
    return registered(FieldModule)[family](**options)


def _panels(
    field: BoundField, target: np.ndarray, means: np.ndarray, original: np.ndarray
) -> Mapping[str, Array | np.ndarray]:
    """The image, the field, and a detail at four times the size, with scores."""
    h, w = target.shape[:2]
    fine = (2 * h, 2 * w)
    between = {
        "bicubic": sample_grid(target, grid(fine), interpolation="cubic"),
        "field": render_field(field, fine, progress=False),
    }
    between = {k: np.clip(x, 0, 1) for k, x in between.items()}
    labels = {k: f"{k}, detail x{_ZOOM}" for k in between}
    if original.shape[0] >= 2 * h and original.shape[1] >= 2 * w:
        size = (*fine, target.shape[2])
        truth = np.asarray(jax.image.resize(original, size, "cubic"))
        scores = {k: float(psnr(x, truth.clip(0, 1))) for k, x in between.items()}
        labels = {k: f"{labels[k]}, {scores[k]:.2f} dB" for k in scores}
        text = ", ".join(f"{k} {x:.2f} dB" for k, x in scores.items())
        print(f"at twice the size: PSNR {text}")
    side = max(min(h, w) // 4, 1)
    region = find_regions(list(between.values()), side=2 * side, num_regions=1)[0]
    shape = (_ZOOM * side, _ZOOM * side)
    detail = {
        "bicubic": sample_grid(
            target, grid(shape, region=region), interpolation="cubic"
        ),
        "field": render_field(field, shape, region=region, progress=False),
    }
    return {
        "image": target,
        "field, means over the pixels": means,
        **{labels[k]: x for k, x in detail.items()},
    }


def _size_of(region: Region | None, size: Size) -> tuple[int, int]:
    """Size of a close-up with square pixels, its longer side that of the image."""
    if region is None:
        return size[0], size[1]
    start, stop = _checks.as_region("region", region, 2)
    sides = [(b - a) * n for a, b, n in zip(start, stop, size, strict=True)]
    h, w = (max(round(s * max(size) / max(sides)), 1) for s in sides)
    return h, w
