"""Hold a piece of sound as a SIREN, and play it back.

    python examples/audio.py                           # plucked notes, made here
    python examples/audio.py speech.wav --seconds 5 --width 256 --steps 10000

Writes the sound that the field plays, and a picture of the wave and the error. Any file
that libsndfile reads will do (.wav, .flac, .ogg, .mp3), of any rate, mono or stereo.
"""

import argparse
import sys

from inr.__main__ import run
from inr.commands import audio

QUICK = {"seconds": 1.0, "num_steps": 600, "width": 64}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=audio, quick_options=QUICK)
parser.add_argument("sound", nargs="?", help="by default notes that are made here")
parser.add_argument("--out", default="out", help="folder for what is written")
parser.add_argument("--seconds", type=float, default=3.0, help="from the beginning")
parser.add_argument("--steps", dest="num_steps", type=int, default=3000)
parser.add_argument("--width", type=int, default=128, help="hidden units")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--quick", action="store_true", help="a small, fast run")

if __name__ == "__main__":
    sys.exit(run(parser, None))
