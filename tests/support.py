"""Helpers shared by the test modules."""

import contextlib

import jaxtyping
import pytest


@contextlib.contextmanager
def refuses(match, error=ValueError):
    """Expects the library's own error, with the run-time type checks out of the way."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with pytest.raises(error, match=match):
            yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
