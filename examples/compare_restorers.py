"""What several restorers make of one small gray image: whole, and close by.

    python examples/compare_restorers.py                      # the shipped one
    python examples/compare_restorers.py portraits out/train/restorer.safetensors
    python examples/compare_restorers.py portraits --image me.jpg

Writes a sheet with a row for each view, the last of them where the renderings differ
most, and a column for each model, between bicubic interpolation and the image itself.
"""

import argparse
import sys

from inr.__main__ import run
from inr.commands import compare_restorers

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=compare_restorers, quick_options={"size": 128})
parser.add_argument("models", nargs="*", default=["portraits", "photos"])
parser.add_argument("--image", help="by default the head of a bundled photograph")
parser.add_argument("--side", type=int, default=64, help="of what the models are given")
parser.add_argument("--size", type=int, default=512, help="of each rendering")
parser.add_argument("--out", default="out", help="folder for what is written")
parser.add_argument("--quick", action="store_true", help="small renderings")

if __name__ == "__main__":
    sys.exit(run(parser, None))
