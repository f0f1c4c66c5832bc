"""Fit a SIREN to the signed distance of a surface, and extract a mesh.

    python examples/shape.py                           # a trefoil knot
    python examples/shape.py bunny.obj --steps 1000 --resolution 256

Reads a mesh, which may have holes, or points with normals (.xyz, .ply). Writes the
field (a file that `inr.load_field` reads), a watertight mesh in the units of the file,
and a shaded picture.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["shape", *sys.argv[1:]]))
