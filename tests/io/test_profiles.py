"""Tests of `inr.io._profiles`: ICC profiles are applied, or a warning says not."""

import zlib

import numpy as np
import pytest
import tifffile
from image_files import decoded_by_icc, icc, levels, png16, png_chunk, save
from PIL import ImageCms

from inr.io import read_image


def test_profiles_are_applied_to_8_bit_color(tmp_path):
    rgb = levels(16, 16, 3)
    path = save(tmp_path / "x.png", rgb, icc_profile=icc(b"RGB "))
    encoded = decoded_by_icc(rgb)
    np.testing.assert_allclose(read_image(path), encoded, atol=2.5 / 255)
    path = save(tmp_path / "x.png", rgb, icc_profile=icc(b"RGB ", swapped=True))
    np.testing.assert_allclose(read_image(path), encoded[..., ::-1], atol=2.5 / 255)
    rgba = np.concatenate([rgb, levels(16, 16, 1)], -1)
    path = save(tmp_path / "x.png", rgba, icc_profile=icc(b"RGB "))
    image = read_image(path)
    np.testing.assert_allclose(image[..., :3], encoded, atol=2.5 / 255)
    np.testing.assert_array_equal(image[..., 3], rgba[..., 3] / np.float32(255))


def test_gray_profiles_are_applied_and_gray_stays_gray(tmp_path):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    encoded = decoded_by_icc(gray)[..., None]
    for space in (b"GRAY", b"RGB "):
        path = save(tmp_path / "x.png", gray, icc_profile=icc(space))
        np.testing.assert_allclose(read_image(path), encoded, atol=2.5 / 255)


def test_a_profile_of_srgb_changes_nothing(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for values in (levels(16, 16, 3), levels(16, 16)):
        path = save(tmp_path / "x.png", values, icc_profile=profile)
        expected = np.atleast_3d(values) / np.float32(255)
        np.testing.assert_array_equal(read_image(path), expected)
    deep = levels(4, 4, 3, bits=16)
    tifffile.imwrite(tmp_path / "x.tif", deep, photometric="rgb", iccprofile=profile)
    np.testing.assert_array_equal(
        read_image(tmp_path / "x.tif"), deep / np.float32(65535)
    )


def test_profiles_that_are_not_applied_cause_a_warning(tmp_path):
    deep = levels(4, 4, 3, bits=16)
    path = tmp_path / "x.tif"
    for profile in (icc(b"RGB "), b"nonsense"):
        tifffile.imwrite(path, deep, photometric="rgb", iccprofile=profile)
        with pytest.warns(UserWarning, match="profile of an image is not applied"):
            image = read_image(path)
        np.testing.assert_array_equal(image, deep / np.float32(65535))
    rgb = levels(4, 4, 3)
    for profile in (icc(b"GRAY"), b"nonsense"):
        path = save(tmp_path / "x.png", rgb, icc_profile=profile)
        with pytest.warns(UserWarning, match="profile of an image cannot be used"):
            image = read_image(path)
        np.testing.assert_array_equal(image, rgb / np.float32(255))


def test_the_profile_of_a_16_bit_png_causes_a_warning(tmp_path):
    values = levels(4, 4, 3, bits=16)
    content = b"gamma\0\0" + zlib.compress(icc(b"RGB "))
    (tmp_path / "x.png").write_bytes(png16(values, png_chunk(b"iCCP", content)))
    with pytest.warns(UserWarning, match="profile of an image is not applied"):
        image = read_image(tmp_path / "x.png")
    np.testing.assert_array_equal(image, values / np.float32(65535))
