"""Files that belong to an input, such as its mask: one for all, or one for each."""

import pathlib
from collections.abc import Sequence

from inr import _checks
from inr.commands._batches import Source, list_files
from inr.commands._outputs import Path


def files_of_stem(
    argument: str, paths: Sequence[Path], source: Source
) -> list[pathlib.Path]:
    """The images of `paths`, files or folders, that have the stem of an input.

    Raises:
      ValueError: if there is none, or a folder has no images.
    """
    stem = (source.path or pathlib.Path(source.name)).stem
    files = [file for file in list_files(argument, paths) if file.stem == stem]
    if not files:
        names = ", ".join(map(str, paths)) or "none"
        raise _checks.fail(argument, f"a folder with an image {stem!r}", names)
    return files


def file_for(argument: str, path: Path, source: Source) -> pathlib.Path:
    """The file for an input: `path`, or the image of the input's stem in that folder.

    Raises:
      ValueError: if the folder has no image of that stem, or several.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        return path
    files = files_of_stem(argument, (path,), source)
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        fix = "Leave one of them in the folder."
        raise _checks.fail(argument, "one image for each stem", names, fix)
    return files[0]
