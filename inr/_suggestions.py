"""Suggestions for misspelled names."""

import difflib
from collections.abc import Iterable


def did_you_mean(value: object, choices: Iterable[object]) -> str:
    """Question that names the most similar choice; empty if none is similar."""
    names = difflib.get_close_matches(str(value), map(str, choices), n=1)
    return f"Did you mean {names[0]!r}?" if names else ""
