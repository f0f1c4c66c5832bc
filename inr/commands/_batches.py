"""Files and folders as inputs, and a loop that goes on after a bad one."""

import collections
import os
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from inr import _checks
from inr.commands._outputs import Files, Outputs, Path
from inr.fitting import FitDiverged
from inr.io import list_images
from inr.poisson import NotConverged

ERRORS = (
    *(ValueError, TypeError, OSError, ImportError, MemoryError),
    *(FitDiverged, NotConverged),
)
"""Errors whose message explains them to the user."""


class Source(NamedTuple):
    """One input of a command.

    Attributes:
      name: start of the names of its results, unique among the inputs of a call.
      path: the file; None for the sample that comes with the command.
    """

    name: str
    path: pathlib.Path | None


class BatchFailed(Exception):
    """Some inputs of a batch failed; the message lists them."""


def list_sources(
    argument: str,
    paths: Sequence[Path] | Path | None,
    *,
    sample: str | None = None,
    extensions: Sequence[str] | None = None,
) -> list[Source]:
    """Inputs from files and folders.

    Args:
      argument: name of the argument in errors.
      paths: files and folders. A file that is named twice counts once.
      sample: name of the sample to use without paths; None to refuse it.
      extensions: extensions of the files in folders; None for images.

    Returns:
      The inputs. Those of one stem are distinguished by their extension, and by their
      folder if that is needed.

    Raises:
      ValueError: for a folder without such files, or no path without a sample.
    """
    if paths is None:
        paths = []
    elif isinstance(paths, str | os.PathLike):
        paths = [paths]
    if not paths and sample is not None:
        return [Source(sample, None)]
    if not paths:
        raise _checks.fail(argument, "at least one file or folder", "none")
    files = list_files(argument, paths, extensions=extensions)
    return [Source(name, path) for name, path in zip(_names(files), files, strict=True)]


def single_source(
    argument: str, path: Path | None, *, sample: str | None = None
) -> Source:
    """The one input of a command that takes no more, as by `list_sources`.

    Raises:
      ValueError: as `list_sources`, and for a folder with several images.
    """
    sources = list_sources(argument, path, sample=sample)
    if len(sources) > 1:
        expected = "one file, or a folder with one image"
        raise _checks.fail(argument, expected, f"{str(path)!r} with {len(sources)}")
    return sources[0]


def take_shard(
    sources: list[Source], shard: str | None, outputs: Outputs
) -> list[Source]:
    """Every n-th input, for one of n jobs that share them.

    Args:
      sources: the inputs of all jobs, in the same order in each. Their names are unique
        among all of them.
      shard: `"i/n"`, the i-th of n jobs, from 1; None for all inputs.
      outputs: where the job writes.

    Raises:
      ValueError: for another form, i out of range, or one output file for several
        inputs.
    """
    if shard is None:
        return sources
    form = "'i/n' with i from 1 to n"
    parts = shard.split("/") if isinstance(shard, str) else []
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise _checks.fail("shard", form, repr(shard))
    index, count = map(int, parts)
    if not 1 <= index <= count:
        raise _checks.fail("shard", form, repr(shard))
    if outputs.is_single and len(sources) > 1:
        raise _checks.fail("output", "a folder for several inputs", str(outputs.path))
    return sources[index - 1 :: count]


def list_files(
    argument: str, paths: Sequence[Path], *, extensions: Sequence[str] | None = None
) -> list[pathlib.Path]:
    """The files of `paths`, each once, with folders replaced by the files in them.

    Raises:
      ValueError: for a folder without files of `extensions`; None means images.
    """
    files: dict[pathlib.Path, pathlib.Path] = {}
    for path in map(pathlib.Path, paths):
        content = [path]
        if path.is_dir():
            content = _content(path, extensions)
            if not content:
                kinds = "image" if extensions is None else "/".join(extensions)
                expected = f"files, or folders with {kinds} files"
                got = f"the folder {str(path)!r}, which has none"
                raise _checks.fail(argument, expected, got)
        files |= {file.resolve(): file for file in content}
    return list(files.values())


def for_each(
    sources: Sequence[Source],
    task: Callable[[Source], Files],
    outputs: Outputs,
) -> list[pathlib.Path]:
    """Call a task for every input, and go on after errors of single inputs.

    Args:
      sources: the inputs.
      task: function of an input that writes and returns the files of its result.
      outputs: where the task writes.

    Returns:
      The files written.

    Raises:
      BatchFailed: after the last input, if some of several failed.
      ValueError: for several inputs and one output file. The error of a single input is
        raised as it is.
    """
    if len(sources) == 1:
        return report(task(sources[0]))
    if outputs.is_single:
        got = f"{str(outputs.path)!r} for {len(sources)} inputs"
        raise _checks.fail("output", "a folder for several inputs", got)
    failures: list[str] = []
    paths: list[pathlib.Path] = []
    for source in sources:
        try:
            paths += report(task(source))
        except ERRORS as error:
            failures.append(f"{source.path}: {error}")
            print(failures[-1], file=sys.stderr)
    if failures:
        lines = "".join(f"\n  {failure}" for failure in failures)
        raise BatchFailed(f"{len(failures)} of {len(sources)} inputs failed:{lines}")
    return paths


def report(files: Files) -> list[pathlib.Path]:
    """Print the names of the files written, and return them."""
    if files.paths:
        print("wrote", ", ".join(map(str, files.paths)))
    return files.paths


def _content(
    folder: pathlib.Path, extensions: Sequence[str] | None
) -> list[pathlib.Path]:
    if extensions is None:
        return list_images(folder)
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in extensions and not path.name.startswith(".")
    )


def _names(files: Sequence[pathlib.Path]) -> list[str]:
    """The shortest unique name of each file; case does not distinguish names."""
    stems = [file.stem for file in files]
    with_extensions = [f"{file.stem}_{file.suffix[1:]}" for file in files]
    with_folders = [
        f"{f.absolute().parent.name}_{f.stem}_{f.suffix[1:]}" for f in files
    ]
    numbered = [f"{name}_{i}" for i, name in enumerate(with_folders, 1)]
    names = stems
    for longer in (with_extensions, with_folders, numbered):
        counts = collections.Counter(name.casefold() for name in names)
        names = [
            name if counts[name.casefold()] == 1 else long
            for name, long in zip(names, longer, strict=True)
        ]
    return names
