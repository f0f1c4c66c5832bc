"""Files and reports of `inr merge`."""

import numpy as np
import pytest

import inr
from inr.__main__ import main


@pytest.fixture
def photo(tmp_path):
    image = np.random.default_rng(0).uniform(0.2, 0.8, (40, 60, 3))
    inr.write_image(tmp_path / "photo.png", image)
    return tmp_path / "photo.png"


@pytest.fixture
def pair(tmp_path):
    """Files of a source with alpha, and of a target."""
    rng = np.random.default_rng(1)
    source = rng.uniform(0.2, 0.8, (20, 24, 4))
    source[..., 3] = 0
    source[5:15, 6:18, 3] = 1
    target = rng.uniform(0.2, 0.8, (40, 60, 3))
    inr.write_image(tmp_path / "source.png", source)
    inr.write_image(tmp_path / "target.png", target)
    return str(tmp_path / "source.png"), str(tmp_path / "target.png")


BLOCK = np.zeros((20, 24), bool)
BLOCK[5:15, 6:18] = True


def levels(image):
    return np.rint(255 * np.clip(image, 0, 1))


@pytest.mark.slow
def test_the_mask_is_alpha_a_polygon_or_a_file(pair, tmp_path):
    mask = np.repeat(BLOCK[..., None], 3, -1).astype(np.float32)
    inr.write_image(tmp_path / "mask.png", mask)
    masks = {
        "alpha": [],
        "polygon": ["--polygon", "5,6", "5,17", "14,17", "14,6"],
        "file": ["--mask", str(tmp_path / "mask.png")],
    }
    source, target = (inr.read_image(path)[..., :3] for path in pair)
    options = {"offset": (3, -2), "mode": "mixed"}
    expected = inr.seamless_clone(source, target, BLOCK, **options)
    for name, mask_options in masks.items():
        out = tmp_path / name
        options = ["--offset", "3", "-2", "--mode", "mixed", "--out", str(out)]
        assert main(["merge", *pair, *mask_options, *options]) == 0
        result = inr.read_image(out / "source_target_merged.png")
        np.testing.assert_array_equal(levels(result), levels(expected))
        assert inr.read_image(out / "source_target_sheet.png").shape[-1] == 3


def test_pixels_outside_the_target_are_counted(pair, tmp_path, capsys):
    options = ["--offset", "-8", "0", "--out", str(tmp_path / "out")]
    assert main(["merge", *pair, *options]) == 0
    assert "36 of 120 pixels fall outside" in capsys.readouterr().out


def test_aligned_images_are_merged(photo, tmp_path):
    second = tmp_path / "second.png"
    image = np.random.default_rng(2).uniform(0.2, 0.8, (40, 60, 1))
    inr.write_image(second, image)
    out = tmp_path / "out"
    assert main(["merge", str(photo), str(second), "--out", str(out)]) == 0
    gray = np.repeat(inr.read_image(second), 3, -1)
    expected = np.clip(inr.merge([inr.read_image(photo), gray]), 0, 1)
    result = inr.read_image(out / "photo_second_merged.png")
    np.testing.assert_allclose(result, expected, atol=0.5 / 255 + 1e-6)


def test_images_of_other_sizes_are_refused_or_resized(photo, tmp_path, capsys):
    other = tmp_path / "other.png"
    inr.write_image(other, np.full((10, 10, 3), 0.5))
    arguments = ["merge", str(photo), str(other), "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "--resize" in capsys.readouterr().err
    assert main([*arguments, "--resize"]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--polygon", "1,1", "2,2"], "three corners"),
        (["--polygon", "1,1", "2,2", "3,1", "--mask", "x.png"], "not both"),
        (["--mode", "mean"], "`mode`"),
        (["--offset", "99", "0"], "lies outside"),
    ],
)
def test_errors_have_one_line(pair, tmp_path, capsys, options, message):
    assert main(["merge", *pair, *options, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_one_image_is_refused(photo, capsys):
    assert main(["merge", str(photo)]) == 2
    assert "two or more" in capsys.readouterr().err
