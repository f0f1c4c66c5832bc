"""Upscale a photograph with a SIREN, and see how it compares with interpolation.

    python examples/upscale.py                         # a bundled photograph
    python examples/upscale.py photo.jpg --scale 3 --region 0.2 0.3 0.5 0.6

The photograph is reduced, a SIREN is fitted to the small one, rendered at full size,
and scored beside nearest, bilinear, bicubic and Lanczos on the same pixels. A
single-image SIREN knows nothing but that image: it interpolates, and bicubic may win.
"""

import argparse
import sys

from inr.__main__ import add_upscale, run

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
add_upscale(parser)
parser.set_defaults(evaluate=True)

if __name__ == "__main__":
    sys.exit(run(parser, None))
