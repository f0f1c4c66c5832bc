"""Sheets of images, and derivatives of fields."""

import io
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from support import refuses

import inr
from inr import coords, plot

RNG = np.random.default_rng(0)
PHOTO = RNG.random((12, 16, 3), np.float32)


def drawn(axis):
    (image,) = axis.get_images()
    return np.asarray(image.get_array())


@pytest.mark.slow
def test_images_have_labels_and_the_same_detail_at_any_size():
    small = PHOTO[::2, ::2, 0] + 1
    with pytest.warns(UserWarning, match=r"looks like 0\.\.255"):
        figure = plot.images(
            {"photo": PHOTO, "small": small}, region=((0.25, 0.5), (0.75, 1.0))
        )
    photo, gray, detail, detail_of_gray = figure.axes
    assert [photo.get_title(), gray.get_title()] == ["photo", "small"]
    np.testing.assert_allclose(drawn(photo), PHOTO)
    np.testing.assert_array_equal(drawn(gray), 1)  # clipped
    assert detail.get_xlim() == (8, 16)
    assert detail.get_ylim() == (9, 3)  # from the top
    assert detail_of_gray.get_xlim() == (4, 8)
    assert detail_of_gray.get_ylim() == (4.5, 1.5)
    (box,) = photo.get_lines()
    assert (box.get_xdata().min(), box.get_xdata().max()) == (8, 16)
    assert (box.get_ydata().min(), box.get_ydata().max()) == (3, 9)


def test_images_are_in_rows():
    figure = plot.images([PHOTO] * 5, labels=list("abcde"), columns=2, width=1.0)
    assert [axis.get_title() for axis in figure.axes] == [*"abcde", ""]
    assert figure.get_size_inches()[0] == 2
    assert len(plot.images([PHOTO] * 9).axes) == 12
    assert not figure.axes[0].texts


def test_one_image_is_not_a_sequence():
    with refuses(r"`images` must be a sequence of images.*Write `\[image\]`"):
        plot.images(PHOTO)
    with refuses("`labels` must be None for images by label"):
        plot.images({"photo": PHOTO}, labels=["a"])


def test_the_derivatives_of_a_polynomial():
    def field(points):
        y, x = points[..., 0], points[..., 1]
        return jnp.stack([y**2 + 3 * x, 2 * x**2, 0 * x, y], -1)

    value, magnitude, laplacian = plot.derivatives(field, size=(6, 8)).axes[:3]
    y, x = np.moveaxis(np.asarray(coords.grid((6, 8))), -1, 0)
    # Four features are no image, so the first is drawn.
    np.testing.assert_allclose(drawn(value), np.clip(y**2 + 3 * x, 0, 1), atol=1e-6)
    expected = np.sqrt((2 * y) ** 2 + 3**2 + (4 * x) ** 2 + 1)
    np.testing.assert_allclose(drawn(magnitude), expected, rtol=1e-6)
    np.testing.assert_allclose(drawn(laplacian), (2 + 4) / 4, rtol=1e-6)


def test_a_notebook_shows_a_figure_and_pyplot_is_not_used():
    before = "matplotlib.pyplot" in sys.modules
    figure = plot.images([PHOTO], width=2.0)
    with Image.open(io.BytesIO(figure._repr_png_())) as picture:
        assert picture.format == "PNG"
        assert picture.size[0] == 200
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_the_error_without_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "inr.plot._figure", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "inr\[examples\]"'):
        inr.plot.images([PHOTO])
