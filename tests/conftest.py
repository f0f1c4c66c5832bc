"""Shared by all tests: strict ranks, seeded keys, optional data."""

import gc
import os
import pathlib

import jax
import pytest

# Most of the suite's time is compilation. Read when the first program is compiled.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests share one process, and so what was compiled for them."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


@pytest.fixture(autouse=True, scope="module")
def _few_programs():
    """Linux grants a process 65,530 areas of memory, and a program takes three.

    A compiler that gets no more of them ends the process.
    """
    yield
    areas = pathlib.Path("/proc/self/maps")
    if areas.exists() and len(areas.read_bytes().splitlines()) > 20_000:
        jax.clear_caches()
        gc.collect()


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture
def data_folder():
    """The optional data folder; tests that need it skip where it is missing."""
    default = pathlib.Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = pathlib.Path(os.environ.get("INR_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"needs the data folder {folder} (set INR_DATA)")
    return folder
