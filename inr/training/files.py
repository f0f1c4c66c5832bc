"""Image files as a training set: decoded once, and split so that nothing leaks."""

import hashlib
import os
import pathlib
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from inr import _checks
from inr.io import read_image


class ImageFiles(Sequence):
    """Image files as a sequence of uint8 arrays `[h, w, 3]`.

    A file is decoded when it is first asked for, and its bytes are kept as long as
    there is room for them. Gray becomes RGB, opacity is dropped, 16 bits become 8.

    Attributes:
      paths: of the files, in order.
    """

    def __init__(
        self, paths: Sequence[str | os.PathLike[str]], *, max_bytes: int = 2**32
    ):
        """Opens no file yet.

        Args:
          paths: image files, such as `list_images` gives.
          max_bytes: how much may be kept. What does not fit is decoded again every
            time, which is slow: about 2 ms for 256 x 256 pixels.
        """
        self.paths = tuple(pathlib.Path(path) for path in paths)
        self._room = _checks.as_count("max_bytes", max_bytes, least=0)
        self._kept: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        index = range(len(self))[index]
        image = self._kept.get(index)
        if image is None:
            image = _as_bytes(read_image(self.paths[index]))
            # Threads that meet here may both count an image: less is kept, no more.
            if image.nbytes <= self._room:
                self._room -= image.nbytes
                self._kept[index] = image
        return image


class ImagePairs(Sequence):
    """Each image with another of its group, as arrays `[h, w, 2 c]`.

    For models that are given a reference beside what they should restore: another
    photograph of a scene, or of the same kind. An image is paired with the next ones of
    its group, the first coming after the last, and never with itself. What
    `crop_batches` cuts out of a pair lies at one place in both.
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        groups: Sequence[Hashable],
        *,
        partners: int = 4,
    ):
        """Decodes no image yet.

        Args:
          images: arrays `[h, w, c]`, all of one group of one shape, such as
            `ImageFiles`.
          groups: of each, what tells its group.
          partners: with how many others each is paired, at most.

        Raises:
          ValueError: if no group has two images, or the two lists disagree.
        """
        partners = _checks.as_count("partners", partners)
        if len(images) != len(groups):
            expected = f"one for each of {len(images)} images"
            raise _checks.fail("groups", expected, len(groups))
        members: dict[Hashable, list[int]] = {}
        for i, group in enumerate(groups):
            members.setdefault(group, []).append(i)
        self._images = images
        self._pairs = [
            (i, own[(k + step) % len(own)])
            for own in members.values()
            for k, i in enumerate(own)
            for step in range(1, min(partners, len(own) - 1) + 1)
        ]
        if not self._pairs:
            raise _checks.fail("groups", "such that one has two images", "none")

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> np.ndarray:
        pair = self._pairs[range(len(self))[index]]
        return np.concatenate([self._images[i] for i in pair], -1)


def _as_bytes(image: np.ndarray) -> np.ndarray:
    color = image[..., :3] if image.shape[-1] >= 3 else image[..., :1]
    levels = np.rint(np.clip(color, 0, 1) * 255).astype(np.uint8)
    levels = np.array(np.broadcast_to(levels, (*levels.shape[:2], 3)))
    levels.flags.writeable = False
    return levels


def split_by_hash(
    names: Sequence[str | os.PathLike[str]],
    *,
    group: Callable[[str], str],
    fraction: float = 0.1,
) -> tuple[list, list]:
    """Splits files into those to train on and those held out, group by group.

    A group is held out if the SHA-256 of its key is below `fraction` of the range of
    hashes. So a file's side depends on its own name alone: files may be added, removed
    or reordered, and a larger fraction only adds groups to those held out.

    Args:
      names: names or paths; only the name without its extension counts.
      group: maps such a name to what must stay on one side: of the crops of a photo
        that are called `source_photo_crop` to `source_photo`, by `lambda name:
        name.rsplit("_", 1)[0]`; of portraits to the person.
      fraction: of the groups to hold out, about.

    Returns:
      `(train, held_out)`: the names as given, in their order.

    Raises:
      ValueError: for a fraction outside [0, 1].
    """
    fraction = _checks.as_fraction("fraction", fraction)
    sides: tuple[list, list] = ([], [])
    for name in names:
        key = group(pathlib.Path(name).stem)
        digest = hashlib.sha256(key.encode()).digest()
        sides[int.from_bytes(digest[:8], "big") < fraction * 2**64].append(name)
    return sides
