"""Enlarge a photograph four times with the textures of other photographs.

    python examples/reference_upscale.py                  # a stereo pair, scored
    python examples/reference_upscale.py small.png same_place.jpg another.jpg
    python examples/reference_upscale.py photo.jpg same_place.jpg --evaluate

References show the same, or the like, about as large as it will be in the result. A
contact sheet shows where in them each cell's texture came from. With `--evaluate` the
photograph is reduced first, and the result scored.
"""

import argparse
import sys

from inr.__main__ import run
from inr.commands import reference_upscale

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=reference_upscale, quick_options={"max_side": 160})
parser.add_argument("image", nargs="?", help="by default a bundled photograph")
parser.add_argument("references", nargs="*", help="of the same, or the like")
parser.add_argument("--model", default="textures", help="shipped weights, or a file")
parser.add_argument("--evaluate", action="store_true", help="reduce first, and score")
parser.add_argument("--out", default="out", help="folder for what is written")
parser.add_argument("--max-side", type=int, default=512, help="of the references")
parser.add_argument("--quick", action="store_true", help="a small, fast run")

if __name__ == "__main__":
    sys.exit(run(parser, None))
