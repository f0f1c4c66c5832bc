"""Fit a SIREN to a sound, and write the sound that the field predicts.

    python examples/audio.py                           # synthetic notes
    python examples/audio.py speech.wav --seconds 5 --width 256 --steps 10000

Reads every format of libsndfile (.wav, .flac, .ogg, .mp3), at any rate, mono or stereo.
Writes the sound, and a plot of the waveform and of the error.
"""

import argparse
import sys

from inr.commands import add_output, add_training, audio, run_command

QUICK = {"seconds": 1.0, "num_steps": 600, "width": 64}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.set_defaults(run=audio, quick_options=QUICK)
parser.add_argument("sound", nargs="?", help="sound file (default: synthetic notes)")
parser.add_argument(
    "--seconds",
    type=float,
    default=3.0,
    help="length of the excerpt, from the beginning (default: %(default)g)",
)
add_training(parser, num_steps=3000, width=128)
add_output(parser)

if __name__ == "__main__":
    sys.exit(run_command(parser, None))
