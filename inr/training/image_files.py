"""Image files as a training set: decoded once, and split without leakage."""

import hashlib
import os
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np

from inr import _checks
from inr._files import as_path
from inr.io import read_image

_MAX = 2**63 - 1

Name = TypeVar("Name", bound=str | os.PathLike[str])


class ImageFiles(Sequence[np.ndarray]):
    """Image files as a sequence of uint8 arrays `[h, w, 3]`.

    A file is decoded at its first use, and its pixels stay in memory while they fit.
    Gray images become RGB, opacity is dropped, 16 bits become 8.

    Attributes:
      paths: paths of the files, in order.
    """

    def __init__(
        self, paths: Sequence[str | os.PathLike[str]], *, max_bytes: int = 2**32
    ):
        """Store the paths; no file is opened yet.

        Args:
          paths: image files, for example from `list_images`.
          max_bytes: memory for decoded images. Images that do not fit are decoded at
            every use, which takes about 2 ms for 256 x 256 pixels.
        """
        if not isinstance(paths, Sequence) or isinstance(paths, str):
            raise _checks.fail("paths", "a list of paths", repr(paths))
        self.paths = tuple(as_path("paths", path) for path in paths)
        self._free_bytes = _checks.as_count("max_bytes", max_bytes, least=0, most=_MAX)
        self._cache: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        index = range(len(self))[index]
        image = self._cache.get(index)
        if image is None:
            image = _as_bytes(read_image(self.paths[index]))
            # Two threads may both count one image; then less is cached, never more.
            if image.nbytes <= self._free_bytes:
                self._free_bytes -= image.nbytes
                self._cache[index] = image
        return image

    def __repr__(self) -> str:
        return f"ImageFiles({len(self):,} files)"


class ImagePairs(Sequence[np.ndarray]):
    """Each image with another of its group, as arrays `[h, w, 2 c]`.

    For models that take a reference besides their input: another photo of a scene, or
    of the same kind. An image is paired with the images that follow it in its group,
    cyclically, and never with itself. `crop_batches` cuts both images of a pair at the
    same position.
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        groups: Sequence[Hashable],
        *,
        max_partners: int = 4,
    ):
        """Build the list of pairs; no image is decoded yet.

        Args:
          images: arrays `[h, w, c]`, of one shape within each group, for example
            `ImageFiles`.
          groups: label of the group of each image.
          max_partners: largest number of other images that an image is paired with.

        Raises:
          ValueError: if no group has two images, or the two lengths differ.
        """
        max_partners = _checks.as_count("max_partners", max_partners)
        for name, values in (("images", images), ("groups", groups)):
            if not isinstance(values, Sequence | np.ndarray):
                raise _checks.fail(name, "a sequence", type(values).__name__)
        if not all(isinstance(group, Hashable) for group in groups):
            raise _checks.fail("groups", "labels that hash", "others")
        if len(images) != len(groups):
            expected = f"one label for each of {len(images)} images"
            raise _checks.fail("groups", expected, len(groups))
        members: dict[Hashable, list[int]] = {}
        for i, group in enumerate(groups):
            members.setdefault(group, []).append(i)
        self._images = images
        self._pairs = [
            (i, group[(k + step) % len(group)])
            for group in members.values()
            for k, i in enumerate(group)
            for step in range(1, min(max_partners, len(group) - 1) + 1)
        ]
        if not self._pairs:
            expected = "labels of which at least two are equal"
            raise _checks.fail("groups", expected, "none")

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> np.ndarray:
        pair = self._pairs[range(len(self))[index]]
        return np.concatenate([self._images[i] for i in pair], -1)


def _as_bytes(image: np.ndarray) -> np.ndarray:
    """Read-only uint8 RGB `[h, w, 3]` of an image in [0, 1]."""
    color = image[..., :3] if image.shape[-1] >= 3 else image[..., :1]
    levels = np.rint(np.clip(color, 0, 1) * 255).astype(np.uint8)
    levels = np.array(np.broadcast_to(levels, (*levels.shape[:2], 3)))
    levels.flags.writeable = False
    return levels


def split_by_hash(
    names: Sequence[Name],
    *,
    group: Callable[[str], str],
    fraction: float = 0.1,
) -> tuple[list[Name], list[Name]]:
    """Split files into a training set and a held-out set, group by group.

    A group is held out if the SHA-256 of its label is below `fraction` of the range of
    hashes. The side of a file therefore depends on its own name alone: files may be
    added, removed or reordered, and a larger fraction only adds groups to the held-out
    set.

    Args:
      names: names or paths; folders and extensions are ignored.
      group: maps a name without extension to the label of its group. For crops named
        `photo_crop`, `lambda name: name.rsplit("_", 1)[0]` keeps the crops of a photo
        together; for portraits, return the person.
      fraction: approximate fraction of groups to hold out, in [0, 1].

    Returns:
      `(train, held_out)`: the names, in their order.

    Raises:
      ValueError: if `fraction` is outside [0, 1].
    """
    fraction = _checks.as_fraction("fraction", fraction)
    _checks.check_callable("group", group)
    if not isinstance(names, Sequence) or isinstance(names, str):
        raise _checks.fail("names", "a list of names", repr(names))
    sides: tuple[list[Name], list[Name]] = ([], [])
    for name in names:
        label = group(as_path("names", name).stem)
        if not isinstance(label, str):
            raise _checks.fail("group", "a function that returns a string", repr(label))
        digest = hashlib.sha256(label.encode()).digest()
        sides[int.from_bytes(digest[:8], "big") < fraction * 2**64].append(name)
    return sides
