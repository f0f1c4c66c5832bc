"""Tests of `inr.io.reading`: files that are refused, limits, lists of images."""

import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import tifffile
from image_files import levels, png_chunk, save
from PIL import Image
from support import refuses

from inr.io import list_images, read_image, write_image


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.png"):
        read_image(tmp_path / "no.png")
    with refuses(r"`path` must be an image file, got the folder .* `list_images`"):
        read_image(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"folder that exists, .*mkdir"):
        write_image(tmp_path / "no" / "x.png", np.zeros((2, 2, 3), np.float32))


@pytest.mark.parametrize("data", [b"", b"no image at all", b"\x89PNG\r\n\x1a\nrest"])
def test_files_without_an_image_are_refused(tmp_path, data):
    (tmp_path / "x.png").write_bytes(data)
    with refuses(
        r"`path` must be an image file, got '.*x\.png', which cannot be opened"
    ):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.tif", "x.webp", "deep.png"])
def test_truncated_files_are_refused(tmp_path, name):
    path = tmp_path / name
    image = levels(40, 40, 3) / np.float32(255)
    write_image(path, image, bits=16 if name == "deep.png" else 8)
    path.write_bytes(path.read_bytes()[:-600])
    with refuses(r"`path` must be an (intact )?image file, got .*, which cannot be"):
        read_image(path)


def test_integers_of_unknown_range_are_refused(tmp_path):
    path = save(tmp_path / "x.tif", levels(4, 4).astype(np.int32))
    with refuses("its integers are neither of 8 nor of 16 bits"):
        read_image(path)


def bomb(bits, h=30_000, w=40_000):
    """A small PNG file that declares a huge image."""
    header = struct.pack(">IIBBBBB", w, h, bits, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*x) for x in parts)


@pytest.mark.parametrize("kind", ["png8", "png16", "gif", "tif16"])
def test_huge_images_are_refused_before_they_are_decoded(tmp_path, kind):
    path = tmp_path / "x"
    if kind == "gif":
        screen = struct.pack("<HHBBB", 16000, 16000, 0xF0, 0, 0) + bytes(6)
        frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 16000, 16000, 0)
        path.write_bytes(b"GIF89a" + screen + frame + b"\2\2\x4c\1\0\x3b")
    elif kind == "tif16":
        tifffile.imwrite(path, levels(2, 2, 3, bits=16), photometric="rgb")
        with tifffile.TiffFile(path, mode="r+") as tiff:
            tiff.pages[0].tags["ImageWidth"].overwrite(40_000)
            tiff.pages[0].tags["ImageLength"].overwrite(30_000)
    else:
        path.write_bytes(bomb(int(kind[3:])))
    with refuses("`max_bytes` must be at least .* got 1073741824. Raise `max_bytes`"):
        read_image(path)


def test_the_limit_counts_levels_and_the_result(tmp_path, monkeypatch):
    for name, bits in [("x.png", 8), ("x.png", 16), ("x.tif", 16), ("x.webp", 8)]:
        write_image(tmp_path / name, levels(6, 5, 3), bits=bits)
        for dtype, size in [(np.float32, 4), (np.float64, 8)]:
            needed = 6 * 5 * 3 * (bits // 8 + size)
            options = {"dtype": dtype}
            with refuses(f"`max_bytes` must be at least {needed}, .* 6 x 5, got"):
                read_image(tmp_path / name, max_bytes=needed - 1, **options)
            image = read_image(tmp_path / name, max_bytes=needed, **options)
            assert image.shape == (6, 5, 3)
        # Pillow's own limit neither applies nor changes.
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
        assert read_image(tmp_path / name, max_bytes=None).shape == (6, 5, 3)
        assert Image.MAX_IMAGE_PIXELS == 4


def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    for path in (tmp_path / "x.png", "/dev/zero"):
        with refuses("must be an image file, got .*, a pipe or a device"):
            read_image(path)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}])
def test_truncated_16_bit_tiff_is_refused(tmp_path, options):
    path = tmp_path / "x.tif"
    values = levels(64, 64, 3, bits=16)
    tifffile.imwrite(path, values, photometric="rgb", **options)
    path.write_bytes(path.read_bytes()[:-2000])
    with refuses("`path` must be an intact image file"):
        read_image(path)


def test_bad_arguments_of_reading_are_refused(tmp_path):
    with refuses("`dtype` must be a floating dtype, got uint8"):
        read_image(save(tmp_path / "x.png", levels(2, 2)), dtype=np.uint8)


def test_images_are_listed_by_extension_in_order(tmp_path):
    for name in ("b.PNG", "a.jpeg", "c.webp", "notes.txt", ".hidden.png", "d"):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    expected = [tmp_path / name for name in ("a.jpeg", "b.PNG", "c.webp")]
    assert list_images(tmp_path) == list_images(str(tmp_path)) == expected
    assert list_images(tmp_path / "below") == []
    with pytest.raises(FileNotFoundError):
        list_images(tmp_path / "no")


def test_importing_loads_no_image_library():
    code = "import sys, inr.io; print({'PIL', 'tifffile', 'imageio'} & {*sys.modules})"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert result.stdout == "set()\n", result.stderr
