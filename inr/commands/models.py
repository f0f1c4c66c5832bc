"""The command that lists the pretrained models and shows their cards."""

import argparse
import pathlib

from inr import pretrained
from inr.commands._options import add_console
from inr.models import load_model


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add the options of `models`."""
    parser.set_defaults(run=models)
    parser.add_argument(
        "action",
        nargs="?",
        choices=("list", "card"),
        default="list",
        help="list: names, tasks and sizes of the pretrained models; card: training, "
        "figures, limits and license of one (default: %(default)s)",
    )
    parser.add_argument("name", nargs="?", help="name of a model, for card")
    add_console(parser)


def models(action: str = "list", name: str | None = None) -> list[pathlib.Path]:
    """Print the list of the pretrained models, or the card of one.

    Args:
      action: `"list"` or `"card"`.
      name: the model, for `"card"`.

    Returns:
      No files.

    Raises:
      ValueError: for an unknown name.
    """
    if action == "card":
        print(pretrained.card(name or ""))
        return []
    width = max(map(len, pretrained.names()))
    for each in pretrained.names():
        loaded = load_model(each)
        megabytes = pretrained.file(each).stat().st_size / 1e6
        kind = type(loaded.model).__name__
        print(f"{each:{width}}  {megabytes:4.1f} MB  {kind}, for {loaded.model.task}")
    print("`inr models card NAME` shows training, figures, limits and license.")
    return []
