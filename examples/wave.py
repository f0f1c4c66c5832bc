"""Solve the wave equation in a square with fixed edges.

    python examples/wave.py                            # a Gaussian pulse
    python examples/wave.py picture.png --duration 1

The initial displacement is an array (.npy), or an image, which is smoothed. Writes the
field (a file that `inr.load_field` reads) and pictures of it at four times, and prints
its distance from the exact solution.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["wave", *sys.argv[1:]]))
