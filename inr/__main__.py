"""Fit, upscale, colorize and merge images, and fit surfaces."""

import argparse
import sys
from collections.abc import Sequence

from inr import commands
from inr.colorization import PRESETS

QUICK_FIT = {"num_steps": 100, "width": 64, "max_side": 128}
QUICK_UPSCALE = {"num_steps": 40, "width": 64, "max_side": 256}
QUICK_MERGE = {"max_side": 256}
QUICK_SHAPE = {"num_steps": 100, "width": 64, "resolution": 96, "side": 384}

_IMAGES = "files or folders (default: a photograph from scikit-image)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
      arguments: command-line arguments without the program's name; None for those of
        this process.

    Returns:
      The exit status: 0, or 2 after an error message.
    """
    parser = argparse.ArgumentParser("inr", description=__doc__)
    subparsers = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", title="commands"
    )
    for name, (add_options, summary) in COMMANDS.items():
        description = summary[0].upper() + summary[1:] + "."
        add_options(subparsers.add_parser(name, help=summary, description=description))
    return commands.run_command(parser, arguments)


def add_fit(parser: argparse.ArgumentParser) -> None:
    """Add the options of `fit`."""
    parser.set_defaults(run=commands.fit, quick_options=QUICK_FIT)
    parser.add_argument(
        "image", nargs="?", help="file (default: a photograph from scikit-image)"
    )
    commands.add_size(parser, "that of the image, or a close-up of its region")
    commands.add_region(parser)
    commands.add_max_side(parser, 256)
    parser.add_argument(
        "--family",
        choices=commands.FAMILIES,
        default="Siren",
        help="kind of the field; the documentation of `inr.fields` describes each "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--width",
        type=int,
        help="units of each hidden layer; more fit finer detail, and take longer "
        "(default: that of the family, 256 for Siren)",
    )
    commands.add_training(parser, num_steps=2000, width=None)
    commands.add_output(parser)


def add_render(parser: argparse.ArgumentParser) -> None:
    """Add the options of `render`."""
    parser.set_defaults(run=commands.render, quick_options={})
    parser.add_argument("field", help="file written by `inr fit`")
    commands.add_size(parser, "that of the fitted image, or a close-up of its region")
    commands.add_region(parser)
    commands.add_output(parser, quick="no effect")


def add_upscale(parser: argparse.ArgumentParser) -> None:
    """Add the options of `upscale`."""
    parser.set_defaults(run=commands.upscale, quick_options=QUICK_UPSCALE)
    parser.add_argument(
        "images",
        nargs="*",
        help="files or folders (default: a photograph from scikit-image, with "
        "--evaluate)",
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=4.0,
        help="magnification, at least 1, not necessarily whole (default: %(default)g)",
    )
    parser.add_argument(
        "--method",
        choices=commands.UPSCALE_METHODS,
        default="model",
        help="model: pretrained network; siren: a SIREN fitted to each image, slower "
        "and near bicubic interpolation in quality (default: %(default)s)",
    )
    parser.add_argument(
        "--model",
        default="upscale",
        help="name of pretrained weights, or a file, for --method model (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--ensemble",
        action="store_true",
        help="average the model over four rotations: slightly better, at four times "
        "the cost",
    )
    parser.add_argument(
        "--evaluate",
        action="store_true",
        help="reduce each image by the scale first, and print PSNR and SSIM of the "
        "result and of interpolations",
    )
    commands.add_region(parser)
    parser.add_argument(
        "--max-side",
        type=int,
        metavar="PIXELS",
        help="reduce larger images to this longer side first (default: no limit, and "
        "512 for --method siren)",
    )
    group = parser.add_argument_group("options of --method siren")
    commands.add_training(group, num_steps=300, width=128)
    commands.add_output(parser)


def add_colorize(parser: argparse.ArgumentParser) -> None:
    """Add the options of `colorize`."""
    parser.set_defaults(run=commands.colorize, quick_options={})
    parser.add_argument("images", nargs="*", help=_IMAGES)
    parser.add_argument(
        "--model",
        help="name of pretrained weights, or a file (default: photos; portraits for "
        "the default photograph and for --samples)",
    )
    parser.add_argument(
        "--side",
        type=int,
        metavar="PIXELS",
        help="reduce each image to this longer side first, and restore its size and "
        "detail with the colors (default: no reduction)",
    )
    commands.add_size(parser, "that of the image, or of its region")
    commands.add_region(parser)
    parser.add_argument(
        "--samples",
        dest="num_samples",
        type=int,
        default=0,
        metavar="N",
        help="write N samples of the possible colors instead of their mean",
    )
    parser.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        help="how samples are drawn. default: 8 steps from smooth noise, colorful; "
        "ddpm and ddim: 100 steps from independent noise, grainy; projected: ddpm with "
        "noise projection, accurate but dull; projected_fast: the same in 15 steps",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the samples (default: %(default)s)"
    )
    commands.add_output(parser, quick="no effect, because this command takes seconds")


def add_merge(parser: argparse.ArgumentParser) -> None:
    """Add the options of `merge`."""
    parser.set_defaults(run=commands.merge, quick_options=QUICK_MERGE)
    parser.add_argument(
        "images",
        nargs="*",
        help="with a mask, a source and a target; without, two or more images of the "
        "same view (default: photographs from scikit-image)",
    )
    parser.add_argument(
        "--mask",
        metavar="FILE",
        help="image of the source's size, bright where the source is pasted (default: "
        "the opaque pixels of a source with alpha)",
    )
    parser.add_argument(
        "--polygon",
        type=_corner,
        nargs="+",
        metavar="ROW,COLUMN",
        help="three or more corners in the source, in pixels, instead of a mask",
    )
    parser.add_argument(
        "--offset",
        type=int,
        nargs=2,
        metavar=("ROW", "COLUMN"),
        help="position of the source's top left corner in the target (default: 0 0)",
    )
    parser.add_argument(
        "--mode",
        choices=(*commands.CLONE_MODES, *commands.MERGE_MODES),
        help="gradients of the result. With a mask, normal: the source's; mixed: the "
        "stronger of both, for holes and transparent objects; average: their mean; "
        "monochrome: the source's without color (default: normal). Without a mask, "
        "strongest: the strongest of all images; mean: their mean (default: strongest)",
    )
    parser.add_argument(
        "--resize",
        action="store_true",
        help="without a mask: resize all images to the size of the first",
    )
    parser.add_argument(
        "--linear-light",
        action="store_true",
        help="merge linear intensities instead of sRGB values",
    )
    commands.add_max_side(parser, 2048)
    commands.add_output(parser)


def add_shape(parser: argparse.ArgumentParser) -> None:
    """Add the options of `shape`."""
    parser.set_defaults(run=commands.shape, quick_options=QUICK_SHAPE)
    parser.add_argument(
        "mesh",
        nargs="?",
        help="file of a mesh, or of points with normals (default: a trefoil knot)",
    )
    parser.add_argument(
        "--resolution",
        type=int,
        default=160,
        help="samples along each axis from which the mesh is extracted; more show "
        "finer detail, at a cost of the third power (default: %(default)s)",
    )
    parser.add_argument(
        "--side",
        type=int,
        default=640,
        metavar="PIXELS",
        help="side of the picture (default: %(default)s)",
    )
    commands.add_training(parser, num_steps=500, width=128)
    commands.add_output(parser)


def add_view(parser: argparse.ArgumentParser) -> None:
    """Add the options of `view`."""
    parser.set_defaults(run=commands.view, quick_options={}, quick=False)
    parser.add_argument("file", help="field that `inr fit` wrote, of a picture")
    parser.add_argument(
        "-o",
        "--output",
        metavar="PAGE",
        help="page to write (default: the name of the field, with .html)",
    )
    parser.add_argument(
        "--reference", metavar="IMAGE", help="original image to compare with"
    )
    parser.add_argument(
        "--side",
        type=int,
        default=512,
        metavar="PIXELS",
        help="longer side of the canvas (default: %(default)s)",
    )
    parser.add_argument(
        "--open",
        dest="open_page",
        action="store_true",
        help="open the page in the default browser",
    )


COMMANDS = {
    "fit": (add_fit, "fit a field to an image, and save and render it"),
    "render": (add_render, "render a field from a file, at any size"),
    "upscale": (add_upscale, "enlarge images by any factor"),
    "colorize": (add_colorize, "colorize gray images"),
    "merge": (add_merge, "paste a part of an image without a seam, or merge images"),
    "shape": (add_shape, "fit a signed distance to a surface, and extract a mesh"),
    "view": (add_view, "write a field of an image as a web page that zooms into it"),
}


def _corner(text: str) -> tuple[float, float]:
    row, column = (float(x) for x in text.split(","))
    return row, column


if __name__ == "__main__":
    sys.exit(main())
