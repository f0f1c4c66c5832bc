"""Paste a part of one photo into another without a seam, or merge photos.

    python examples/merge.py                                  # bundled photos
    python examples/merge.py source.png target.jpg --mask mask.png --offset 40 60
    python examples/merge.py source.png target.jpg --polygon 10,10 10,90 80,50
    python examples/merge.py near.jpg far.jpg                 # strongest gradients

Without a mask, the opacity of the source is the mask. Writes the result and a contact
sheet with the inputs, the plain paste (or the mean) and the result.
"""

import argparse
import sys

from inr.__main__ import add_merge
from inr.commands import run_command

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
add_merge(parser)

if __name__ == "__main__":
    sys.exit(run_command(parser, None))
