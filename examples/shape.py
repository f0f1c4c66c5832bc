"""Hold a surface as a SIREN of its signed distance, and make it a mesh again.

    python examples/shape.py                           # a trefoil knot
    python examples/shape.py bunny.obj --steps 1000 --resolution 256

Takes a mesh, also one with holes, or points with normals (.xyz, .ply). Writes the field
(one file that `inr.load_field` reads), a watertight mesh in the file's units, and a
shaded picture.
"""

import argparse
import sys

from inr.__main__ import add_shape, run

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
add_shape(parser)

if __name__ == "__main__":
    sys.exit(run(parser, None))
