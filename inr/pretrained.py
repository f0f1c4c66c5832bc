"""Files of the pretrained models that are part of the library.

Beside each `name.safetensors` is its model card, `name.md`: training data, figures,
attribution, license, and the SHA-256 of the file. Load a model with
`inr.models.load_model`.
"""

import importlib.resources
import pathlib

from inr import _checks


def names() -> tuple[str, ...]:
    """Names of the pretrained models.

    Returns:
      Names, sorted.
    """
    return tuple(sorted(path.stem for path in _folder().glob("*.safetensors")))


def file(name: str) -> pathlib.Path:
    """Path to the weights of a model.

    Args:
      name: one of `names()`.

    Returns:
      Path to a safetensors file.

    Raises:
      ValueError: for another name.
    """
    _checks.check_choice("name", name, names())
    return _folder() / f"{name}.safetensors"


def card(name: str) -> str:
    """Model card: training, figures, limits, license and attribution.

    Args:
      name: one of `names()`.

    Returns:
      Text in Markdown.

    Raises:
      ValueError: for another name.
    """
    return file(name).with_suffix(".md").read_text(encoding="utf-8")


def _folder() -> pathlib.Path:
    return pathlib.Path(str(importlib.resources.files("inr"))) / "weights"
