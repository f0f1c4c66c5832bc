"""Solve the wave equation in a box with fixed edges, from a pulse or your own picture.

    python examples/wave.py                            # a pulse
    python examples/wave.py picture.png --duration 1

Takes the displacement at the beginning as an array (.npy) or as a picture, which is
smoothed. Writes the field (one file that `inr.load_field` reads) and pictures of it at
four times, and prints how far it is from the exact solution.
"""

import argparse
import sys

from inr.__main__ import run
from inr.commands import wave

QUICK = {"duration": 0.4, "width": 24, "num_steps": 50}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=wave, quick_options=QUICK)
parser.add_argument("initial", nargs="?", help="array or picture; by default a pulse")
parser.add_argument("--out", default="out", help="folder for what is written")
parser.add_argument("--duration", type=float, default=1.2, help="2: once across")
parser.add_argument("--detail", type=int, default=12, help="pixels of a picture")
parser.add_argument("--steps", dest="num_steps", type=int, default=80)
parser.add_argument("--width", type=int, default=40, help="hidden units")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--quick", action="store_true", help="a small, fast run")

if __name__ == "__main__":
    sys.exit(run(parser, None))
