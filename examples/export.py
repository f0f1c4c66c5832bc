"""Take a field out of this library: a shader for Shadertoy, and a StableHLO program.

    python examples/export.py                          # a bundled photograph
    python examples/export.py photo.jpg --width 24 --depth 3

Fits a small SIREN to the photograph and writes `field.glsl`, which shows it in a
browser (paste it at https://www.shadertoy.com/new), `field.stablehlo`, which JAX runs
without this library, and `field.png`, what the shader shows beside the photograph.
"""

import argparse
import sys

from inr.__main__ import run
from inr.commands import export

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=export, quick_options={"num_steps": 300, "max_side": 64})
parser.add_argument("image", nargs="?", help="by default a bundled photograph")
parser.add_argument("--out", default="out", help="folder for what is written")
parser.add_argument("--steps", dest="num_steps", type=int, default=2000)
parser.add_argument("--width", type=int, default=32, help="hidden units")
parser.add_argument("--depth", type=int, default=3, help="layers after the first")
parser.add_argument("--max-side", type=int, default=128)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--quick", action="store_true", help="a small, fast run")

if __name__ == "__main__":
    sys.exit(run(parser, None))
