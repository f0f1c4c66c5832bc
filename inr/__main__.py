"""The console command: `inr fit`, `upscale`, `colorize`, `merge` and `shape`."""

import argparse
import sys
from collections.abc import Sequence

from inr import commands
from inr.commands.merging import CLONE_MODES, MERGE_MODES
from inr.commands.upscaling import METHODS as UPSCALE_METHODS
from inr.poisson import NotConverged
from inr.restoration import PRESETS

QUICK_FIT = {"num_steps": 40, "width": 64, "max_side": 128}
QUICK_UPSCALE = {"num_steps": 40, "width": 64, "max_side": 256}
QUICK_MERGE = {"max_side": 256}
QUICK_SHAPE = {"num_steps": 100, "width": 64, "resolution": 96, "side": 384}


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
    add_colorize(commands_of.add_parser("colorize", help="colors of gray images"))
    add_merge(commands_of.add_parser("merge", help="paste or merge by gradients"))
    add_shape(commands_of.add_parser("shape", help="hold a surface as a distance"))
    return run(parser, arguments)


def add_fit(parser: argparse.ArgumentParser) -> None:
    """The options of `fit`."""
    parser.set_defaults(run=commands.fit, quick_options=QUICK_FIT)
    parser.add_argument("image", nargs="?", help="by default a bundled photograph")
    parser.add_argument("--size", type=int, nargs=2, metavar=("H", "W"))
    _add_region(parser)
    _add_files(parser, max_side=256)
    _add_fit(parser, num_steps=500, width=256)


def add_upscale(parser: argparse.ArgumentParser) -> None:
    """The options of `upscale`."""
    parser.set_defaults(run=commands.upscale, quick_options=QUICK_UPSCALE)
    parser.add_argument(
        "images", nargs="*", help="files or folders; by default a bundled photograph"
    )
    parser.add_argument("--scale", type=float, default=4.0, help="any factor from 1")
    parser.add_argument("--method", choices=UPSCALE_METHODS, default="model")
    parser.add_argument("--model", default="upscale", help="name, or a file of weights")
    parser.add_argument(
        "--ensemble", action="store_true", help="mean over four turns of the image"
    )
    parser.add_argument(
        "--evaluate",
        action="store_true",
        help="reduce the image first, and score every method against it",
    )
    _add_region(parser)
    _add_files(parser, max_side=None)
    _add_fit(parser, num_steps=300, width=128)


def add_colorize(parser: argparse.ArgumentParser) -> None:
    """The options of `colorize`."""
    parser.set_defaults(run=commands.colorize, quick_options={})
    parser.add_argument(
        "images", nargs="*", help="files or folders; by default a bundled photograph"
    )
    parser.add_argument(
        "--model",
        help="name, or a file of weights; by default photos, and portraits for draws",
    )
    parser.add_argument(
        "--side", type=int, help="reduce each image to this first, and restore it"
    )
    parser.add_argument("--size", type=int, nargs=2, metavar=("H", "W"))
    _add_region(parser)
    parser.add_argument(
        "--samples",
        dest="num_samples",
        type=int,
        default=0,
        help="draw so many possible colors in place of their mean",
    )
    parser.add_argument("--preset", choices=tuple(PRESETS), default="ours")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    parser.add_argument("--out", default="out", help="folder for what is written")
    parser.add_argument("--quick", action="store_true", help="is quick as it is")


def add_merge(parser: argparse.ArgumentParser) -> None:
    """The options of `merge`."""
    parser.set_defaults(run=commands.merge, quick_options=QUICK_MERGE)
    parser.add_argument(
        "images",
        nargs="*",
        help="source and target with a mask, else images to be merged; by default "
        "bundled photographs",
    )
    parser.add_argument("--mask", help="image of the source's size, bright = take")
    parser.add_argument(
        "--polygon",
        type=_corner,
        nargs="+",
        metavar="ROW,COLUMN",
        help="corners in the source, in place of a mask",
    )
    parser.add_argument("--offset", type=int, nargs=2, metavar=("ROW", "COLUMN"))
    parser.add_argument("--mode", choices=(*CLONE_MODES, *MERGE_MODES))
    parser.add_argument("--resize", action="store_true", help="to the first's size")
    parser.add_argument("--linear-light", action="store_true")
    _add_files(parser, max_side=2048)


def add_shape(parser: argparse.ArgumentParser) -> None:
    """The options of `shape`."""
    parser.set_defaults(run=commands.shape, quick_options=QUICK_SHAPE)
    parser.add_argument(
        "mesh", nargs="?", help="mesh, or points with normals; by default a knot"
    )
    parser.add_argument("--out", default="out", help="folder for what is written")
    parser.add_argument("--quick", action="store_true", help="a small, fast run")
    parser.add_argument("--steps", dest="num_steps", type=int, default=500)
    parser.add_argument("--width", type=int, default=128, help="hidden units")
    parser.add_argument("--resolution", type=int, default=160, help="of the mesh")
    parser.add_argument("--side", type=int, default=640, help="of the picture")
    parser.add_argument("--seed", type=int, default=0)


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Parses, calls the command, and turns bad input into one line and status 2."""
    options = vars(parser.parse_args(arguments))
    options.pop("command", None)
    command = options.pop("run")
    quick_options = options.pop("quick_options")
    if options.pop("quick"):
        options.update(quick_options)
    if options.get("region") is not None:
        corners = tuple(options["region"])
        options["region"] = (corners[:2], corners[2:])
    for name in ("size", "offset"):
        if isinstance(options.get(name), list):
            options[name] = tuple(options[name])
    try:
        command(**{k: v for k, v in options.items() if v is not None})
    except (ValueError, TypeError, OSError, ImportError, NotConverged) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def _add_fit(parser: argparse.ArgumentParser, *, num_steps: int, width: int) -> None:
    parser.add_argument("--steps", dest="num_steps", type=int, default=num_steps)
    parser.add_argument("--width", type=int, default=width, help="hidden units")
    parser.add_argument("--seed", type=int, default=0)


def _add_region(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--region",
        type=float,
        nargs=4,
        metavar=("TOP", "LEFT", "BOTTOM", "RIGHT"),
        help="part to render, as fractions of the image",
    )


def _add_files(parser: argparse.ArgumentParser, *, max_side: int | None) -> None:
    parser.add_argument("--out", default="out", help="folder for what is written")
    parser.add_argument("--max-side", type=int, default=max_side)
    parser.add_argument("--quick", action="store_true", help="a small, fast run")


def _corner(text: str) -> tuple[float, float]:
    row, column = (float(x) for x in text.split(","))
    return row, column


if __name__ == "__main__":
    sys.exit(main())
