"""Solve the Helmholtz equation for a source in open space or in a medium.

    python examples/helmholtz.py                       # open space
    python examples/helmholtz.py medium.png --contrast 1 --source 0 -0.5

The medium is its slowness: an array (.npy), 1 in the surroundings, or an image, white
where the medium is slowest. Writes the field (a file that `inr.load_field` reads), and
a picture of its real and imaginary part. In open space, prints the distance from the
exact solution.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["helmholtz", *sys.argv[1:]]))
