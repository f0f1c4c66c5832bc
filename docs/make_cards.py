"""Makes the pictures of model cards that no page has: docs/cards/*.webp.

    python docs/make_cards.py                 # all of them
    python docs/make_cards.py codec textures  # those of some models

Run it again when a model has new weights. The photographs are those of scikit-image: in
the public domain or CC0.
"""

import io
import pathlib
import sys
from collections.abc import Sequence

import jax
import numpy as np
from PIL import Image
from skimage import data

import inr
from inr.training import reduce_images

FOLDER = pathlib.Path(__file__).parent / "cards"
SIDE = 256  # of each panel


def as_floats(pixels: np.ndarray) -> np.ndarray:
    return np.float32(pixels) / 255


def reduce_by(scale: int, image: np.ndarray) -> np.ndarray:
    size = tuple(n // scale for n in image.shape[:2])
    return np.clip(reduce_images(image, size, interpolation="bicubic"), 0, 1)


def enlarge(image: np.ndarray, interpolation: str) -> np.ndarray:
    shape = (SIDE, SIDE, image.shape[-1])
    return np.asarray(jax.image.resize(image, shape, interpolation))


def jpeg(image: np.ndarray, quality: int) -> bytes:
    file = io.BytesIO()
    pixels = Image.fromarray(np.uint8(image * 255 + 0.5))
    pixels.save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()


def from_jpeg(file: bytes) -> np.ndarray:
    return as_floats(np.asarray(Image.open(io.BytesIO(file))))


def photos_restorer() -> list[np.ndarray]:
    """64x64 gray pixels, restored, and the original, of an easy and a hard subject."""
    originals = [data.rocket()[:384, 128:512], data.chelsea()[:300, 75:375]]
    originals = [as_floats(original) for original in originals]
    resized = [jax.image.resize(x, (SIDE, SIDE, 3), "linear") for x in originals]
    small = [jax.image.resize(x, (64, 64, 3), "linear") for x in originals]
    grays = [inr.color.rgb_to_luma(x) for x in small]
    options = {"size": (SIDE, SIDE), "model": "photos_restorer"}
    restored = [inr.colorize(gray, **options) for gray in grays]
    inputs = [enlarge(np.asarray(gray), "nearest") for gray in grays]
    return [np.concatenate(rows) for rows in (inputs, restored, resized)]


def upscale_photo() -> list[np.ndarray]:
    """A small JPEG, enlarged four times: bicubic, `upscale` and `upscale_photo`."""
    small = reduce_by(4, as_floats(data.chelsea()[16:272, 96:352]))
    compressed = from_jpeg(jpeg(small, 75))
    models = ("upscale", "upscale_photo")
    results = [inr.upscale(compressed, 4, model=name) for name in models]
    return [enlarge(compressed, "cubic"), *results]


def textures() -> list[np.ndarray]:
    """A part of a stereo pair, enlarged four times: bicubic, by reference, original."""
    left, right, _ = data.stereo_motorcycle()
    original = as_floats(left[120:376, 180:436])
    small = reduce_by(4, original)
    reference = as_floats(right[104:392, 100:420])
    textured = inr.upscale_by_reference(small, [reference], scale=4)
    return [enlarge(small, "cubic"), textured, original]


def codec() -> list[np.ndarray]:
    """A photograph, in half a bit a pixel, and as a JPEG of at least as many bytes."""
    original = as_floats(data.coffee()[72 : 72 + SIDE, 150 : 150 + SIDE])
    compressed = inr.codec.encode(original, bpp=0.5, num_steps=800, progress=False)
    files = (jpeg(original, quality) for quality in range(1, 96))
    file = next(x for x in files if len(x) >= len(compressed))
    return [original, inr.codec.decode(compressed), from_jpeg(file)]


CARDS = (photos_restorer, upscale_photo, textures, codec)


def main(names: Sequence[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for card in CARDS:
        if names and card.__name__ not in names:
            continue
        panels = [np.clip(x, 0, 1) for x in card()]
        panels = [np.broadcast_to(x, (*x.shape[:2], 3)) for x in panels]
        pixels = np.uint8(np.concatenate(panels, 1) * 255 + 0.5)
        Image.fromarray(pixels).save(FOLDER / f"{card.__name__}.webp", quality=80)


if __name__ == "__main__":
    main(sys.argv[1:])
