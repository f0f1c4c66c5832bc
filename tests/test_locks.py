"""One holder of a folder's lock, which dies with its process."""

import os
import subprocess
import sys

import pytest
from support import refuses

from inr._locks import locked_folder

fcntl = pytest.importorskip("fcntl")

# It takes the lock by the system's own function.
HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "a+")
fcntl.flock(file, fcntl.LOCK_EX)
file.write("process 1 on mars")
file.flush()
print("locked", flush=True)
time.sleep(100)
"""


def test_another_process_excludes_this_one_until_it_is_killed(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "lock"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "locked\n"
    with (
        refuses(f"`folder` must be .* got {tmp_path}, used by process 1 on mars. Wait"),
        locked_folder("folder", tmp_path),
    ):
        pass
    child.kill()
    child.wait()
    child.stdout.close()
    with locked_folder("folder", tmp_path):
        text = (tmp_path / "lock").read_text()
    assert text.startswith(f"process {os.getpid()} on ")


def test_this_process_excludes_itself(tmp_path):
    with locked_folder("folder", tmp_path):
        with refuses(f"process {os.getpid()} on"), locked_folder("folder", tmp_path):
            pass
        with refuses(f"process {os.getpid()} on"), locked_folder("folder", tmp_path):
            pass
    with locked_folder("folder", tmp_path):
        pass


def test_a_drive_without_locks_causes_a_warning(tmp_path, monkeypatch):
    def flock(file, operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    with (
        pytest.warns(UserWarning, match=r"`folder` .* cannot be locked .*95"),
        locked_folder("folder", tmp_path),
    ):
        pass
