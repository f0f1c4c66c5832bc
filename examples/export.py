"""Export a field as a shader for Shadertoy and as a StableHLO program.

    python examples/export.py                          # a bundled photograph
    python examples/export.py photo.jpg --width 24 --depth 3

Fits a small SIREN to the photograph. Writes `field.glsl`, a shader that shows the field
in a browser (paste it at https://www.shadertoy.com/new); `field.stablehlo`, a program
that JAX runs without this library; and `field.png`, the shader's picture beside the
photograph.
"""

import argparse
import sys

from inr.commands import (
    add_max_side,
    add_output,
    add_training,
    export,
    run_command,
)

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=export, quick_options={"num_steps": 300, "max_side": 64})
parser.add_argument("image", nargs="?", help="file (default: a bundled photograph)")
parser.add_argument(
    "--depth",
    type=int,
    default=3,
    help="hidden layers of the SIREN after the first (default: %(default)s)",
)
add_max_side(parser, 128)
add_training(parser, num_steps=2000, width=32)
add_output(parser)

if __name__ == "__main__":
    sys.exit(run_command(parser, None))
