import os
import struct
import subprocess
import sys
import zlib

import jax
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from support import refuses

from inr import color
from inr.io import list_images, read_image, write_image

RNG = np.random.default_rng(0)


def levels(*shape, bits=8):
    return RNG.integers(0, 2**bits, shape).astype(np.uint8 if bits == 8 else np.uint16)


def png_chunk(kind, data):
    crc = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + crc


def png16(values, *chunks):
    """A reference encoder in plain loops: row i has filter i mod 5."""
    h, w, c = values.shape
    color_type, step = {1: 0, 2: 4, 3: 2, 4: 6}[c], 2 * c
    rows = values.astype(">u2").tobytes()
    rows = [b"", *(rows[i * w * step : (i + 1) * w * step] for i in range(h))]
    data = bytearray()
    for i in range(1, h + 1):
        kind = i % 5
        data.append(kind)
        for j, byte in enumerate(rows[i]):
            left = rows[i][j - step] if j >= step else 0
            above = rows[i - 1][j] if i > 1 else 0
            corner = rows[i - 1][j - step] if i > 1 and j >= step else 0
            guess = left + above - corner
            paeth = min((left, above, corner), key=lambda x: abs(x - guess))
            predicted = [0, left, above, (left + above) // 2, paeth][kind]
            data.append((byte - predicted) % 256)
    header = struct.pack(">IIBBBBB", w, h, 16, color_type, 0, 0, 0)
    parts = [
        png_chunk(b"IHDR", header),
        *chunks,
        png_chunk(b"IDAT", zlib.compress(data)),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, png_chunk(b"IEND", b"")])


def icc(space, *, swapped=False):
    """A profile of gamma 1.8: gray, or the primaries of sRGB adapted to D50."""

    def xyz(*values):
        fixed = [round(65536 * v) for v in values]
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *fixed)

    curve = b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(256 * 1.8))
    tags = {b"wtpt": xyz(0.9642, 1, 0.8249)}
    if space == b"RGB ":
        primaries = [(0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708)]
        primaries = [*primaries, (0.14307, 0.06061, 0.71410)]
        for name, primary in zip(b"bgr" if swapped else b"rgb", primaries, strict=True):
            tags[bytes([name]) + b"XYZ"] = xyz(*primary)
            tags[bytes([name]) + b"TRC"] = curve
    else:
        tags[b"kTRC"] = curve
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    size = start + len(body)
    head = struct.pack(
        ">I4xI4s4s4s12x4s", size, 0x02100000, b"mntr", space, b"XYZ ", b"acsp"
    )
    head = (head.ljust(68, b"\0") + xyz(0.9642, 1, 0.8249)[8:]).ljust(128, b"\0")
    return head + struct.pack(">I", len(tags)) + table + body


def decoded_by_icc(values):
    return np.asarray(color.linear_to_srgb((values / np.float32(255)) ** 1.8))


def saved(path, values, mode=None, **options):
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


# Round trips and exactness.


LOSSLESS = [(".png", bits, c) for bits in (8, 16) for c in (1, 2, 3, 4)]
LOSSLESS += [(".tif", 8, c) for c in (1, 2, 3, 4)]
LOSSLESS += [(".TIFF", 16, c) for c in (1, 3, 4)]
LOSSY = [(".jpg", 1), (".jpeg", 3), (".webp", 1), (".webp", 3), (".webp", 4)]


@pytest.mark.parametrize(("extension", "bits", "channels"), LOSSLESS)
def test_lossless_round_trips_are_exact(tmp_path, extension, bits, channels):
    values = levels(5, 7, channels, bits=bits)
    image = values.astype(np.float32) / np.float32(2**bits - 1)
    write_image(tmp_path / f"x{extension}", image, bits=bits)
    again = read_image(tmp_path / f"x{extension}")
    assert again.dtype == np.float32
    np.testing.assert_array_equal(again, image)
    assert os.listdir(tmp_path) == [f"x{extension}"]


