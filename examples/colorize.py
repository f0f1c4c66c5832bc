"""Colorize gray images; small ones also gain detail.

    python examples/colorize.py                      # the head of a bundled photograph
    python examples/colorize.py photo.jpg
    python examples/colorize.py portrait.jpg --model portraits --samples 4
    python examples/colorize.py portrait.jpg --model portraits --side 64 --size 512 512
    python examples/colorize.py folder --region .2 .2 .4 .6 --size 512 1024

Writes each image in color, and a contact sheet with the gray image and, if it has
colors, the original. The model `photos` was trained on landscapes, skies, plants and
animals, and `portraits` on heads and shoulders, placed as in official portraits; see
their model cards in inr/weights. `--samples 4` draws four samples of a portrait's
possible colors in place of their mean, and `--preset` selects how.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["colorize", *sys.argv[1:]]))
