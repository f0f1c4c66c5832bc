"""Enlarge a photograph four times with textures from other photographs.

    python examples/reference_upscale.py                  # a bundled stereo pair
    python examples/reference_upscale.py small.png same_place.jpg another.jpg
    python examples/reference_upscale.py photo.jpg same_place.jpg --evaluate

References show the same or a similar subject, about as large as in the result. A
contact sheet shows the position of each match in the references. With `--evaluate`, the
photograph is reduced first, and the result is scored against it.
"""

import argparse
import sys

from inr.commands import add_output, reference_upscale, run_command

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=reference_upscale, quick_options={"max_side": 160})
parser.add_argument(
    "image", nargs="?", help="file (default: one of a bundled stereo pair)"
)
parser.add_argument(
    "references",
    nargs="*",
    help="photographs of the same or a similar subject, at least one",
)
parser.add_argument(
    "--model",
    default="textures",
    help="name of pretrained weights, or a file; sets the scale (default: %(default)s)",
)
parser.add_argument(
    "--evaluate",
    action="store_true",
    help="reduce the image first, and print PSNR and SSIM",
)
parser.add_argument(
    "--max-side",
    type=int,
    default=512,
    metavar="PIXELS",
    help="reduce references, and with --evaluate the image, to this longer side; time "
    "grows with its fourth power (default: %(default)s)",
)
add_output(parser)

if __name__ == "__main__":
    sys.exit(run_command(parser, None))
