"""EXIF data, color profiles and bits travel from a file to the file of a result."""

import io

import numpy as np
import pytest
import tifffile
from image_files import levels
from PIL import Image, ImageCms

from inr.io import ImageMetadata, read_image, read_image_metadata, write_image

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
MAKE, ORIENTATION, EXIF, GPS, WIDTH, EXPOSURE = 271, 274, 0x8769, 0x8825, 0xA002, 33434


def exif_data():
    exif = Image.Exif()
    exif[MAKE], exif[ORIENTATION] = "Camera", 6
    exif[EXIF] = {EXPOSURE: 0.5, WIDTH: 7}
    exif[GPS] = {1: "N"}
    return exif.tobytes()


def save(path, **options):
    Image.fromarray(levels(5, 7, 3)).save(path, exif=exif_data(), **options)
    return path


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif"])
def test_metadata_survive_a_round_trip_in_every_format(tmp_path, extension):
    path = save(tmp_path / f"a{extension}", icc_profile=SRGB)
    metadata = read_image_metadata(path)
    assert (metadata.bits, metadata.profile) == (8, SRGB)
    for name in ("b.jpg", "b.png", "b.webp", "b.tif"):
        write_image(tmp_path / name, read_image(path), metadata=metadata)
        with Image.open(tmp_path / name) as image:
            assert image.info["icc_profile"] == SRGB
            exif = image.getexif()
            assert exif[MAKE] == "Camera"
            assert ORIENTATION not in exif  # the pixels are upright
            assert exif.get_ifd(EXIF)[EXPOSURE] == 0.5
            assert WIDTH not in exif.get_ifd(EXIF)
            assert exif.get_ifd(GPS)[1] == "N"


def test_16_bit_files_keep_their_profile(tmp_path):
    values = levels(5, 7, 3, bits=16)
    options = {"photometric": "rgb", "metadata": None, "software": False}
    tifffile.imwrite(tmp_path / "a.tif", values, iccprofile=SRGB, **options)
    metadata = read_image_metadata(tmp_path / "a.tif")
    assert metadata == ImageMetadata(16, None, SRGB)
    exif = read_image_metadata(save(tmp_path / "c.jpg")).exif
    metadata = metadata._replace(exif=exif)
    for name in ("b.png", "b.tif"):
        image = read_image(tmp_path / "a.tif")
        write_image(tmp_path / name, image, bits=16, metadata=metadata)
        np.testing.assert_array_equal(read_image(tmp_path / name), image)
        assert read_image_metadata(tmp_path / name)[::2] == (16, SRGB)
    with Image.open(tmp_path / "b.png") as image:
        assert image.getexif()[MAKE] == "Camera"


def test_a_profile_that_was_applied_or_does_not_fit_is_left_out(tmp_path):
    path = save(tmp_path / "a.png", icc_profile=LAB)
    assert read_image_metadata(path).profile is None
    gray = np.full((4, 4, 1), 0.5, np.float32)
    write_image(tmp_path / "gray.png", gray, metadata=ImageMetadata(profile=SRGB))
    with Image.open(tmp_path / "gray.png") as image:
        assert "icc_profile" not in image.info


def test_damaged_metadata_count_as_absent(tmp_path):
    file = io.BytesIO()
    Image.fromarray(levels(5, 7, 3)).save(file, "PNG", exif=b"Exif\0\0MM\0*\0\0\0\xff")
    (tmp_path / "a.png").write_bytes(file.getvalue())
    assert read_image_metadata(tmp_path / "a.png") == ImageMetadata()
    assert repr(ImageMetadata(16, b"12")) == "ImageMetadata(bits=16, exif=2 bytes)"
