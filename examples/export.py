"""Export a field as a shader for Shadertoy and as a StableHLO program.

    python examples/export.py                          # a bundled photograph
    python examples/export.py photo.jpg --width 24 --depth 3

Fits a small SIREN to the photograph. Writes `field.glsl`, a shader that shows the field
in a browser (paste it at https://www.shadertoy.com/new); `field.stablehlo`, a program
that JAX runs without this library; and `field.png`, the shader's picture beside the
photograph.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
