"""Solve the wave equation in a square with fixed edges.

    python examples/wave.py                            # a Gaussian pulse
    python examples/wave.py picture.png --duration 1

The initial displacement is an array (.npy), or an image, which is smoothed. Writes the
field (a file that `inr.load_field` reads) and pictures of it at four times, and prints
its distance from the exact solution.
"""

import argparse
import sys

from inr.commands import add_output, add_training, run_command, wave

QUICK = {"duration": 0.4, "width": 24, "num_steps": 50}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=wave, quick_options=QUICK)
parser.add_argument(
    "initial", nargs="?", help="array or image (default: a Gaussian pulse)"
)
parser.add_argument(
    "--duration",
    type=float,
    default=1.2,
    help="duration of the solution; a wave crosses the square in 2 (default: "
    "%(default)g)",
)
parser.add_argument(
    "--detail",
    type=int,
    default=12,
    metavar="PIXELS",
    help="size to which an image is reduced to smooth it; more keep finer detail "
    "(default: %(default)s)",
)
add_training(parser, num_steps=80, width=40)
add_output(parser)

if __name__ == "__main__":
    sys.exit(run_command(parser, None))
