"""Solve the Helmholtz equation for a source in open space or in a medium.

    python examples/helmholtz.py                       # open space
    python examples/helmholtz.py medium.png --contrast 1 --source 0 -0.5

The medium is its slowness: an array (.npy), 1 in the surroundings, or an image, white
where the medium is slowest. Writes the field (a file that `inr.load_field` reads), and
a picture of its real and imaginary part. In open space, prints the distance from the
exact solution.
"""

import argparse
import sys

from inr.commands import add_output, add_training, helmholtz, run_command

QUICK = {"wavenumber": 4.0, "width": 16, "num_steps": 40}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=helmholtz, quick_options=QUICK)
parser.add_argument("medium", nargs="?", help="array or image (default: open space)")
parser.add_argument(
    "--wavenumber",
    type=float,
    default=10.0,
    help="radians per unit; the square is 2 units wide (default: %(default)g)",
)
parser.add_argument(
    "--source",
    type=float,
    nargs=2,
    default=(0.0, 0.0),
    metavar=("Y", "X"),
    help="position of the source, from -1 to 1 (default: 0 0)",
)
parser.add_argument(
    "--contrast",
    type=float,
    default=0.5,
    help="slowness above 1 of an image's white pixels (default: %(default)g)",
)
add_training(parser, num_steps=80, width=32)
add_output(parser)

if __name__ == "__main__":
    sys.exit(run_command(parser, None))
