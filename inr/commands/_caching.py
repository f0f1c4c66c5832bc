"""Compiled programs in the user's cache folder, for later calls of the console."""

import contextlib
import os
import pathlib
import sys
import tempfile
import warnings
from collections.abc import Iterator

import jax
from jax.experimental.compilation_cache import compilation_cache

_MAX_BYTES = 2**30  # beyond it, the programs unused for longest are deleted


def cache_folder() -> pathlib.Path:
    """Folder of the compiled programs, by the conventions of the platform."""
    home = pathlib.Path.home()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "") or home / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        # The XDG specification has relative paths ignored.
        base = base if os.path.isabs(base) else home / ".cache"
    return pathlib.Path(base) / "inr" / "programs"


@contextlib.contextmanager
def program_cache() -> Iterator[None]:
    """Keep the programs that JAX compiles in the block, and load those of earlier runs.

    The folder takes at most 1 GiB: programs that were not used for longest are deleted.
    A cache that the user has configured, as by `JAX_COMPILATION_CACHE_DIR`, is used
    unchanged. A folder that cannot be written is not used.
    """
    if getattr(jax.config, "jax_compilation_cache_dir", None) is not None:
        yield
        return
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        yield
        return
    options = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
        "jax_compilation_cache_max_size": _MAX_BYTES,
    }
    previous = {name: getattr(jax.config, name) for name in options}
    with warnings.catch_warnings():
        # Another process may still be writing the entry; JAX compiles then.
        message = "Error (reading|writing) persistent compilation cache entry"
        warnings.filterwarnings("ignore", message)
        try:
            _update(options)
            yield
        finally:
            _update(previous)


def _update(options: dict[str, object]) -> None:
    for name, value in options.items():
        jax.config.update(name, value)
    # JAX reads the options once, with the first program.
    compilation_cache.reset_cache()
