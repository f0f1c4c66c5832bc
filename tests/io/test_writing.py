"""Tests of `inr.io.writing`: round trips, rounding, and files that stay intact."""

import os

import jax
import numpy as np
import pytest
from image_files import decode_png16, levels
from PIL import Image
from support import full_disk, refuses

from inr.io import read_image, write_image

LOSSLESS = [(".png", bits, c) for bits in (8, 16) for c in (1, 2, 3, 4)]
LOSSLESS += [(".tif", 8, c) for c in (1, 2, 3, 4)]
LOSSLESS += [(".TIFF", 16, c) for c in (1, 3, 4)]
LOSSY = [(".jpg", 1), (".jpeg", 3), (".webp", 1), (".webp", 3), (".webp", 4)]


@pytest.mark.parametrize(("extension", "bits", "channels"), LOSSLESS)
def test_lossless_round_trips_are_exact(tmp_path, extension, bits, channels):
    values = levels(5, 7, channels, bits=bits)
    image = values.astype(np.float32) / np.float32(2**bits - 1)
    write_image(tmp_path / f"x{extension}", image, bits=bits)
    image_read = read_image(tmp_path / f"x{extension}")
    assert image_read.dtype == np.float32
    np.testing.assert_array_equal(image_read, image)
    assert os.listdir(tmp_path) == [f"x{extension}"]


@pytest.mark.parametrize(("extension", "channels"), LOSSY)
def test_lossy_round_trips_are_close(tmp_path, extension, channels):
    path = tmp_path / f"x{extension}"
    ramp = np.mgrid[:32, :48].sum(0)[..., None] / 78
    image = (ramp * np.array([1, 0.5, 0.2, 1])[:channels]).astype(np.float32)
    write_image(path, image)
    image_read = read_image(path)
    expected = image.repeat(3, -1) if (extension, channels) == (".webp", 1) else image
    assert image_read.shape == expected.shape
    np.testing.assert_allclose(image_read, expected, atol=0.03)
    fine = path.stat().st_size
    write_image(path, image, quality=20)
    assert path.stat().st_size < fine


def test_jpeg_keeps_color_at_full_resolution(tmp_path):
    columns = np.zeros((16, 16, 3), np.float32)
    columns[:, ::2, 0] = columns[:, 1::2, 2] = 1
    write_image(tmp_path / "x.jpg", columns)
    np.testing.assert_allclose(read_image(tmp_path / "x.jpg"), columns, atol=0.1)


