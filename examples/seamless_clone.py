"""Paste a part of one photograph into another without a seam.

    python examples/seamless_clone.py                         # bundled photographs
    python examples/seamless_clone.py source.png target.jpg --mask mask.png
    python examples/seamless_clone.py source.png target.jpg --polygon 10,10 10,90 80,50

Without a mask, the opacity of the source is the mask. Writes the result and a contact
sheet with the inputs, the plain paste and the result.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["seamless-clone", *sys.argv[1:]]))
