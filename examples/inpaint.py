"""Fill in missing pixels with a SIREN and a smoothness prior, or with a model.

    python examples/inpaint.py                       # a tenth of a bundled photograph
    python examples/inpaint.py photo.jpg --mask scratches.png
    python examples/inpaint.py photo.jpg --keep 0.05
    python examples/inpaint.py --model inpainting    # a random hole
    python examples/inpaint.py photo.jpg other.jpg --mask hole.png --model inpainting

A model takes textures from the rest of the image and from other photographs. Writes the
filled image and a contact sheet beside the membrane, the smoothest function through the
known pixels. Without a mask, both are scored on the pixels left out.
"""

import argparse
import sys

from inr.__main__ import run
from inr.commands import inpaint

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=inpaint, quick_options={"num_steps": 60, "max_side": 96})
parser.add_argument("image", nargs="?", help="by default a bundled photograph")
parser.add_argument(
    "references", nargs="*", help="photographs of the like, for a model"
)
parser.add_argument("--model", help="`inpainting`, or a file of weights")
parser.add_argument("--mask", help="image of the same size, bright = missing")
parser.add_argument("--keep", type=float, default=0.1, help="part of the pixels kept")
parser.add_argument("--out", default="out", help="folder for what is written")
parser.add_argument("--steps", dest="num_steps", type=int, default=500)
parser.add_argument("--width", type=int, default=128, help="hidden units")
parser.add_argument("--max-side", type=int, default=256)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--quick", action="store_true", help="a small, fast run")

if __name__ == "__main__":
    sys.exit(run(parser, None))
