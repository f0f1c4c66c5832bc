"""Give gray images colors; small ones gain detail as well.

    python examples/colorize.py                      # the head of a bundled photograph
    python examples/colorize.py photo.jpg
    python examples/colorize.py portrait.jpg --model portraits --samples 4
    python examples/colorize.py portrait.jpg --model portraits --side 64 --size 512 512
    python examples/colorize.py folder --region .2 .2 .4 .6 --size 512 1024

Writes each in color, and a contact sheet beside the gray image, and the original where
that has colors. The model `photos` knows landscapes, skies, plants and animals, and
`portraits` heads and shoulders, placed as in official portraits: see their model cards
in inr/weights. `--samples 4` draws colors that a portrait may have.
"""

import argparse
import sys

from inr.__main__ import add_colorize, run

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
add_colorize(parser)

if __name__ == "__main__":
    sys.exit(run(parser, None))
