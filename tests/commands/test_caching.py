"""The cache of compiled programs of the console."""

import pathlib
import sys
import warnings

import jax
import jax.numpy as jnp
import pytest
from jax.experimental.compilation_cache import compilation_cache

from inr.commands._caching import cache_folder, program_cache


@pytest.fixture
def without_cache(monkeypatch):
    """The configuration of a user without a cache."""
    folder = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    yield
    jax.config.update("jax_compilation_cache_dir", folder)
    compilation_cache.reset_cache()


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {"XDG_CACHE_HOME": "/caches"}, "/caches/inr/programs"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "~/.cache/inr/programs"),
        ("linux", {}, "~/.cache/inr/programs"),
        ("darwin", {}, "~/Library/Caches/inr/programs"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/inr/programs"),
    ],
)
def test_the_folder_follows_the_platform(monkeypatch, platform, variables, folder):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == pathlib.Path(folder).expanduser()


def test_programs_are_kept_in_the_block_alone(without_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with program_cache():
        jax.jit(lambda x: x * 3 + 1)(jnp.ones(7)).block_until_ready()
        entries = {path.name for path in (tmp_path / "inr" / "programs").iterdir()}
        assert any(name.endswith("-cache") for name in entries)
        message = "Error reading persistent compilation cache entry for 'jit_f': x"
        with warnings.catch_warnings(record=True) as caught:
            warnings.warn(message, stacklevel=1)
        assert not caught
    assert jax.config.jax_compilation_cache_dir is None
    jax.jit(lambda x: x * 5 + 1)(jnp.ones(7)).block_until_ready()
    assert {path.name for path in (tmp_path / "inr" / "programs").iterdir()} == entries


def test_the_users_own_cache_wins(without_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "own"))
    with program_cache():
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "own")
    assert not (tmp_path / "inr").exists()


def test_a_folder_that_cannot_be_written_is_not_used(
    without_cache, monkeypatch, tmp_path
):
    (tmp_path / "inr").write_text("a file where the folder would be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with program_cache():
        assert jax.config.jax_compilation_cache_dir is None


def test_programs_unused_for_longest_are_deleted(without_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    functions = [jax.jit(lambda x, i=i: jnp.sin(x) + i) for i in range(2)]
    with program_cache():
        jax.block_until_ready(functions[0](jnp.float32(0)))
        (first,) = (tmp_path / "inr" / "programs").glob("*lambda*-cache")
        most = first.stat().st_size * 3 // 2
        jax.config.update("jax_compilation_cache_max_size", most)
        compilation_cache.reset_cache()
        jax.block_until_ready(functions[1](jnp.float32(0)))
        (second,) = (tmp_path / "inr" / "programs").glob("*lambda*-cache")
    assert second != first
