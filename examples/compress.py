"""Compress photographs to small fields, and read them at any size.

    python examples/compress.py                       # a bundled photograph
    python examples/compress.py photo.png --bpp 0.5
    python examples/compress.py folder --file-bytes 20000 --minutes 2
    inr decompress out/photo.inr --scale 2 --region 0.2 0.3 0.4 0.5

A file holds grids of integers, from which networks of the library compute the picture.
Encoding is a search, so it takes minutes, and `--minutes` says how many. Decoding takes
a second. The printed PSNR is that of the decoded picture, in 8 bits.
"""

import sys

from inr.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["compress", *sys.argv[1:]]))
