"""Fill in missing pixels by a SIREN with a smoothness prior, or by a model.

    python examples/inpaint.py                       # 90 % of the pixels are missing
    python examples/inpaint.py photo.jpg --mask scratches.png
    python examples/inpaint.py photo.jpg --keep 0.05
    python examples/inpaint.py --model inpainting    # a random hole
    python examples/inpaint.py photo.jpg --mask hole.png --model inpainting \\
        --references other.jpg
    python examples/inpaint.py photos --mask masks   # masks/a.png for photos/a.jpg

A model copies textures from the rest of the image and from other photographs. Writes
the result, and a contact sheet with the membrane, the smoothest function through the
known pixels. Without a mask, prints the PSNR of both on the missing pixels.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["inpaint", *sys.argv[1:]]))
