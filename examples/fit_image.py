"""Fit a field to a photograph, save it, and render it at any size.

    python examples/fit_image.py                       # a bundled photograph
    python examples/fit_image.py photo.jpg --size 1024 1024 --region 0.2 0.3 0.5 0.6

Writes the field (a safetensors file, which `inr.load_field` reads), the rendering, and
a contact sheet with a detail enlarged by the field and by bicubic interpolation.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["fit", *sys.argv[1:]]))
