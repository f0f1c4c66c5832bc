"""Enlarge a photograph four times with textures from other photographs.

    python examples/reference_upscale.py                  # a bundled stereo pair
    python examples/reference_upscale.py small.png --references same_place.jpg more.jpg
    python examples/reference_upscale.py photo.jpg --references same.jpg --evaluate
    python examples/reference_upscale.py photos --references others --by-name

References show the same or a similar subject, about as large as in the result. All of
them serve every photograph, or with `--by-name` those of its own name. A contact sheet
shows the position of each match in the references. With `--evaluate`, the photograph is
reduced first, and the result is scored against it.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["upscale-by-reference", *sys.argv[1:]]))
