"""Fill in missing pixels by a SIREN with a smoothness prior, or by a model.

    python examples/inpaint.py                       # 90 % of the pixels are missing
    python examples/inpaint.py photo.jpg --mask scratches.png
    python examples/inpaint.py photo.jpg --keep 0.05
    python examples/inpaint.py --model inpainting    # a random hole
    python examples/inpaint.py photo.jpg other.jpg --mask hole.png --model inpainting

A model copies textures from the rest of the image and from other photographs. Writes
the result, and a contact sheet with the membrane, the smoothest function through the
known pixels. Without a mask, prints the PSNR of both on the missing pixels.
"""

import argparse
import sys

from inr.commands import (
    add_max_side,
    add_output,
    add_training,
    inpaint,
    run_command,
)

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=inpaint, quick_options={"num_steps": 60, "max_side": 96})
parser.add_argument("image", nargs="?", help="file (default: a bundled photograph)")
parser.add_argument(
    "references",
    nargs="*",
    help="with --model: photographs of the same or a similar subject",
)
parser.add_argument(
    "--model",
    help="fill holes by this model: `inpainting`, or a file of weights (default: fit a "
    "SIREN)",
)
parser.add_argument(
    "--mask",
    metavar="FILE",
    help="image of the same size, bright where pixels are missing (default: pixels are "
    "removed at random)",
)
parser.add_argument(
    "--keep",
    type=float,
    default=0.1,
    help="without --mask and --model: fraction of the pixels that remain known "
    "(default: %(default)g)",
)
parser.add_argument(
    "--weight",
    type=float,
    default=3e-3,
    help="weight of the SIREN's smoothness prior; more is smoother (default: "
    "%(default)g)",
)
add_max_side(parser, 256)
add_training(parser, num_steps=500, width=128)
add_output(parser)

if __name__ == "__main__":
    sys.exit(run_command(parser, None))
