"""A contact sheet: labeled images side by side in one PNG."""

import os
from collections.abc import Mapping

import jax
import numpy as np

from inr._typing import ArrayLike
from inr.io import write_image

_MARGIN, _LABEL = 8, 22


def write_sheet(
    path: str | os.PathLike,
    images: Mapping[str, ArrayLike],
    *,
    columns: int = 4,
    side: int = 320,
) -> None:
    """Write images in a grid, each under its label.

    Args:
      path: file name of the sheet.
      images: label to image `[h, w, c]` in [0, 1], gray or RGB. Small images are
        enlarged by pixel replication, large ones are reduced.
      columns: images in a row.
      side: longer side of each image on the sheet, in pixels.
    """
    from PIL import Image, ImageDraw, ImageFont

    panels = {label: _resized(image, side) for label, image in images.items()}
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    height = max(p.shape[0] for p in panels.values()) + _LABEL
    width = max(p.shape[1] for p in panels.values()) + _MARGIN
    sheet = Image.new(
        "RGB", (columns * width + _MARGIN, rows * height + _MARGIN), "white"
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for i, (label, panel) in enumerate(panels.items()):
        x, y = _MARGIN + i % columns * width, i // columns * height
        draw.text((x, y + 3), label, "black", font)
        levels = np.rint(255 * np.clip(panel, 0, 1)).astype(np.uint8)
        sheet.paste(Image.fromarray(levels), (x, y + _LABEL))
    write_image(path, np.asarray(sheet, np.float32) / 255)


def _resized(image: ArrayLike, side: int) -> np.ndarray:
    """RGB with the longer side `side`: pixels replicated up, averaged down."""
    image = np.asarray(image, np.float32)[..., :3]
    h, w = image.shape[:2]
    image = np.broadcast_to(image, (h, w, 3))
    scale = side / max(h, w)
    size = (max(round(h * scale), 1), max(round(w * scale), 1), 3)
    return np.asarray(
        jax.image.resize(image, size, "nearest" if scale > 1 else "linear")
    )