@pytest.mark.parametrize("bits", [8, 16])
def test_values_are_clipped_and_rounded_to_the_nearest_level(tmp_path, bits):
    top = 2**bits - 1
    level = np.arange(0, top, max(1, top // 300))
    for margin, expected in ((-0.02, level), (0.02, level + 1)):
        image = ((level + 0.5 + margin) / top).astype(np.float32)[None, :, None]
        write_image(tmp_path / "x.png", image, bits=bits)
        written = np.asarray(Image.open(tmp_path / "x.png"))
        np.testing.assert_array_equal(written[0], expected)
    outside = np.array([[-1.0, -1e-9, 1 + 1e-6, 7.0]], np.float32)
    with pytest.warns(UserWarning, match="values up to 7, which looks like 0..255"):
        write_image(tmp_path / "x.png", outside, bits=bits)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png")[0, :, 0], [0, 0, 1, 1])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_follows_the_standard(tmp_path, channels):
    values = levels(6, 4, channels, bits=16)
    write_image(tmp_path / "x.png", values, bits=16)
    decoded = decode_png16((tmp_path / "x.png").read_bytes())
    np.testing.assert_array_equal(decoded, values)


@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_integer_arrays_and_pil_images_are_written_exactly(tmp_path, extension):
    path = tmp_path / f"x{extension}"
    for bits in (8, 16):
        values = levels(5, 4, 3, bits=bits)
        write_image(path, values, bits=bits)
        expected = values / np.float32(2**bits - 1)
        np.testing.assert_array_equal(read_image(path), expected)
    values = levels(5, 4, 3)
    write_image(path, Image.fromarray(values))
    np.testing.assert_array_equal(read_image(path), values / np.float32(255))


def test_bad_images_are_not_written(tmp_path):
    path = tmp_path / "x.png"
    image = np.zeros((4, 5, 3), np.float32)
    with refuses(r"`image` must be a floating, uint8 or uint16 array.* dtype int32"):
        write_image(path, image.astype(np.int32))
    with refuses("`image` must be finite, got 60 NaN"):
        write_image(path, image * np.nan)
    with refuses(r"`image` must be \[h, w, c\]"):
        write_image(path, image[None])
    with refuses("`image` must be non-empty"):
        write_image(path, image[:0])
    with refuses("c one of 1, 2, 3, 4 for 8-bit .png, got c = 5"):
        write_image(path, np.zeros((4, 5, 5), np.float32))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "channels", "options", "message"),
    [
        ("x", 3, {}, r"one of \.png, \.tif, \.tiff, \.jpg, \.jpeg, \.webp, got"),
        ("x.exr", 3, {}, "`path` must be a name ending in one of"),
        ("x.png", 3, {"bits": 12}, "`bits` must be one of 8, 16, got 12"),
        ("x.jpg", 3, {"bits": 16}, r"`bits` must be 8 for \.jpg.*\.png or \.tif"),
        ("x.jpg", 4, {}, r"c one of 1, 3 for 8-bit \.jpg, got c = 4.*opacity"),
        ("x.tif", 2, {"bits": 16}, r"c one of 1, 3, 4 for 16-bit \.tif, got c = 2"),
        ("x.png", 3, {"quality": 90}, r"`quality` must be None for \.png.*Only \.jpg"),
        ("x.jpg", 3, {"quality": 0}, "`quality` must be at least 1, got 0"),
        ("x.jpg", 3, {"quality": 101}, "`quality` must be 1 to 100, got 101"),
    ],
)
def test_unsupported_formats_and_options_are_refused(
    tmp_path, name, channels, options, message
):
    with refuses(message):
        write_image(tmp_path / name, np.zeros((4, 5, channels), np.float32), **options)
    assert os.listdir(tmp_path) == []


def test_an_image_too_large_for_its_format_is_refused(tmp_path):
    with refuses(r"`image` must be fit for \.webp, got shape \(1, 17000, 3\).*\.png"):
        write_image(tmp_path / "x.webp", np.zeros((1, 17_000, 3), np.float32))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("error", [OSError("no space"), KeyboardInterrupt()])
def test_an_interrupted_write_keeps_the_old_file(tmp_path, monkeypatch, error):
    path = tmp_path / "x.png"
    before = levels(4, 4, 3) / np.float32(255)
    write_image(path, before)

    def interrupted(descriptor):
        raise error

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(type(error)):
        write_image(path, 1 - before)
    assert os.listdir(tmp_path) == ["x.png"]
    np.testing.assert_array_equal(read_image(path), before)


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.jpg", "x.webp"])
def test_a_full_disk_leaves_an_earlier_file(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"before")
    with full_disk(), pytest.raises(OSError, match="File too large"):
        write_image(path, levels(20, 20, 3))
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == [name]


def test_writing_replaces_the_file_behind_a_link_and_follows_the_umask(tmp_path):
    image = np.ones((2, 2, 1), np.float32)
    (tmp_path / "folder").mkdir()
    link = tmp_path / "x.png"
    link.symlink_to(tmp_path / "folder" / "y.png")
    write_image(link, image)
    assert link.is_symlink()
    plain = tmp_path / "plain"
    plain.touch()
    assert (tmp_path / "folder" / "y.png").stat().st_mode == plain.stat().st_mode


def test_jax_arrays_text_paths_and_two_axes_are_accepted(tmp_path):
    path = str(tmp_path / "x.png")
    write_image(path, jax.numpy.ones((3, 4)))
    np.testing.assert_array_equal(read_image(path), np.ones((3, 4, 1)))


def test_pipes_and_folders_are_not_replaced(tmp_path):
    image = np.ones((2, 2, 1), np.float32)
    os.mkfifo(tmp_path / "x.png")
    (tmp_path / "y.png").mkdir()
    for name in ("x.png", "y.png"):
        with refuses("a new file or a regular one, got .*a folder, a pipe or a device"):
            write_image(tmp_path / name, image)
    assert (tmp_path / "x.png").is_fifo()
