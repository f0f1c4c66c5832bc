"""The input pipeline: images to batches of random crops, by grain.

The host only reads, flips and copies crops, as bytes. Arithmetic (`batches`, `masks`,
...) runs in JAX inside the training step: there it is compiled, sharded with the batch,
and takes its randomness from the step's key.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, cast, get_args

import jax
import numpy as np

from inr import _checks
from inr._fingerprint import digest
from inr._typing import Key

Symmetry = Literal["none", "mirror", "square"]
"""Flips and rotations of random crops; see `crop_batches`."""

# Grain's shuffle takes 5 ms an index for 8 images, 90 us for 512 and 24 us for 4096.
_MIN_SHUFFLED = 512

_NUM_COMPARED = 8  # images that processes compare
_NUM_THREADS = 4
_BATCHES_AHEAD = 4  # a batch of 32 crops of 256 x 256 has 6 MB


def crop_batches(
    key: Key,
    images: Sequence[np.ndarray] | np.ndarray,
    *,
    batch_size: int,
    side: int,
    symmetry: Symmetry = "mirror",
    part: tuple[int, int] = (0, 1),
) -> Iterable[np.ndarray]:
    """An endless grain dataset of random crops; every epoch has its own order.

    An epoch is one pass over the images; for fewer than 512 images, it is several
    passes, shuffled together. Batch i depends on the key and i alone, however many
    threads or processes read ahead. The iterator has `get_state` and `set_state`, with
    which `train` resumes at any batch.

    Args:
      key: PRNG key of order, positions and flips.
      images: arrays `[h, w, c]` of one dtype and c, at least `side` in h and w: a list
        or an array of them, or `ImageFiles`.
      batch_size: crops in a batch, b.
      side: height and width of a crop, in pixels.
      symmetry: `"none"`; `"mirror"` flips half of the crops left to right; `"square"`
        draws one of the eight flips and rotations of a square.
      part: `(index, count)`, which of `count` equal parts of each batch to read; in a
        training by several processes, `(jax.process_index(), jax.process_count())`.

    Returns:
      A `grain.IterDataset` of arrays `[b / count, side, side, c]`.

    Raises:
      ImportError: if grain is not installed.
      ValueError: if an option is not a count or unknown, the batch cannot be divided
        by the number of parts, there are no images, or, when it is read, an image is
        too small.
    """
    batch_size = _checks.as_count("batch_size", batch_size)
    side = _checks.as_count("side", side)
    _checks.check_choice("symmetry", symmetry, get_args(Symmetry))
    index, count = _as_part(part, batch_size)
    key = _checks.as_key("key", key)
    if not isinstance(images, Sequence | np.ndarray) or isinstance(images, str):
        raise _checks.fail("images", "a sequence of images", type(images).__name__)
    if len(images) == 0:
        raise _checks.fail("images", "at least one", "none")
    grain = _grain()

    def crop(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return _flip(_crop(image, side, generator), symmetry, generator)

    seed = int(jax.random.bits(key, dtype=np.uint32))
    source = cast(Sequence[np.ndarray], images)  # An array is as good as a sequence.
    dataset = (
        grain.MapDataset.source(source)
        .seed(seed)
        .repeat(-(-_MIN_SHUFFLED // len(images)))
        .shuffle()
        .repeat()
        .random_map(crop)
        .batch(batch_size // count)[index::count]
        .to_iter_dataset(grain.ReadOptions(_NUM_THREADS, _BATCHES_AHEAD))
    )
    if count > 1:
        # `train` compares it between processes, which may list other files.
        fingerprint = digest([seed, symmetry, *_sample(source)])
        dataset.fingerprint = fingerprint  # pyright: ignore[reportAttributeAccessIssue]
    return dataset


def _sample(images: Sequence[np.ndarray]) -> list[Any]:
    """The number of images and a few of them, spread over the sequence."""
    indices = np.linspace(0, len(images) - 1, _NUM_COMPARED).astype(int).tolist()
    return [len(images), *(np.asarray(images[i]) for i in dict.fromkeys(indices))]


def _as_part(part: tuple[int, int], batch_size: int) -> tuple[int, int]:
    if not isinstance(part, tuple | list) or len(part) != 2:
        raise _checks.fail("part", "(index, count)", repr(part))
    count = _checks.as_count("part", part[1])
    if batch_size % count:
        expected = f"a multiple of {count}, the number of parts"
        raise _checks.fail("batch_size", expected, batch_size)
    return _checks.as_count("part", part[0], least=0, most=count - 1), count


def _crop(image: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:
    room = np.asarray(image.shape[:2]) - side
    if room.min() < 0:
        raise _checks.fail(
            "images",
            f"at least {side} x {side} pixels each",
            f"one of shape {image.shape}",
            "Remove it, or use a smaller `side`.",
        )
    top, left = generator.integers(room, endpoint=True)
    return image[top : top + side, left : left + side]


def _flip(
    crop: np.ndarray, symmetry: Symmetry, generator: np.random.Generator
) -> np.ndarray:
    mirror, transpose, flip = generator.integers(2, size=3)
    if symmetry == "none":
        return crop
    if mirror:
        crop = crop[:, ::-1]
    if symmetry == "mirror":
        return crop
    if flip:
        crop = crop[::-1]
    return crop.swapaxes(0, 1) if transpose else crop


def _grain():
    try:
        import grain
    except ImportError as error:
        raise ImportError(
            "The input pipeline needs grain: pip install 'inr[train]'."
        ) from error
    return grain
