"""The commands that compress pictures to small fields, and read them."""

import argparse
import os
import pathlib
import time
from collections.abc import Sequence

import numpy as np

from inr import _checks, codec
from inr._typing import Region
from inr.commands._batches import Source, for_each, list_sources
from inr.commands._options import (
    add_console,
    add_max_side,
    add_model,
    add_output,
    add_region,
)
from inr.commands._outputs import Files, Outputs, as_outputs, region_suffix
from inr.commands._shared import read_picture, reduce_to, region_pixels, without_alpha
from inr.metrics import psnr
from inr.rendering import render

_EXTENSION = ".inr"


def add_compress(parser: argparse.ArgumentParser) -> None:
    """Add the options of `compress`."""
    parser.set_defaults(run=compress)
    parser.add_argument(
        "images",
        nargs="*",
        help="files or folders (default: a photograph from scikit-image)",
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--quality", type=float, help="from 0, the smallest file, to 100 (default: 50)"
    )
    group.add_argument(
        "--bpp", type=float, help="bits a pixel of the file (default: none)"
    )
    group.add_argument(
        "--file-bytes",
        type=int,
        metavar="N",
        help="largest size of the file (default: none)",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=5.0,
        help="time for each picture; more makes it smaller and better (default: "
        "%(default)g)",
    )
    add_max_side(parser, None)
    add_model(parser, "codec", default="codec", text="networks: ")
    add_output(parser, main="the compressed file", pictures=False)
    add_console(parser, {"minutes": 0.3, "max_side": 128})


def compress(
    images: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    *,
    quality: float | None = None,
    bpp: float | None = None,
    file_bytes: int | None = None,
    minutes: float = 5.0,
    max_side: int | None = None,
    model: str | os.PathLike = "codec",
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Compress pictures to files of fields, by `inr.codec.encode`.

    Args:
      images: files or folders; None for a bundled photograph.
      quality: from 0, the smallest file, to 100; None for 50, if no size is given.
      bpp: bits a pixel of the file.
      file_bytes: largest size of the file.
      minutes: time for each picture.
      max_side: images are reduced to a longer side of at most this; None for no limit.
      model: name of pretrained networks, or a file of weights.
      output: where to write the files.

    Returns:
      The files written.
    """
    outputs = as_outputs(output)

    def compress_one(source: Source) -> Files:
        files = outputs.claim(source.name, _EXTENSION)
        image = without_alpha(read_picture(source).image)
        image = reduce_to(image, max_side)
        start = time.perf_counter()
        data = codec.encode(
            image, quality=quality, bpp=bpp, file_bytes=file_bytes, minutes=minutes,
            model=model,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        score = float(psnr(codec.decode(data, model=model), image))
        print(
            f"{source.name}: {len(data)} bytes, {codec.info(data).bpp:.3f} bits a "
            f"pixel, {score:.2f} dB, {seconds:.0f} s"
        )
        files.write_bytes(_EXTENSION, data)
        return files

    sources = list_sources("images", images, sample="astronaut")
    return for_each(sources, compress_one, outputs)


def add_decompress(parser: argparse.ArgumentParser) -> None:
    """Add the options of `decompress`."""
    parser.set_defaults(run=decompress)
    parser.add_argument("files", nargs="+", help="files of `inr compress`, or folders")
    add_region(parser)
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="magnification: other scales than 1 render the field between its pixels "
        "(default: %(default)g)",
    )
    add_model(parser, "codec", default="codec", text="networks: ")
    add_output(parser, large=True)
    add_console(parser)


def decompress(
    files: Sequence[str | os.PathLike] | str | os.PathLike,
    *,
    region: Region | None = None,
    scale: float = 1.0,
    model: str | os.PathLike = "codec",
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Read pictures that `compress` wrote.

    Args:
      files: files or folders.
      region: part of the picture.
      scale: magnification of the field, above 0.
      model: the networks that compressed the pictures.
      output: where to write the pictures.

    Returns:
      The files written.
    """
    scale = _checks.as_positive("scale", scale)
    outputs = as_outputs(output)

    def decompress_one(source: Source) -> Files:
        assert source.path is not None
        data = source.path.read_bytes()
        size = region_pixels(codec.info(data).size, region, scale)
        outputs.check_size(size)
        suffix = "" if scale == 1 else f"_x{scale:g}"
        result = outputs.claim(f"{source.name}{suffix}{region_suffix(region)}", "")
        if scale == 1:
            image = codec.decode(data, region=region, model=model)
        else:
            image = render(codec.decode_field(data, model=model), size, region=region)
        result.write_image("", np.asarray(image))
        return result

    sources = list_sources("files", files, extensions=(_EXTENSION,))
    return for_each(sources, decompress_one, outputs)
