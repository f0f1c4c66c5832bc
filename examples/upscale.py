"""Enlarge photographs by any factor with a pretrained model.

    python examples/upscale.py                         # a bundled photograph, scored
    python examples/upscale.py photo.jpg folder --scale 2.7
    python examples/upscale.py photo.jpg --scale 8 --region 0.2 0.3 0.4 0.5
    python examples/upscale.py photo.jpg --evaluate --method siren

With `--evaluate`, and for the bundled photograph, the image is reduced first, and the
result is scored against it, beside nearest, bilinear, bicubic and Lanczos interpolation
of the same pixels. `--method siren` fits a SIREN to the image instead. It has no
training data but that image, so it interpolates, and bicubic may be better.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["upscale", *sys.argv[1:]]))
