"""Fit a SIREN to the signed distance of a surface, and extract a mesh.

    python examples/shape.py                           # a trefoil knot
    python examples/shape.py bunny.obj --steps 1000 --resolution 256

Reads a mesh, which may have holes, or points with normals (.xyz, .ply). Writes the
field (a file that `inr.load_field` reads), a watertight mesh in the units of the file,
and a shaded picture.
"""

import argparse
import sys

from inr.__main__ import add_shape
from inr.commands import run_command

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
add_shape(parser)

if __name__ == "__main__":
    sys.exit(run_command(parser, None))
