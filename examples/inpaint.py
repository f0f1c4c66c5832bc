"""Fill in missing pixels by textures, a membrane, or a SIREN.

    python examples/inpaint.py                       # a random hole
    python examples/inpaint.py photo.jpg --mask hole.png --references other.jpg
    python examples/inpaint.py photo.jpg --mask scratches.png --method membrane
    python examples/inpaint.py photos --mask masks   # masks/a.png for photos/a.jpg
    python examples/inpaint.py --method siren        # 90 % of the pixels are missing
    python examples/inpaint.py photo.jpg --method siren --keep 0.05

A model copies textures from the rest of the image and from other photographs. Writes
the result, and a contact sheet with the membrane, the smoothest function through the
known pixels. Without a mask, prints the PSNR of both on the missing pixels.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["inpaint", *sys.argv[1:]]))
