"""Helpers shared by the test modules."""

import contextlib

import jax
import jaxtyping
import pytest


@contextlib.contextmanager
def without_type_checks():
    """Switches the run-time type checks of tests off, as they are for users."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


@contextlib.contextmanager
def refuses(match, error=ValueError):
    """Expects the library's own error, with the run-time type checks out of the way."""
    with without_type_checks(), pytest.raises(error, match=match):
        yield


@contextlib.contextmanager
def full_disk():
    """Lets no file grow above 64 bytes, as on a disk without space."""
    resource = pytest.importorskip("resource", reason="limits of a process")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def mostly_slow(values, *fast):
    """What to parametrize by, of which the fast suite tries `fast` alone."""
    slow = pytest.mark.slow
    return [x if x in fast else pytest.param(x, marks=slow) for x in values]


@contextlib.contextmanager
def count_compilations():
    """Yields a function that tells how many programs XLA has compiled in the block."""
    names = []

    def listen(name, duration, **unused):
        if name == "/jax/core/compile/backend_compile_duration":
            names.append(name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield lambda: len(names)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
