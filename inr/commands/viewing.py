"""The command that writes a field as a web page."""

import argparse
import os
import pathlib
import webbrowser
from collections.abc import Sequence

from inr import codec
from inr.browser import to_html
from inr.commands._batches import Source, for_each, list_sources
from inr.commands._options import add_console, add_output
from inr.commands._outputs import Files, Outputs, as_outputs
from inr.commands._shared import without_alpha
from inr.fields import FieldFile, load_field
from inr.io import read_image


def add_view(parser: argparse.ArgumentParser) -> None:
    """Add the options of `view`."""
    parser.set_defaults(run=view)
    parser.add_argument(
        "fields",
        nargs="+",
        help="fields of pictures that `inr fit` or `inr compress` wrote, or folders",
    )
    parser.add_argument(
        "--reference",
        metavar="IMAGE",
        help="original image to compare with (default: none)",
    )
    parser.add_argument(
        "--side",
        type=int,
        default=512,
        metavar="PIXELS",
        help="longer side of the canvas (default: %(default)s)",
    )
    parser.add_argument(
        "--open",
        dest="open_page",
        action="store_true",
        help="open the page in the default browser (default: off)",
    )
    add_output(parser, main="the page (.html)", pictures=False)
    add_console(parser)


def view(
    fields: Sequence[str | os.PathLike] | str | os.PathLike,
    *,
    reference: str | os.PathLike | None = None,
    side: int = 512,
    open_page: bool = False,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Write fields as web pages that zoom into them, for any browser.

    Args:
      fields: files that `inr fit`, `inr.save_field` or `inr compress` wrote, or
        folders of them.
      reference: image file to compare with. Alpha is dropped.
      side: pixels along the longer axis of the canvas.
      open_page: open the page in the default browser.
      output: where to write the page.

    Returns:
      The files written.
    """
    outputs = as_outputs(output)
    image = None if reference is None else without_alpha(read_image(reference))

    def view_one(source: Source) -> Files:
        assert source.path is not None  # there is no sample
        field, size = _read_field(source.path)
        files = outputs.claim(source.name, ".html")
        size = size if image is None else None  # that of the reference
        text = to_html(field, size=size, reference=image, title=source.name, side=side)
        files.write_text(".html", text)
        if open_page:
            for page in files.paths:
                webbrowser.open(page.resolve().as_uri())
        return files

    sources = list_sources("fields", fields, extensions=[".safetensors", ".inr"])
    return for_each(sources, view_one, outputs)


def _read_field(path: pathlib.Path) -> FieldFile:
    if path.suffix == ".inr":
        return FieldFile(codec.decode_field(path.read_bytes()), None)
    return load_field(path)
