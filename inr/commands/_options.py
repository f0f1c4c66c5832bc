"""Command-line options that commands share."""

import argparse
from collections.abc import Mapping
from typing import Any

from inr.commands._outputs import FORMATS
from inr.models import pretrained_names


def add_console(
    parser: argparse.ArgumentParser, quick_options: Mapping[str, Any] | None = None
) -> None:
    """Add `--quiet`, `--no-cache` and, if there are quick options, `--quick`."""
    parser.set_defaults(command_parser=parser)
    group = parser.add_argument_group("console")
    group.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        help="print errors and warnings only (default: reports and progress bars)",
    )
    group.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="do not keep compiled programs for later calls (default: keep them in "
        "the user's cache folder)",
    )
    if quick_options:
        parser.set_defaults(quick_options=quick_options)
        text = ", ".join(
            f"{name.replace('num_', '').replace('_', '-')} {value}"
            for name, value in quick_options.items()
        )
        group.add_argument(
            "--quick",
            action="store_true",
            help=f"a fast run of lower quality: {text}; options that are given win "
            "(default: off)",
        )


def add_shard(parser: argparse.ArgumentParser) -> None:
    """Add the option `--shard`, see `take_shard`."""
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="work on the I-th of N equal parts of the inputs, for job arrays: 3/16 is "
        "the third of 16 jobs (default: all inputs)",
    )


def add_output(
    parser: argparse.ArgumentParser,
    *,
    main: str = "the picture",
    pictures: bool = True,
    large: bool = False,
) -> None:
    """Add the options of `Outputs`.

    Args:
      parser: the parser.
      main: what a file name or "-" receives.
      pictures: whether the command writes pictures of its input's bits and format.
      large: whether its pictures can be very large.
    """
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        default="out",
        metavar="NAME",
        help=f"folder for all results; a file name, or - for stdout, receives {main} "
        "alone (default: %(default)s)",
    )
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="replace existing files (default: refuse)",
    )
    if pictures:
        group.add_argument(
            "--format",
            choices=FORMATS,
            help="format of pictures. png: lossless; jpg: smallest, without opacity; "
            "webp: small, 8 bits; tif: lossless (default: that of the file name, or "
            "png)",
        )
        group.add_argument(
            "--bits",
            type=int,
            choices=(8, 16),
            help="bits per value. 8: every format; 16: png and tif (default: those of "
            "the input, where the format has them)",
        )
    if large:
        group.add_argument(
            "--yes",
            dest="large",
            action="store_true",
            help="write pictures of more than 100 megapixels (default: refuse)",
        )


def add_model(
    parser: argparse._ActionsContainer,
    task: str,
    *,
    default: str | None = None,
    unset: str = "",
    text: str = "",
) -> None:
    """Add `--model`, whose help lists the pretrained models for a task.

    Args:
      parser: the parser.
      task: see `ConditionalModel.task`.
      default: default of the option.
      unset: what the default None means.
      text: what the model does, at the start of the help.
    """
    names = ", ".join(pretrained_names(task))
    parser.add_argument(
        "--model",
        default=default,
        help=f"{text}pretrained weights ({names}), or a file of weights (default: "
        f"{default or unset})",
    )


def add_references(
    parser: argparse.ArgumentParser, text: str = "", *, default: str
) -> None:
    """Add `--references` and `--by-name`.

    Args:
      parser: the parser.
      text: what the references need, at the start of the help.
      default: what the command does without them.
    """
    parser.add_argument(
        "--references",
        nargs="+",
        default=(),
        metavar="NAME",
        help=f"{text}files or folders of photographs of the same or a similar subject; "
        f"all of them serve every image (default: {default})",
    )
    parser.add_argument(
        "--by-name",
        action="store_true",
        help="each image takes only the references of its own name: that of photo.jpg "
        "is photo.png or another format (default: off)",
    )


def add_training(
    parser: argparse._ActionsContainer, *, num_steps: int, width: int | None
) -> None:
    """Add `--steps`, `--width` (unless it is None) and `--seed`."""
    parser.add_argument(
        "--steps",
        dest="num_steps",
        type=int,
        default=num_steps,
        metavar="N",
        help="fitting steps; more reduce the error (default: %(default)s)",
    )
    if width is not None:
        parser.add_argument(
            "--width",
            type=int,
            default=width,
            help="hidden units of each layer of the SIREN; more fit finer detail, and "
            "take longer (default: %(default)s)",
        )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="seed of the initialization and of random choices (default: %(default)s)",
    )


def add_max_side(
    parser: argparse.ArgumentParser, default: int | None, unset: str = "no limit"
) -> None:
    """Add `--max-side`; `unset` is what the default None means."""
    parser.add_argument(
        "--max-side",
        type=int,
        default=default,
        metavar="PIXELS",
        help=f"reduce larger images to this longer side first (default: "
        f"{default or unset})",
    )


def add_size(parser: argparse.ArgumentParser, default: str) -> None:
    """Add `--size`, and describe its default."""
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("H", "W"),
        help=f"height and width of the result in pixels (default: {default})",
    )


def add_region(parser: argparse.ArgumentParser) -> None:
    """Add `--region`."""
    parser.add_argument(
        "--region",
        type=float,
        nargs=4,
        metavar=("TOP", "LEFT", "BOTTOM", "RIGHT"),
        help="part to render, as fractions of the image in [0, 1] (default: all)",
    )
