"""Write the pictures of this folder, from those of scikit-image; see README.md."""

import pathlib

import numpy as np
import skimage.data
from PIL import Image

FOLDER = pathlib.Path(__file__).parent


def block_means(image: np.ndarray, side: int) -> np.ndarray:
    """The uint8 image with a pixel for each block of side x side pixels."""
    h, w, c = image.shape
    blocks = image.reshape(h // side, side, w // side, side, c)
    return np.rint(blocks.mean((1, 3))).astype(np.uint8)


def main() -> None:
    """Write the four pictures."""
    cat = skimage.data.chelsea()[:288, 80:368]
    rotated = Image.fromarray(cat).rotate(10, Image.Resampling.BICUBIC)
    rotated = rotated.resize((105, 105), Image.Resampling.BOX)
    pictures = {
        "astronaut": block_means(skimage.data.astronaut()[:288, 80:368], 4),
        "cat": block_means(cat, 3),
        "cat_rotated": np.asarray(rotated)[20:84, 11:75],
        "cup": block_means(skimage.data.coffee()[56:344, 156:444], 4),
    }
    for name, picture in pictures.items():
        Image.fromarray(picture).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
