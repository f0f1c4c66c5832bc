"""Images side by side, and a field with its derivatives."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import matplotlib.figure

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, _conversions
from inr._field_checks import check_field
from inr._typing import Array, Field, ImageLike, Region, Size
from inr.calculus import value_gradient_laplacian
from inr.plot.figures import check_labels, new_figure
from inr.rendering import preview_size, render

_DETAIL_COLOR = "#ff5a00"


def images(
    images: Mapping[str, ImageLike] | Sequence[ImageLike] | ImageLike,
    *,
    labels: Sequence[str] | None = None,
    region: Region | None = None,
    columns: int | None = None,
    width: float = 3.0,
) -> "matplotlib.figure.Figure":
    """Images side by side, each with its label and an enlarged detail.

    Images of one scene may differ in size: the detail is the same part of the scene.
    It is drawn without interpolation. Values are clipped to [0, 1].

    Args:
      images: images by label, or a sequence; `[h, w, c]` or `[h, w]` with c of 1, 3 or
        4, in all the forms that image verbs accept.
      labels: text above each image of a sequence.
      region: part of each image to enlarge below it, `((top, left), (bottom, right))`
        as fractions in [0, 1]; None for no detail.
      columns: images in a row; None for at most four.
      width: width of an image, in inches.

    Returns:
      A figure of matplotlib.

    Raises:
      ImportError: if matplotlib is not installed.
      TypeError: for labels that are not text.
      ValueError: for no image, for an array that is no image, another number of labels
        than images, or an invalid region, number of columns or width.
    """
    pictures, names = _named_images(images, labels)
    corners = None if region is None else _checks.as_region("region", region, 2)
    columns = min(4, len(pictures)) if columns is None else columns
    columns = min(_checks.as_count("columns", columns), len(pictures))
    width = _checks.as_positive("width", width)

    rows = math.ceil(len(pictures) / columns)
    ratios = [max(p.shape[0] / p.shape[1] for p in pictures)]
    if corners is not None:
        ratios.append(max(_ratio_of_detail(p, corners) for p in pictures))
    height = rows * width * sum(ratios) + 0.35 * rows
    figure = new_figure(columns * width, height)
    count = len(ratios)
    axes = figure.subplots(
        count * rows, columns, squeeze=False, height_ratios=ratios * rows
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for i, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        row, column = divmod(i, columns)
        axis = axes[count * row, column]
        _draw(axis, picture)
        axis.set_title(name, fontsize=10)
        if corners is not None:
            _draw_detail(axis, axes[count * row + 1, column], picture, corners)
    return figure


def derivatives(
    field: Field, *, size: Size | None = None
) -> "matplotlib.figure.Figure":
    """A field of two axes, the magnitude of its gradient, and its Laplacian.

    Derivatives are exact, per unit of coords. The magnitude is over both axes and all
    features; the Laplacian is the mean over the features, and white where it is 0. One
    percent of the values may exceed the range of the colors.

    Args:
      field: maps coords `[..., 2]` to features `[..., k]`. One or three features are
        drawn as an image, clipped to [0, 1]; of others, the first.
      size: samples along each axis, `(h, w)`; by default at most 256 in the ratio of
        the field's image.

    Returns:
      A figure of matplotlib.

    Raises:
      ImportError: if matplotlib is not installed.
      TypeError: if the field is not a function of coords.
      ValueError: for an invalid size, or a field of other than two axes.
    """
    check_field(field)
    _checks.check_concrete("field", field)
    size = (preview_size(field) or (256, 256)) if size is None else size
    size = _checks.as_size("size", size, 2)
    table = jax.tree_util.Partial(_table, _checks.as_pytree("field", field))
    values = np.asarray(render(table, size, progress=False))
    value, magnitude, laplacian = values[..., :-2], values[..., -2], values[..., -1]

    width = 3.2
    figure = new_figure(3 * width, width * size[0] / size[1] + 0.4)
    axes = figure.subplots(1, 3)
    _draw(axes[0], value if value.shape[-1] in (1, 3) else value[..., :1])
    limit = max(float(np.quantile(magnitude, 0.99)), 1e-12)
    maps = [axes[1].imshow(magnitude, cmap="magma", vmin=0, vmax=limit)]
    limit = max(float(np.quantile(np.abs(laplacian), 0.99)), 1e-12)
    maps.append(axes[2].imshow(laplacian, cmap="RdBu_r", vmin=-limit, vmax=limit))
    for axis, name in zip(axes, ("value", "|gradient|", "Laplacian"), strict=True):
        axis.set_title(name, fontsize=10)
        axis.set_axis_off()
    for axis, image in zip(axes[1:], maps, strict=True):
        figure.colorbar(image, ax=axis, shrink=0.8, pad=0.02)
    return figure


def _table(field: Field, coords: Array) -> Array:
    """Features, magnitude of the gradient, and mean Laplacian `[..., k + 2]`."""
    value, gradient, laplacian = value_gradient_laplacian(field, coords)
    magnitude = jnp.sqrt(jnp.square(gradient).sum((-2, -1)))
    return jnp.concatenate(
        [value, magnitude[..., None], laplacian.mean(-1, keepdims=True)], -1
    )


def _named_images(
    images: Any, labels: Sequence[str] | None
) -> tuple[list[np.ndarray], list[str]]:
    if isinstance(images, Mapping):
        if labels is not None:
            raise _checks.fail("labels", "None for images by label", repr(labels))
        check_labels("images", list(images))
        images, labels = list(images.values()), list(images)
    _checks.check_sequence("images", images, "images")
    if len(images) == 0 or getattr(images, "ndim", 4) != 4:
        got = f"shape {np.shape(images)}"
        raise _checks.fail("images", "a sequence of images", got, "Write `[image]`.")
    pictures = [_conversions.as_host_image("images", x) for x in images]
    for picture in pictures:
        if picture.shape[-1] not in (1, 3, 4):
            got = f"shape {picture.shape}"
            raise _checks.fail("images", "[h, w, c] with c one of 1, 3, 4", got)
    names = [""] * len(pictures)
    if labels is not None:
        _checks.check_sequence("labels", labels, "texts")
        check_labels("labels", labels)
        names = list(labels)
    if len(names) != len(pictures):
        raise _checks.fail("labels", f"{len(pictures)} texts", f"{len(names)}")
    return pictures, names


def _draw(axis: Any, picture: np.ndarray, interpolation: str = "auto") -> None:
    """Draw an image; a unit of the axis is a pixel, from the top left corner."""
    height, width, channels = picture.shape
    values = np.clip(picture[..., 0] if channels == 1 else picture, 0, 1)
    extent = (0, width, height, 0)
    options = {"cmap": "gray", "vmin": 0, "vmax": 1, "extent": extent}
    axis.imshow(values, interpolation=interpolation, **options)


def _draw_detail(axis: Any, detail: Any, picture: np.ndarray, corners: Any) -> None:
    (top, left), (bottom, right) = np.multiply(corners, picture.shape[:2])
    box = [left, right, right, left, left], [top, top, bottom, bottom, top]
    axis.plot(*box, color=_DETAIL_COLOR, linewidth=1)
    _draw(detail, picture, "nearest")
    detail.set(xlim=(left, right), ylim=(bottom, top))


def _ratio_of_detail(picture: np.ndarray, corners: Any) -> float:
    height, width = np.subtract(corners[1], corners[0]) * picture.shape[:2]
    return float(height / width)
