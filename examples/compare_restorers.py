"""Compare the results of several restorers on one small gray image.

    python examples/compare_restorers.py                      # the pretrained models
    python examples/compare_restorers.py portraits out/train/restorer.safetensors
    python examples/compare_restorers.py portraits --image me.jpg

Writes a sheet. Its rows are the whole image, a close-up, and the regions where the
renderings differ most; its columns are bicubic interpolation, the models, and the
original.
"""

import argparse
import sys

from inr.commands import add_output, compare_restorers, run_command

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=compare_restorers, quick_options={"size": 128})
parser.add_argument(
    "models",
    nargs="*",
    default=["portraits", "photos"],
    help="names of pretrained weights, or files (default: portraits photos)",
)
parser.add_argument(
    "--image", metavar="FILE", help="(default: the head of a bundled photograph)"
)
parser.add_argument(
    "--side",
    type=int,
    default=64,
    metavar="PIXELS",
    help="longer side to which the input is reduced (default: %(default)s)",
)
parser.add_argument(
    "--size",
    type=int,
    default=512,
    metavar="PIXELS",
    help="longer side of each rendering (default: %(default)s)",
)
add_output(parser)

if __name__ == "__main__":
    sys.exit(run_command(parser, None))
