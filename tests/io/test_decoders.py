"""Tests of `inr.io._decoders`: bit depths, modes, transparency, orientation."""

import numpy as np
import pytest
import tifffile
from image_files import RNG, levels, png16, png_chunk, save
from PIL import Image

from inr.io import read_image


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
@pytest.mark.parametrize("bits", [8, 16])
def test_separate_planes_are_read_exactly(tmp_path, compression, bits):
    path = tmp_path / "x.tif"
    options = {"photometric": "rgb", "planarconfig": "separate"}
    values = levels(3, 6, 5, bits=bits)
    tifffile.imwrite(path, values, compression=compression, **options)
    expected = np.moveaxis(values, 0, -1) / np.float32(2**bits - 1)
    np.testing.assert_array_equal(read_image(path), expected)


def test_16_bit_gray_from_pillow_and_from_pgm(tmp_path):
    values = levels(4, 5, bits=16)
    expected = (values / np.float32(65535))[..., None]
    for name in ("x.png", "x.tif", "x.pgm"):
        path = save(tmp_path / name, values)
        np.testing.assert_array_equal(read_image(path), expected)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_floating_tiff_is_returned_unchanged(tmp_path, channels):
    values = RNG.normal(size=(4, 5, channels)).astype(np.float32)
    path = tmp_path / "x.tif"
    tifffile.imwrite(
        path,
        values[..., 0] if channels == 1 else values,
        photometric="minisblack" if channels == 1 else "rgb",
        extrasamples=["unassalpha"] if channels == 4 else None,
    )
    np.testing.assert_array_equal(read_image(path), values)


def test_16_bit_tiff_with_lzw_white_at_zero_or_other_channels(tmp_path):
    path = tmp_path / "x.tif"
    values = levels(9, 8, 3, bits=16)
    options = {"photometric": "rgb", "compression": "lzw", "predictor": True}
    tifffile.imwrite(path, values, **options)
    np.testing.assert_array_equal(read_image(path), values / np.float32(65535))
    tifffile.imwrite(path, values[..., 0], photometric="miniswhite")
    expected = (65535 - values[..., :1]) / np.float32(65535)
    np.testing.assert_array_equal(read_image(path), expected)
    more = levels(9, 8, 5, bits=16)
    tifffile.imwrite(path, more, photometric="rgb", extrasamples=["unspecified"] * 2)
    np.testing.assert_array_equal(read_image(path), more[..., :3] / np.float32(65535))


def test_opacity_multiplied_into_16_bit_colors_is_divided_out(tmp_path):
    path = tmp_path / "x.tif"
    alpha = np.full((4, 5, 1), 32768, np.uint16)
    color = levels(4, 5, 3, bits=16)
    stored = np.rint(color * (alpha / 65535)).astype(np.uint16)
    options = {"photometric": "rgb", "extrasamples": ["assocalpha"]}
    tifffile.imwrite(path, np.concatenate([stored, alpha], -1), **options)
    expected = np.concatenate([color, alpha], -1) / 65535
    np.testing.assert_allclose(read_image(path), expected, atol=2 / 65535)


def test_pillow_modes_become_gray_or_rgb_with_or_without_opacity(tmp_path):
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
    path = save(tmp_path / "x.png", gray, transparency=20)
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


ORIENTATIONS = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_exif_orientation_is_applied_once(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    transform = ORIENTATIONS[orientation]
    for values in (levels(4, 6, 3), levels(4, 6), levels(4, 6, bits=16)):
        path = save(tmp_path / "x.png", values, exif=exif)
        expected = np.atleast_3d(transform(values)) / np.float32(
            np.iinfo(values.dtype).max
        )
        np.testing.assert_array_equal(read_image(path), expected)
    blocks = np.kron(levels(2, 3), np.ones((8, 8), np.uint8))
    path = save(tmp_path / "x.jpg", blocks, exif=exif, quality=100)
    expected = transform(blocks)[..., None] / np.float32(255)
    np.testing.assert_allclose(read_image(path), expected, atol=0.02)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_orientation_is_applied_to_16_bit_color(tmp_path, orientation):
    values = levels(4, 6, 3, bits=16)
    expected = ORIENTATIONS[orientation](values) / np.float32(65535)
    tags = [(274, 3, 1, orientation)]
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, values, photometric="rgb", extratags=tags)
    np.testing.assert_array_equal(read_image(path), expected)
    exif = Image.Exif()
    exif[0x0112] = orientation
    chunk = png_chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    (tmp_path / "x.png").write_bytes(png16(values, chunk))
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), expected)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_orientation_is_applied_to_palettes_and_opacity(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    palette = Image.fromarray(levels(4, 6, 3)).quantize(8)
    for image in (palette, Image.fromarray(levels(4, 6, 2)), Image.new("1", (6, 4))):
        path = tmp_path / "x.png"
        image.save(path, exif=exif)
        rotated = read_image(path)
        image.save(path)
        expected = ORIENTATIONS[orientation](read_image(path))
        np.testing.assert_array_equal(rotated, expected)


def test_a_16_bit_png_is_read_with_late_exif_and_transparent_color(tmp_path):
    values = levels(4, 6, 3, bits=16)
    exif = Image.Exif()
    exif[0x0112] = 3
    data = png16(values)
    chunk = png_chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    (tmp_path / "x.png").write_bytes(data[:-12] + chunk + data[-12:])
    expected = values[::-1, ::-1] / np.float32(65535)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), expected)
    transparent = png_chunk(b"tRNS", values[1, 2].astype(">u2").tobytes())
    (tmp_path / "x.png").write_bytes(png16(values, transparent))
    opacity = (values != values[1, 2]).any(-1, keepdims=True)
    expected = np.concatenate([values / np.float32(65535), opacity], -1)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), expected)
