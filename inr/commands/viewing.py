"""The command that writes a field as a web page."""

import os
import pathlib
import webbrowser

from inr import _checks
from inr._files import check_folder, replacing
from inr.browser import to_html
from inr.commands._shared import report, without_alpha
from inr.fields import load_field
from inr.io import read_image


def view(
    file: str | os.PathLike,
    *,
    output: str | os.PathLike | None = None,
    reference: str | os.PathLike | None = None,
    side: int = 512,
    open_page: bool = False,
) -> list[pathlib.Path]:
    """Write a field as a web page that zooms into it, for any browser.

    Args:
      file: field that `inr fit` or `inr.save_field` wrote.
      output: page to write, ending in .html; None for the name of `file` with this
        extension.
      reference: image file to compare with. Alpha is dropped.
      side: pixels along the longer axis of the canvas.
      open_page: open the page in the default browser.

    Returns:
      The file written.
    """
    field, size = load_field(file)
    page = pathlib.Path(file).with_suffix(".html") if output is None else output
    page = pathlib.Path(page)
    if page.suffix.lower() not in (".html", ".htm"):
        raise _checks.fail("output", "a name ending in .html", repr(str(page)))
    check_folder(page)
    image = None
    if reference is not None:
        image = without_alpha(read_image(reference))
        size = None  # that of the reference
    title = pathlib.Path(file).stem
    text = to_html(field, size=size, reference=image, title=title, side=side)
    with replacing(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    if open_page:
        webbrowser.open(page.resolve().as_uri())
    return report([page])
