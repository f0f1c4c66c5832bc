"""Makes the pictures of the gallery from the figures of the executed pages.

    sphinx-build docs docs/_build && python docs/make_gallery.py

Writes docs/gallery/*.webp, docs/gallery.md and docs/_pages/field.html. Run it again
when a page has other figures. The photographs in them are those of scikit-image: in the
public domain or CC0.
"""

import base64
import functools
import html
import io
import pathlib
import re
from typing import NamedTuple

import numpy as np
from jupyter_cache import get_cache
from PIL import Image

HERE = pathlib.Path(__file__).parent
MAX_SIDE = 360


class Picture(NamedTuple):
    """A part of a figure: its name, page, number on the page, part and caption."""

    name: str
    page: str
    figure: int
    box: tuple[float, float, float, float]  # left, top, right, bottom, in [0, 1]
    caption: str


def panel(i: int, n: int, *, top: float = 0.11, bottom: float = 1.0) -> tuple:
    """Box of panel i of n in a row."""
    return i / n, top, (i + 1) / n, bottom


PICTURES = (
    Picture("zoom", "tour", 2, panel(2, 4, top=0.55), "A field between the pixels"),
    Picture(
        "gradient", "tour", 3, (0.294, 0.11, 0.582, 1), "The exact gradient of a field"
    ),
    Picture(
        "laplacian", "derivatives", 0, (0.633, 0.11, 0.922, 1), "The exact Laplacian"
    ),
    Picture("edges", "derivatives", 1, panel(1, 3), "An image of strong edges alone"),
    Picture("recovered", "derivatives", 1, panel(2, 3), "A field from its gradient"),
    Picture("detail", "fit_zoom", 0, panel(1, 2), "A detail of a hash grid"),
    Picture("family", "own_family", 3, panel(1, 2), "A loss on the derivatives"),
    Picture("distance", "shapes", 1, (0, 0, 1, 1), "A signed distance"),
    Picture("mesh", "shapes", 2, (0, 0, 1, 1), "A mesh of a field"),
    Picture("sound", "sound_video", 0, (0, 0, 1, 1), "Sound, between the samples"),
    Picture("video", "sound_video", 1, (0, 0.1, 1, 1), "Frames between the frames"),
    Picture("upscale", "upscale", 0, panel(2, 4, top=0.55), "Enlarged four times"),
    Picture("colorize", "restore", 0, panel(2, 4), "A gray photograph in color"),
    Picture("portrait", "restore", 1, panel(1, 3), "A portrait of 64 gray pixels"),
    Picture("samples", "restore", 2, (0, 0, 1, 1), "Samples of its colors"),
    Picture("inpaint", "inpaint", 0, (0, 0.11, 0.5, 1), "Holes, filled"),
    Picture("clone", "merge", 0, panel(2, 3), "A seamless clone"),
    Picture("merge", "merge", 2, panel(2, 3), "The sharp parts of two images"),
    Picture("samplers", "diffusion", 0, panel(2, 4), "Points from a silhouette"),
    Picture("trajectory", "diffusion", 1, (0, 0, 1, 1), "From noise to data"),
    Picture("noise", "diffusion", 2, panel(2, 3), "Noise that is a field"),
)

PAGE = """# Gallery

Each picture links to the page that makes it.

:::{{container}} gallery
{entries}
:::

## In the browser

This page computes a field at every pixel of its canvas. Scroll to zoom, drag to move.
[](export.md) makes it.

```{{raw}} html
<iframe class="field" src="field.html" title="A field"></iframe>
```

The photographs come with scikit-image, and are in the public domain or CC0. The figures
are cut by `docs/make_gallery.py`.
"""


@functools.cache
def cells(page: str) -> list:
    """Cells of a page, as last executed."""
    cache = get_cache(HERE / "_build" / ".jupyter_cache")
    records = [x for x in cache.list_cache_records() if x.uri.endswith(f"/{page}.md")]
    return cache.get_cache_bundle(max(x.pk for x in records)).nb.cells


def outputs(page: str, kind: str) -> list[str]:
    """Outputs of one MIME type of a page, in order."""
    data = [x.get("data", {}) for cell in cells(page) for x in cell.get("outputs", ())]
    return [x[kind] for x in data if kind in x]


def cut(picture: Picture) -> Image.Image:
    """The part of the figure, without its white margin."""
    code = outputs(picture.page, "image/png")[picture.figure]
    figure = Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB")
    left, top, right, bottom = np.array(picture.box) * (*figure.size, *figure.size)
    pixels = np.asarray(figure.crop((int(left), int(top), int(right), int(bottom))))
    rows, columns = (np.flatnonzero((pixels < 250).any((a, 2))) for a in (1, 0))
    pixels = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    image = Image.fromarray(pixels)
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return image


def main() -> None:
    (HERE / "gallery").mkdir(exist_ok=True)
    entries = []
    for picture in PICTURES:
        name = f"gallery/{picture.name}.webp"
        cut(picture).save(HERE / name, quality=88)
        image = f"[![{picture.caption}]({name})]({picture.page}.md)"
        entries.append(f"{image}\n[{picture.caption}]({picture.page}.md)\n")
    text = PAGE.format(entries="\n".join(entries).rstrip())
    (HERE / "gallery.md").write_text(text, encoding="utf-8")
    (frame,) = (x for x in outputs("export", "text/html") if "srcdoc" in x)
    source = re.search('srcdoc="(.*?)"', frame, re.DOTALL)[1]
    field = HERE / "_pages" / "field.html"
    field.write_text(html.unescape(source), encoding="utf-8")


if __name__ == "__main__":
    main()
