"""Weights that come with the library: name to file. It knows no model class.

Each `name.safetensors` lies beside its model card, `name.md`, which says what it was
trained on, what it reaches, whom to credit, and the SHA-256 of the file.
"""

import importlib.resources
import pathlib

from inr import _checks


def names() -> tuple[str, ...]:
    """The models that there are.

    Returns:
      Their names, sorted.
    """
    return tuple(sorted(path.stem for path in _folder().glob("*.safetensors")))


def file(name: str) -> pathlib.Path:
    """The file of a model's weights.

    Args:
      name: one of `names()`.

    Returns:
      Its path, of a safetensors file.

    Raises:
      ValueError: for another name.
    """
    _checks.check_choice("name", name, names())
    return _folder() / f"{name}.safetensors"


def card(name: str) -> str:
    """The model card: training, figures, limits, license and attribution.

    Args:
      name: one of `names()`.

    Returns:
      Its text, in Markdown.

    Raises:
      ValueError: for another name.
    """
    return file(name).with_suffix(".md").read_text(encoding="utf-8")


def _folder() -> pathlib.Path:
    return pathlib.Path(str(importlib.resources.files("inr"))) / "weights"
