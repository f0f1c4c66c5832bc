"""Hold a photograph as a SIREN, keep it in a file, and render it at any size.

    python examples/fit_image.py                       # a bundled photograph
    python examples/fit_image.py photo.jpg --size 1024 1024 --region 0.2 0.3 0.5 0.6

Writes the field (one safetensors file that `inr.load_field` reads), the render, and a
contact sheet with ten times the difference.
"""

import argparse
import sys

from inr.__main__ import add_fit, run

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
add_fit(parser)

if __name__ == "__main__":
    sys.exit(run(parser, None))