@pytest.mark.parametrize(("extension", "channels"), LOSSY)
def test_lossy_round_trips_are_close(tmp_path, extension, channels):
    path = tmp_path / f"x{extension}"
    ramp = np.mgrid[:32, :48].sum(0)[..., None] / 78
    image = (ramp * np.array([1, 0.5, 0.2, 1])[:channels]).astype(np.float32)
    write_image(path, image)
    again = read_image(path)
    expected = image.repeat(3, -1) if (extension, channels) == (".webp", 1) else image
    assert again.shape == expected.shape
    np.testing.assert_allclose(again, expected, atol=0.03)
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
    write_image(tmp_path / "x.png", outside, bits=bits)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png")[0, :, 0], [0, 0, 1, 1])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_as_written_decodes_by_the_standard(tmp_path, channels):
    values = levels(6, 4, channels, bits=16)
    write_image(tmp_path / "x.png", values / np.float32(65535), bits=16)
    data = (tmp_path / "x.png").read_bytes()
    chunks, position = {}, 8
    while position < len(data):
        (size,) = struct.unpack_from(">I", data, position)
        kind, body = data[position + 4 : position + 8], data[position + 8 :][:size]
        assert data[position:][: size + 12] == png_chunk(kind, body)
        chunks[kind] = body
        position += size + 12
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(6, -1)
    assert (lines[:, 0] == 2).all()
    rows = np.cumsum(lines[:, 1:], axis=0, dtype=np.uint8)
    np.testing.assert_array_equal(rows.view(">u2").reshape(6, 4, channels), values)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_of_every_filter_is_read_exactly(tmp_path, channels):
    values = levels(11, 6, channels, bits=16)
    (tmp_path / "x.png").write_bytes(png16(values))
    image = read_image(tmp_path / "x.png", dtype=np.float64)
    assert image.dtype == np.float64
    np.testing.assert_array_equal(image, values / 65535)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": "<", "rowsperstrip": 3},
        {"byteorder": ">", "rowsperstrip": 3},
        {"byteorder": "<", "compression": "zlib"},
        {"byteorder": ">", "compression": "zlib"},
        {"byteorder": "<", "tile": (16, 16)},
    ],
)
def test_16_bit_tiff_is_read_exactly(tmp_path, channels, options):
    values = levels(21, 18, channels, bits=16)
    tifffile.imwrite(
        tmp_path / "x.tif",
        values[..., 0] if channels == 1 else values,
        photometric="minisblack" if channels == 1 else "rgb",
        extrasamples=["unassalpha"] if channels == 4 else None,
        **options,
    )
    np.testing.assert_array_equal(
        read_image(tmp_path / "x.tif"), values / np.float32(65535)
    )


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_planes_are_read_at_8_bits_and_refused_at_16(tmp_path, compression):
    path = tmp_path / "x.tif"
    options = {"photometric": "rgb", "planarconfig": "separate"}
    values = levels(3, 6, 5)
    tifffile.imwrite(path, values, compression=compression, **options)
    np.testing.assert_array_equal(
        read_image(path), np.moveaxis(values, 0, -1) / np.float32(255)
    )
    values = levels(3, 6, 5, bits=16)
    tifffile.imwrite(path, values, compression=compression, **options)
    with refuses("its 16-bit channels are not interleaved"):
        read_image(path)


def test_16_bit_gray_from_pillow_and_from_pgm(tmp_path):
    values = levels(4, 5, bits=16)
    expected = (values / np.float32(65535))[..., None]
    for name in ("x.png", "x.tif", "x.pgm"):
        path = saved(tmp_path / name, values)
        np.testing.assert_array_equal(read_image(path), expected)


def test_floating_tiff_is_returned_as_stored(tmp_path):
    values = RNG.normal(size=(4, 5)).astype(np.float32)
    path = saved(tmp_path / "x.tif", values)
    np.testing.assert_array_equal(read_image(path)[..., 0], values)


# What files of other kinds become.


def test_modes_become_gray_or_rgb_with_or_without_opacity(tmp_path):
    rgb, alpha = levels(6, 5, 3), levels(6, 5, 1)
    rgba = np.concatenate([rgb, alpha], -1)
    gray, two = rgb[..., :1], (rgb[..., 0] > 127)
    palette = Image.fromarray(rgb).quantize(8)
    in_palette = np.array(palette.getpalette(), np.uint8).reshape(-1, 3)
    in_palette = in_palette[np.asarray(palette)]
    opacity = np.where(np.asarray(palette) == 2, 0, 255).astype(np.uint8)
    path = tmp_path / "x.png"
    for stored, options, expected in [
        (Image.fromarray(gray[..., 0]), {}, gray),
        (Image.fromarray(two), {}, 255 * two[..., None].astype(np.uint8)),
        (Image.fromarray(rgb), {}, rgb),
        (Image.fromarray(rgba), {}, rgba),
        (Image.fromarray(rgba[..., 2:]), {}, rgba[..., 2:]),
        (palette, {}, in_palette),
        (palette, {"transparency": 2}, np.dstack([in_palette, opacity])),
    ]:
        stored.save(path, **options)
        np.testing.assert_array_equal(read_image(path), expected / np.float32(255))
    stored.save(tmp_path / "x.gif")
    assert read_image(tmp_path / "x.gif").shape in [(6, 5, 3), (6, 5, 4)]


