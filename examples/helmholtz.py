"""Solve the Helmholtz equation for a source, in open space or in your own medium.

    python examples/helmholtz.py                       # open space, beside the exact
    python examples/helmholtz.py medium.png --contrast 1 --source 0 -0.5

Takes the medium's slowness as an array (.npy, 1 being that of the surroundings) or as a
picture, white being slowest. Writes the field (one file that `inr.load_field` reads)
and a picture of its real and imaginary part.
"""

import argparse
import sys

from inr.__main__ import run
from inr.commands import helmholtz

QUICK = {"wavenumber": 4.0, "width": 16, "num_steps": 40}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=helmholtz, quick_options=QUICK)
parser.add_argument("medium", nargs="?", help="array or picture; by default open space")
parser.add_argument("--out", default="out", help="folder for what is written")
parser.add_argument("--wavenumber", type=float, default=10.0, help="radians per unit")
parser.add_argument(
    "--source", type=float, nargs=2, default=(0.0, 0.0), metavar=("Y", "X")
)
parser.add_argument("--contrast", type=float, default=0.5, help="of a picture's white")
parser.add_argument("--steps", dest="num_steps", type=int, default=80)
parser.add_argument("--width", type=int, default=32, help="hidden units")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--quick", action="store_true", help="a small, fast run")

if __name__ == "__main__":
    sys.exit(run(parser, None))
