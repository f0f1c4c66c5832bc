"""Compare the results of several restorers on one small gray image.

    python examples/compare_restorers.py                      # the pretrained models
    python examples/compare_restorers.py portraits out/train/restorer.safetensors
    python examples/compare_restorers.py portraits --image me.jpg

Writes a sheet. Its rows are the whole image, a close-up, and the regions where the
renderings differ most; its columns are bicubic interpolation, the models, and the
original.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["compare-restorers", *sys.argv[1:]]))
