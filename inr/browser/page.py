"""The page of a field: its numbers, its shaders and a script in one HTML file."""

import base64
import html
import json
import re
from typing import Any

import jax
import numpy as np

from inr import _checks, _conversions
from inr._typing import ImageLike, Size
from inr.browser.layers import is_interpolated, page_layers
from inr.browser.packing import pack
from inr.browser.shaders import shader_sources, template
from inr.browser.view import view_data
from inr.fields import BoundField

# Of the canvas and of the reference; larger textures are not available everywhere.
_MAX_SIDE = 4096


def to_html(
    field: BoundField,
    *,
    size: Size | None = None,
    reference: ImageLike | None = None,
    title: str | None = None,
    side: int = 512,
) -> str:
    """Write a web page that evaluates a field of an image, at up to 1000x.

    The page is one file, and needs no network. It holds the parameters as float32, and
    computes every pixel from them by WebGL 2: the value, the norm of the gradient (over
    axes and features) or the Laplacian (mean of the features), all exact. Beside the
    field it shows the reference, or a bicubic interpolation. Write the text to a file
    with `encoding="utf-8"`, and open it in a browser.

    The address can set the view: `page.html#zoom=20&center=0.3,0.4` centers the canvas
    on 0.3 of the height and 0.4 of the width. `mode=gradient`, `mode=laplacian`,
    `compare=reference`, `compare=bicubic` and `split=0.5`, the part of the width that
    shows the comparison, are joined by `&` too.

    Values agree with `render` to a gray level. Features are displayed as sRGB without
    conversion, and the `dtype` of a model has no effect.

    Args:
      field: bound `Siren`, `Finer`, `Gauss` or `HashGrid` from 2 coords to 1 or 3
        features; or what `codec.decode_field` returned for a picture of at most 2
        million pixels, which takes 43 bytes of the page for each.
      size: `(h, w)` of the signal, by default that of the picture or the reference.
        It determines the aspect ratio (otherwise that of the field's normalization),
        and the page can interpolate the field's samples of this size (up to 2048 x
        2048). Derivatives are then per pixel; without a size the longer axis has
        length 2.
      reference: original image to compare with, stored in 8 bits: `[h, w, c]` or
        `[h, w]`, with c of 1 or 3, and at most 4096 pixels along each axis.
      title: heading of the page; the family by default.
      side: pixels along the longer axis of the canvas, 16 to 4096.

    Returns:
      The text of the page. Equal arguments give equal text.

    Raises:
      TypeError: if `field` is not a bound field of one of these families, or `title`
        is not text.
      ValueError: if it has other than 2 coords or other than 1 or 3 features, contains
        NaN or infinity, or is larger than the textures of WebGL 2; or for an invalid
        size, reference or side.
    """
    _checks.check_concrete("field", field)
    layers = page_layers(field)
    side = _checks.as_count("side", side, least=16, most=_MAX_SIDE)
    size = None if size is None else _checks.as_size("size", size, 2)
    if title is not None:
        _checks.check_type("title", title, str)
    image = None
    if is_interpolated(field):
        size = _same_size(field.feature_map.shape[:2], size, "the picture")
    if reference is not None:
        pixels = _reference_pixels(reference)
        size = _same_size(pixels.shape[:2], size, "the reference")
        image = "data:image/png;base64," + _base64(_png(pixels))
    packed = pack(field, layers)
    heading = type(field.model).__name__ if title is None else title
    data = {
        **view_data(field, size, side),
        "layers": [layer._asdict() for layer in packed.layers],
        "shaders": shader_sources(field, layers[0].activation, packed.tables),
        "reference": image,
    }
    # No "<" may end the script element that holds the data.
    text = json.dumps(data, indent=1).replace("<", "\\u003c")
    parts = {
        "TITLE": html.escape(heading),
        "DESCRIPTION": html.escape(_description(field, size)),
        "STYLE": template("page.css"),
        "DATA": text,
        "WEIGHTS": _base64(packed.texels.astype("<f4").tobytes()),
        "SCRIPT": template("evaluator.js") + "\n" + template("viewer.js"),
    }
    return re.sub("@([A-Z]+)@", lambda match: parts[match[1]], template("page.html"))


def _reference_pixels(reference: ImageLike) -> np.ndarray:
    """The reference `[h, w, c]` as uint8."""
    image = _conversions.as_host_image("reference", reference)
    if image.shape[-1] not in (1, 3) or max(image.shape[:2]) > _MAX_SIDE:
        raise _checks.fail(
            "reference",
            f"[h, w, c] with c of 1 or 3, and h and w of at most {_MAX_SIDE}",
            f"shape {image.shape}",
        )
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def _same_size(own: Size, size: Size | None, owner: str) -> Size:
    if size is not None and size != own:
        expected = f"the size of {owner}, {own}"
        raise _checks.fail("size", expected, repr(size), "Leave it out.")
    return own


def _png(pixels: np.ndarray) -> bytes:
    import imageio.v3 as iio

    pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    data = iio.imwrite("<bytes>", pixels, extension=".png", plugin="pillow")
    assert data is not None  # as always for "<bytes>"
    return bytes(data)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _description(field: BoundField, size: Size | None) -> str:
    model: Any = field.model
    count = sum(x.size for x in jax.tree.leaves(field.params["params"]))
    kind = f"{type(model).__name__}, width {model.width}"
    if field.feature_map is None:
        kind += f", depth {model.depth}"
    parts = [kind, f"{count:,} parameters"]
    if size is not None:
        parts.append(f"{size[0]} × {size[1]} pixels")
    return " · ".join(parts)
