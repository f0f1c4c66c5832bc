"""Hold a clip of video with a tenth of its numbers, and play it.

    python examples/video.py                           # pans over a photograph
    python examples/video.py clip.mp4 --frames 120 --max-side 176 --steps 10000

Fits a hash grid to the pixels, drawn at random in every step, and writes the video that
the field shows and a strip of frames before and after.
"""

import argparse
import sys

from inr.__main__ import run
from inr.commands import video

QUICK = {"num_frames": 16, "num_steps": 300, "max_side": 80}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=video, quick_options=QUICK)
parser.add_argument("clip", nargs="?", help="by default a pan that is made here")
parser.add_argument("--out", default="out", help="folder for what is written")
parser.add_argument("--frames", dest="num_frames", type=int, default=48)
parser.add_argument("--steps", dest="num_steps", type=int, default=1500)
parser.add_argument("--max-side", type=int, default=128)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--quick", action="store_true", help="a small, fast run")

if __name__ == "__main__":
    sys.exit(run(parser, None))
