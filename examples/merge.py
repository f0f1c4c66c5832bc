"""Merge aligned photographs by their gradients.

    python examples/merge.py                                  # a bundled photograph
    python examples/merge.py near.jpg far.jpg                 # strongest gradients
    python examples/merge.py folder --mode mean

Writes the result and a contact sheet with the inputs, their mean and the result.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["merge", *sys.argv[1:]]))
