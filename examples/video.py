"""Fit a hash grid to a video, with a tenth as many parameters as pixel values.

    python examples/video.py                           # pan over a photograph
    python examples/video.py clip.mp4 --frames 120 --max-side 176 --steps 10000

Every step fits a random batch of pixels. Writes the video that the field predicts, and
a sheet of frames from both videos.
"""

import argparse
import sys

from inr.commands import (
    add_max_side,
    add_output,
    add_training,
    run_command,
    video,
)

QUICK = {"num_frames": 16, "num_steps": 300, "max_side": 80}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=video, quick_options=QUICK)
parser.add_argument(
    "clip", nargs="?", help="video file (default: a crop that pans over a photograph)"
)
parser.add_argument(
    "--frames",
    dest="num_frames",
    type=int,
    default=48,
    metavar="N",
    help="number of frames, from the beginning (default: %(default)s)",
)
add_max_side(parser, 128)
add_training(parser, num_steps=1500, width=None)
add_output(parser)

if __name__ == "__main__":
    sys.exit(run_command(parser, None))
