"""Fit a hash grid to a video, with a tenth as many parameters as pixel values.

    python examples/video.py                           # pan over a photograph
    python examples/video.py clip.mp4 --frames 120 --max-side 176 --steps 10000

Every step fits a random batch of pixels. Writes the video that the field predicts, and
a sheet of frames from both videos.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["video", *sys.argv[1:]]))