def test_a_color_named_transparent_becomes_opacity(tmp_path):
    gray = np.array([[10, 20, 30]], np.uint8)
    path = saved(tmp_path / "x.png", gray, transparency=20)
    expected = np.float32([[[10, 255], [20, 0], [30, 255]]]) / 255
    np.testing.assert_array_equal(read_image(path), expected)


def test_cmyk_becomes_rgb(tmp_path):
    cmyk = np.zeros((8, 8, 4), np.uint8)
    cmyk[:, :4] = [0, 255, 255, 0]
    cmyk[:, 4:] = [255, 0, 255, 51]
    path = tmp_path / "x.jpg"
    Image.fromarray(cmyk, "CMYK").save(path, quality=100)
    image = read_image(path)
    np.testing.assert_allclose(image[:, :4], np.ones((8, 4, 1)) * [1, 0, 0], atol=0.02)
    np.testing.assert_allclose(
        image[:, 4:], np.ones((8, 4, 1)) * [0, 0.8, 0], atol=0.02
    )


TURNS = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize("orientation", TURNS)
def test_the_turn_of_exif_is_applied_once(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = TURNS[orientation]
    for values in (levels(4, 6, 3), levels(4, 6), levels(4, 6, bits=16)):
        path = saved(tmp_path / "x.png", values, exif=exif)
        expected = np.atleast_3d(turn(values)) / np.float32(np.iinfo(values.dtype).max)
        np.testing.assert_array_equal(read_image(path), expected)
    blocks = np.kron(levels(2, 3), np.ones((8, 8), np.uint8))
    path = saved(tmp_path / "x.jpg", blocks, exif=exif, quality=100)
    expected = turn(blocks)[..., None] / np.float32(255)
    np.testing.assert_allclose(read_image(path), expected, atol=0.02)


@pytest.mark.parametrize("orientation", TURNS)
def test_the_turn_is_applied_to_16_bit_color(tmp_path, orientation):
    values = levels(4, 6, 3, bits=16)
    expected = TURNS[orientation](values) / np.float32(65535)
    tags = [(274, 3, 1, orientation)]
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, values, photometric="rgb", extratags=tags)
    np.testing.assert_array_equal(read_image(path), expected)
    exif = Image.Exif()
    exif[0x0112] = orientation
    chunk = png_chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    (tmp_path / "x.png").write_bytes(png16(values, chunk))
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), expected)


# Color profiles.


def test_profiles_are_applied_to_8_bit_color(tmp_path):
    rgb = levels(16, 16, 3)
    path = saved(tmp_path / "x.png", rgb, icc_profile=icc(b"RGB "))
    encoded = decoded_by_icc(rgb)
    np.testing.assert_allclose(read_image(path), encoded, atol=2.5 / 255)
    path = saved(tmp_path / "x.png", rgb, icc_profile=icc(b"RGB ", swapped=True))
    np.testing.assert_allclose(read_image(path), encoded[..., ::-1], atol=2.5 / 255)
    rgba = np.concatenate([rgb, levels(16, 16, 1)], -1)
    path = saved(tmp_path / "x.png", rgba, icc_profile=icc(b"RGB "))
    image = read_image(path)
    np.testing.assert_allclose(image[..., :3], encoded, atol=2.5 / 255)
    np.testing.assert_array_equal(image[..., 3], rgba[..., 3] / np.float32(255))


def test_gray_profiles_are_applied_and_gray_stays_gray(tmp_path):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    encoded = decoded_by_icc(gray)[..., None]
    for space in (b"GRAY", b"RGB "):
        path = saved(tmp_path / "x.png", gray, icc_profile=icc(space))
        np.testing.assert_allclose(read_image(path), encoded, atol=2.5 / 255)


