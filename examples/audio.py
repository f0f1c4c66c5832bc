"""Fit a SIREN to a sound, and write the sound that the field predicts.

    python examples/audio.py                           # synthetic notes
    python examples/audio.py speech.wav --seconds 5 --width 256 --steps 10000

Reads every format of libsndfile (.wav, .flac, .ogg, .mp3), at any rate, mono or stereo.
Writes the sound, and a plot of the waveform and of the error.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["audio", *sys.argv[1:]]))
