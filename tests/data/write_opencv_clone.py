"""Write `opencv_clone.npz`: results of OpenCV's seamless cloning; see README.md."""

import pathlib

import cv2
import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).parent
MODES = {
    "normal": cv2.NORMAL_CLONE,
    "mixed": cv2.MIXED_CLONE,
    "monochrome": cv2.MONOCHROME_TRANSFER,
}


def main() -> None:
    """Clone a cat's face into a cup, in each mode."""
    source = np.asarray(Image.open(FOLDER / "cat.png"))[30:70, 20:70]
    target = np.asarray(Image.open(FOLDER / "cup.png"))[4:60, 4:68]
    y, x = np.mgrid[:40, :50]
    mask = np.hypot((y - 19) / 16, (x - 26) / 20) < 1
    center = (31, 27)  # column and row of the target
    results = {
        mode: cv2.seamlessClone(source, target, np.uint8(255) * mask, center, flag)
        for mode, flag in MODES.items()
    }
    np.savez_compressed(
        FOLDER / "opencv_clone.npz",
        source=source,
        target=target,
        mask=mask,
        center=np.array(center[::-1]),
        **results,
    )


if __name__ == "__main__":
    main()