def test_a_profile_of_srgb_changes_nothing(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for values in (levels(16, 16, 3), levels(16, 16)):
        path = saved(tmp_path / "x.png", values, icc_profile=profile)
        expected = np.atleast_3d(values) / np.float32(255)
        np.testing.assert_array_equal(read_image(path), expected)
    deep = levels(4, 4, 3, bits=16)
    tifffile.imwrite(tmp_path / "x.tif", deep, photometric="rgb", iccprofile=profile)
    np.testing.assert_array_equal(
        read_image(tmp_path / "x.tif"), deep / np.float32(65535)
    )


def test_profiles_that_are_not_applied_are_warned_of(tmp_path):
    deep = levels(4, 4, 3, bits=16)
    path = tmp_path / "x.tif"
    for profile in (icc(b"RGB "), b"nonsense"):
        tifffile.imwrite(path, deep, photometric="rgb", iccprofile=profile)
        with pytest.warns(UserWarning, match="profile of an image is not applied"):
            image = read_image(path)
        np.testing.assert_array_equal(image, deep / np.float32(65535))
    rgb = levels(4, 4, 3)
    for profile in (icc(b"GRAY"), b"nonsense"):
        path = saved(tmp_path / "x.png", rgb, icc_profile=profile)
        with pytest.warns(UserWarning, match="profile of an image cannot be used"):
            image = read_image(path)
        np.testing.assert_array_equal(image, rgb / np.float32(255))


# What is refused.


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.png"):
        read_image(tmp_path / "no.png")
    with refuses(r"`path` must be an image file, got the folder .* `list_images`"):
        read_image(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"folder that exists, .*mkdir"):
        write_image(tmp_path / "no" / "x.png", np.zeros((2, 2, 3), np.float32))


@pytest.mark.parametrize("data", [b"", b"no image at all", b"\x89PNG\r\n\x1a\nrest"])
def test_files_that_are_no_images_are_refused(tmp_path, data):
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
    path = saved(tmp_path / "x.tif", levels(4, 4).astype(np.int32))
    with refuses("its integers are neither of 8 nor of 16 bits"):
        read_image(path)


def test_bombs_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    header = struct.pack(">IIBBBBB", 40_000, 30_000, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*x) for x in parts))
    with refuses(r"at most 268435456 pixels, got .* with 30000 x 40000\. Raise `max_p"):
        read_image(path)
    for name in ("x.png", "x.tif", "x.webp"):
        image = levels(6, 5, 3) / np.float32(255)
        write_image(tmp_path / name, image)
        with refuses("at most 29 pixels"):
            read_image(tmp_path / name, max_pixels=29)
        assert read_image(tmp_path / name, max_pixels=30).shape == (6, 5, 3)
        # Pillow's own limit neither holds nor is lost.
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
        assert read_image(tmp_path / name, max_pixels=None).shape == (6, 5, 3)
        assert Image.MAX_IMAGE_PIXELS == 4


def test_bad_arguments_of_reading_are_refused(tmp_path):
    with refuses("`dtype` must be a floating dtype, got uint8"):
        read_image(saved(tmp_path / "x.png", levels(2, 2)), dtype=np.uint8)


def test_bad_images_are_not_written(tmp_path):
    path = tmp_path / "x.png"
    image = np.zeros((4, 5, 3), np.float32)
    with refuses(r"`image` must be a floating array, got dtype uint8\. Divide by 255"):
        write_image(path, image.astype(np.uint8))
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
        ("x.jpg", 4, {}, r"c one of 1, 3 for 8-bit \.jpg, got c = 4.*Opacity"),
        ("x.tif", 2, {"bits": 16}, r"c one of 1, 3, 4 for 16-bit \.tif, got c = 2"),
        ("x.png", 3, {"quality": 90}, r"`quality` must be None for \.png.*Only \.jpg"),
        ("x.jpg", 3, {"quality": 0}, "`quality` must be at least 1, got 0"),
        ("x.jpg", 3, {"quality": 101}, "`quality` must be 1 to 100, got 101"),
    ],
)
def test_what_a_format_lacks_is_refused(tmp_path, name, channels, options, message):
    with refuses(message):
        write_image(tmp_path / name, np.zeros((4, 5, channels), np.float32), **options)
    assert os.listdir(tmp_path) == []


def test_an_image_too_large_for_its_format_is_refused(tmp_path):
    with refuses(r"`image` must be fit for \.webp, got shape \(1, 17000, 3\).*\.png"):
        write_image(tmp_path / "x.webp", np.zeros((1, 17_000, 3), np.float32))
    assert os.listdir(tmp_path) == []


# Writing and the file system.


@pytest.mark.parametrize("error", [OSError("no space"), KeyboardInterrupt()])
def test_an_interrupted_write_loses_nothing(tmp_path, monkeypatch, error):
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


def test_writing_replaces_the_file_behind_a_link_and_heeds_the_umask(tmp_path):
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
