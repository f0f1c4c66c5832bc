"""File checks and atomic writes, shared by readers and writers."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Iterator
from typing import Any

from inr import _checks


def as_path(argument: str, value: Any) -> pathlib.Path:
    """Return the name of a file or a folder as a path."""
    is_name = isinstance(value, str | os.PathLike) and str(value) != ""
    if not is_name or "\0" in str(value):
        got = value if isinstance(value, str) else type(value).__name__
        raise TypeError(f"`{argument}` must be a path, got {got!r}.")
    return pathlib.Path(value)


def check_file(path: pathlib.Path, kind: str, fix: str = "") -> None:
    """Raise unless `path` is a regular file; `kind` such as "an image file".

    A pipe or a device is refused, because reading it may never end.
    """
    if path.is_dir():
        raise _checks.fail("path", kind, f"the folder {str(path)!r}", fix)
    if not path.exists():
        raise FileNotFoundError(
            f"`path` must be {kind}, got {str(path)!r}, which does not exist."
        )
    if not path.is_file():
        raise _checks.fail("path", kind, f"{str(path)!r}, a pipe or a device")


def check_folder(path: pathlib.Path) -> None:
    """Raise unless the folder of a file to write exists."""
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"`path` must be in a folder that exists, got {str(path)!r}. "
            "Create it with `pathlib.Path(path).parent.mkdir(parents=True)`."
        )


def check_bytes(
    path: pathlib.Path, what: str, needed: int, max_bytes: int | None, fix: str = ""
) -> None:
    """Raise if decoding `path` needs more than `max_bytes`.

    Args:
      path: the file to decode.
      what: its contents, such as "an image of 100 x 200".
      needed: bytes that decoding allocates.
      max_bytes: the limit, or None for no limit.
      fix: advice beside raising the limit.
    """
    if max_bytes is not None and needed > max_bytes:
        raise _checks.fail(
            "max_bytes",
            f"at least {needed}, the bytes needed to decode {str(path)!r}, {what}",
            max_bytes,
            f"{fix} Raise `max_bytes` if you trust the file.".lstrip(),
        )


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield a temporary path, and rename it to `path` when the block succeeds.

    Links are followed. If the block raises, an existing file stays unchanged.

    Raises:
      ValueError: if `path` is a folder, a pipe or a device.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        got = f"{str(path)!r}, a folder, a pipe or a device"
        raise _checks.fail("path", "a new file or a regular one", got)
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
