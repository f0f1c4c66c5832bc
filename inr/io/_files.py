"""Shared by readers and writers: what a path must be, and files whole or not at all."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Iterator

from inr import _checks


def check_file(path: pathlib.Path, kind: str) -> None:
    """`path` must be a file that exists; `kind` such as "an image file"."""
    if path.is_dir():
        raise _checks.fail("path", kind, f"the folder {str(path)!r}")
    if not path.exists():
        raise FileNotFoundError(f"`path` must be {kind}, got {str(path)!r}: not there.")


def check_folder(path: pathlib.Path) -> None:
    """The folder that a file is to be written to must exist."""
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"`path` must be in a folder that exists, got {str(path)!r}. "
            "Create it with `pathlib.Path(path).parent.mkdir(parents=True)`."
        )


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A name to write to, put under `path` in one step once all is written.

    Links are followed. Where writing fails, the file of that name stays as it was.
    """
    path = path.resolve()
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
