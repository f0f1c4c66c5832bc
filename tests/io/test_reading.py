"""Tests of `inr.io.reading`: files that are refused, limits, lists of images."""

import io
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


def test_file_objects_are_refused_with_the_fix():
    message = "`path` must be a path, got BytesIO. Image verbs take `PIL.Image.open"
    with refuses(message, TypeError):
        read_image(io.BytesIO(b"bytes"))


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


def gif(screen, frame):
    """A GIF file whose first frame is larger than its screen, or not."""
    head = b"GIF89a" + struct.pack("<HHBBB", screen, screen, 0xF0, 0, 0) + bytes(6)
    head += b"\x2c" + struct.pack("<HHHHB", 0, 0, frame, frame, 0)
    return head + b"\2\2\x4c\1\0\x3b"


def edited_tiff(path, values, edits, **options):
    """Write a TIFF file, some of whose tags declare other numbers."""
    tifffile.imwrite(path, values, photometric="rgb", **options)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for tag, value in edits.items():
            tiff.pages[0].tags[tag].overwrite(value)


def encoded(form, marker, offset, layout, *size, **options):
    """A file of 8 x 8 pixels that declares another size, `offset` after a marker."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, form, **options)
    data = bytearray(file.getvalue())
    struct.pack_into(layout, data, data.index(marker) + offset, *size)
    return bytes(data)


def bmp(width, height):
    sizes = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)
    return b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + sizes


HUGE_IMAGES = {
    "png8": bomb(8),
    "png16": bomb(16),
    "png16 of WebP's limit": bomb(16, 16_383, 16_383),
    "gif": gif(16_000, 16_000),
    "gif of a huge frame": gif(4, 60_000),
    "bmp": bmp(60_000, 60_000),
    "bmp of the greatest size": bmp(2**31 - 1, 2**31 - 1),
    "jpeg": encoded("JPEG", b"\xff\xc0", 5, ">HH", 65_500, 65_500),
    "progressive jpeg": encoded(
        "JPEG", b"\xff\xc2", 5, ">HH", 65_500, 65_500, progressive=True
    ),
    "webp": encoded("WEBP", b"\x9d\x01\x2a", 3, "<HH", 16_383, 16_383),
    "ppm": b"P6 100000 100000 255\n" + bytes(100),
    "pgm16": b"P5 100000 100000 65535\n" + bytes(100),
    "tif8": np.uint8,
    "tif16": np.uint16,
    "tif32": np.float32,
    "tif16 of huge tiles": {"TileWidth": 60_000, "TileLength": 60_000},
}


def write_huge(path, kind):
    data = HUGE_IMAGES[kind]
    if isinstance(data, bytes):
        path.write_bytes(data)
    elif isinstance(data, dict):
        values = levels(32, 32, 3, bits=16)
        edited_tiff(path, values, data, tile=(16, 16), compression="zlib")
    else:
        size = {"ImageWidth": 40_000, "ImageLength": 30_000}
        edited_tiff(path, np.zeros((2, 2, 3), data), size)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="units of ru_maxrss")
def test_hostile_images_take_little_memory(tmp_path):
    """Refused or not: 256 MiB hide behind a few pixels of some of them."""
    for kind in HUGE_IMAGES:
        write_huge(tmp_path / kind.replace("'", ""), kind)
    zeros = zlib.compress(bytes(2**28), 9)
    for bits in (8, 16):
        for chunk in (b"IDAT", b"iCCP", b"zTXt"):
            header = struct.pack(">IIBBBBB", 4, 4, bits, 2, 0, 0, 0)
            prefix = b"" if chunk == b"IDAT" else b"a\0\0"
            parts = [(b"IHDR", header), (chunk, prefix + zeros)]
            parts += [(b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
            data = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*x) for x in parts)
            (tmp_path / f"{chunk.decode()}{bits}.png").write_bytes(data)
        path = tmp_path / f"strip{bits}.tif"
        values = levels(8, 8, 3, bits=bits)
        tifffile.imwrite(path, values, photometric="rgb", compression="zlib")
        start = path.stat().st_size
        path.write_bytes(path.read_bytes() + zeros)
        with tifffile.TiffFile(path, mode="r+") as tiff:
            tiff.pages[0].tags["StripOffsets"].overwrite(start)
            tiff.pages[0].tags["StripByteCounts"].overwrite(len(zeros))
    code = (
        "import pathlib, resource, sys, numpy, inr\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "for bits, name in [(8, 'a.png'), (16, 'b.png'), (16, 'c.tif')]:\n"
        "    inr.write_image(name, numpy.zeros((9, 9, 3)), bits=bits)\n"
        "    inr.read_image(name)\n"
        "before = peak()\n"
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try: inr.read_image(path)\n"
        "    except ValueError: pass\n"
        "print(peak() - before)\n"
    )
    (tmp_path / "work").mkdir()
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)],
        cwd=tmp_path / "work", capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert float(result.stdout.split()[-1]) < 100  # MiB


@pytest.mark.parametrize("kind", HUGE_IMAGES)
def test_huge_images_are_refused_before_they_are_decoded(tmp_path, kind):
    path = tmp_path / "x"
    write_huge(path, kind)
    with refuses("`max_bytes` must be at least .* got 1073741824. Raise `max_bytes`"):
        read_image(path)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("tag", ["StripByteCounts", "StripOffsets", "SamplesPerPixel"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_damaged_tags_of_a_tiff_are_refused(tmp_path, dtype, tag, compression):
    path = tmp_path / "x.tif"
    value = 60_000 if tag == "SamplesPerPixel" else 4_000_000_000
    edited_tiff(path, np.zeros((8, 8, 3), dtype), {tag: value}, compression=compression)
    with refuses("`path` must be an (intact )?image file"):
        read_image(path)


def test_an_image_inside_a_16_bit_tiff_is_refused(tmp_path):
    """A codec of images decodes to its own size, whatever the tags declare."""
    path = tmp_path / "x.tif"
    values = levels(32, 32, 3, bits=16)
    tifffile.imwrite(path, values, photometric="rgb", compression="png")
    with refuses("its compression is not supported"):
        read_image(path)


def test_formats_that_decode_or_run_programs_on_opening_are_refused(tmp_path):
    inner = bomb(8, 300, 300)
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22)
    (tmp_path / "x.png").write_bytes(struct.pack("<HHH", 0, 1, 1) + entry + inner)
    (tmp_path / "y.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    for name in ("x.png", "y.png"):
        with refuses("`path` must be an image file.*among PNG, JPEG, WebP, TIFF"):
            read_image(tmp_path / name)


def test_animations_of_many_frames_cost_one(tmp_path):
    """A second frame, or 100,000 of them, are not decoded."""
    path = tmp_path / "x.gif"
    small = gif(4, 4)
    frame = small[19:-1]
    path.write_bytes(small[:-1] + 20_000 * frame + small[-1:])
    assert read_image(path).shape == (4, 4, 3)


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
