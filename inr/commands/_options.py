"""Command-line options that commands share, and the call of a command."""

import argparse
import sys
from collections.abc import Sequence

from inr.poisson import NotConverged


def run_command(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> int:
    """Parse arguments, and call a command.

    Args:
      parser: a parser whose defaults have `run`, the command, and `quick_options`, the
        options that `--quick` sets.
      arguments: command-line arguments; None for those of this process.

    Returns:
      The exit status: 0, or 2 after an error message of one line.
    """
    options = vars(parser.parse_args(arguments))
    options.pop("command", None)
    command = options.pop("run")
    quick_options = options.pop("quick_options")
    if options.pop("quick"):
        options.update(quick_options)
    if options.get("region") is not None:
        corners = tuple(options["region"])
        options["region"] = (corners[:2], corners[2:])
    for name in ("size", "offset", "source"):
        if isinstance(options.get(name), list):
            options[name] = tuple(options[name])
    try:
        command(**{k: v for k, v in options.items() if v is not None})
    except (ValueError, TypeError, OSError, ImportError, NotConverged) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def add_output(
    parser: argparse.ArgumentParser, *, quick: str = "a fast run of lower quality"
) -> None:
    """Add `--out` and `--quick`, whose help is `quick`."""
    parser.add_argument(
        "--out",
        default="out",
        metavar="FOLDER",
        help="folder for the results (default: %(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help=quick)


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


def add_max_side(parser: argparse.ArgumentParser, default: int) -> None:
    """Add `--max-side`."""
    parser.add_argument(
        "--max-side",
        type=int,
        default=default,
        metavar="PIXELS",
        help="reduce larger images to this longer side first (default: %(default)s)",
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
