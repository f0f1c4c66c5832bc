"""The input pipeline: images to batches of crops, by grain.

The host only looks crops up, turns and copies them, as bytes. What costs arithmetic
(`inr.training.examples`) runs in JAX inside the training step: there it is compiled,
is spread over the devices with the batch, and takes its randomness from the step's key.
"""

from collections.abc import Iterable, Sequence

import jax
import numpy as np

from inr import _checks
from inr._typing import Key

SYMMETRIES = ("none", "mirror", "square")

# Grain's shuffle takes 5 ms an index for 8 images, 90 us for 512 and 24 us for 4096.
_FEWEST_SHUFFLED = 512

_THREADS = 4
_BATCHES_AHEAD = 4  # each of 32 crops of 256 x 256 is 6 MB


def crop_batches(
    key: Key,
    images: Sequence[np.ndarray] | np.ndarray,
    *,
    batch_size: int,
    size: int,
    symmetry: str = "mirror",
) -> Iterable[np.ndarray]:
    """An endless grain dataset of random crops; every epoch has its own order.

    An epoch is one pass over the images; of less than 512 it is so many passes, mixed.
    Batch i follows from the key and i alone, however many threads or processes read
    ahead. Its iterator has `get_state` and `set_state`, with which `train` resumes at
    any batch.

    Args:
      key: PRNG key of order, places and turns.
      images: arrays `[h, w, c]` of one dtype and c, at least `size` in h and w: a list
        or an array of them, or `ImageFiles`.
      batch_size: crops in a batch, b.
      size: of a crop, in pixels.
      symmetry: `"none"`; `"mirror"` for half of the crops left to right; `"square"` for
        the eight turns and reflections alike.

    Returns:
      A `grain.IterDataset` of arrays `[b, size, size, c]`.

    Raises:
      ImportError: if grain is missing.
      ValueError: for options that are no counts or unknown, no images, and, once it is
        met, for an image that is too small.
    """
    batch_size = _checks.as_count("batch_size", batch_size)
    size = _checks.as_count("size", size)
    _checks.check_choice("symmetry", symmetry, SYMMETRIES)
    if len(images) == 0:
        raise _checks.fail("images", "at least one", "none")
    grain = _grain()

    def crop(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return _turned(_cropped(image, size, generator), symmetry, generator)

    seed = int(jax.random.bits(key, dtype=np.uint32))
    return (
        grain.MapDataset.source(images)
        .seed(seed)
        .repeat(-(-_FEWEST_SHUFFLED // len(images)))
        .shuffle()
        .repeat()
        .random_map(crop)
        .batch(batch_size)
        .to_iter_dataset(grain.ReadOptions(_THREADS, _BATCHES_AHEAD))
    )


def _cropped(
    image: np.ndarray, size: int, generator: np.random.Generator
) -> np.ndarray:
    room = np.asarray(image.shape[:2]) - size
    if room.min() < 0:
        raise _checks.fail(
            "images",
            f"at least {size} x {size} pixels each",
            f"one of shape {image.shape}",
            "Leave it out, or crop to a smaller `size`.",
        )
    top, left = generator.integers(room, endpoint=True)
    return image[top : top + size, left : left + size]


def _turned(
    crop: np.ndarray, symmetry: str, generator: np.random.Generator
) -> np.ndarray:
    mirrored, transposed, flipped = generator.integers(2, size=3)
    if symmetry == "none":
        return crop
    if mirrored:
        crop = crop[:, ::-1]
    if symmetry == "mirror":
        return crop
    if flipped:
        crop = crop[::-1]
    return crop.swapaxes(0, 1) if transposed else crop


def _grain():
    try:
        import grain
    except ImportError as error:
        raise ImportError(
            "The input pipeline needs grain: pip install 'inr[train]'."
        ) from error
    return grain
