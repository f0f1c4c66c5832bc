"""The console command: `inr fit` and `inr upscale`."""

import argparse
import sys
from collections.abc import Callable, Sequence

from inr import commands

QUICK = {"num_steps": 40, "width": 64, "max_side": 128}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
      arguments: as on the command line, without the program's name.

    Returns:
      The exit status: 0, or 2 after a message about what was wrong.
    """
    parser = argparse.ArgumentParser("inr", description=__doc__)
    commands_of = parser.add_subparsers(dest="command", required=True)
    add_fit(commands_of.add_parser("fit", help="hold an image as a SIREN"))
    add_upscale(commands_of.add_parser("upscale", help="enlarge an image"))
    return run(parser, arguments)


def add_fit(parser: argparse.ArgumentParser) -> None:
    """The options of `fit`."""
    _add_common(parser, commands.fit, num_steps=500, max_side=256, width=256)
    parser.add_argument("--size", type=int, nargs=2, metavar=("H", "W"))


def add_upscale(parser: argparse.ArgumentParser) -> None:
    """The options of `upscale`."""
    _add_common(parser, commands.upscale, num_steps=300, max_side=512, width=128)
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument(
        "--evaluate",
        action="store_true",
        help="reduce the image first, and score every method against it",
    )


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Parses, calls the command, and turns bad input into one line and status 2."""
    options = vars(parser.parse_args(arguments))
    options.pop("command", None)
    command = options.pop("run")
    if options.pop("quick"):
        options.update(QUICK)
    if options["region"] is not None:
        corners = tuple(options["region"])
        options["region"] = (corners[:2], corners[2:])
    if options.get("size") is not None:
        options["size"] = tuple(options["size"])
    try:
        command(**{k: v for k, v in options.items() if v is not None})
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def _add_common(
    parser: argparse.ArgumentParser,
    command: Callable,
    *,
    num_steps: int,
    max_side: int,
    width: int,
) -> None:
    parser.set_defaults(run=command)
    parser.add_argument("image", nargs="?", help="by default a bundled photograph")
    parser.add_argument("--out", default="out", help="folder for what is written")
    parser.add_argument("--steps", dest="num_steps", type=int, default=num_steps)
    parser.add_argument("--width", type=int, default=width, help="hidden units")
    parser.add_argument("--max-side", type=int, default=max_side)
    parser.add_argument(
        "--region",
        type=float,
        nargs=4,
        metavar=("TOP", "LEFT", "BOTTOM", "RIGHT"),
        help="part to render, as fractions of the image",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a small, fast run")


if __name__ == "__main__":
    sys.exit(main())
