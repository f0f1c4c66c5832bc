"""A lock on a folder, which the system releases when its process ends."""

import contextlib
import os
import pathlib
import socket
import sys
import warnings
from collections.abc import Iterator
from typing import IO

from inr import _checks

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> None:
        # Other processes cannot read a locked byte: lock one behind the text.
        file.seek(2**30)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    _HELD = OSError
else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    _HELD = BlockingIOError


@contextlib.contextmanager
def locked_folder(argument: str, folder: pathlib.Path) -> Iterator[None]:
    """Hold the lock of a folder, and name this process in its file `lock`.

    The file stays, but a killed process does not hold the lock. On a network drive, the
    lock also excludes other hosts if the drive supports `flock` across them, as NFS
    version 4 does. Without any support there is a warning, and no lock.

    Args:
      argument: name of the argument in messages.
      folder: an existing folder.

    Raises:
      ValueError: if another process or thread holds the lock.
    """
    with open(folder / "lock", "a+", encoding="utf-8") as file:
        try:
            _lock(file)
        except _HELD:
            file.seek(0)
            owner = file.read(200) or "another process"
            raise _checks.fail(
                argument,
                "a folder that no other process uses",
                f"{folder}, used by {owner}",
                "Wait until it ends, or choose another folder.",
            ) from None
        except OSError as error:
            warnings.warn(
                f"`{argument}` {folder} cannot be locked ({error}). Ensure that no "
                "other process uses it.",
                stacklevel=2,
            )
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
