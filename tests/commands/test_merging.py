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


def test_aligned_images_are_merged(photo, tmp_path):
    second = tmp_path / "second.png"
    image = np.random.default_rng(2).uniform(0.2, 0.8, (40, 60, 1))
    inr.write_image(second, image)
    out = tmp_path / "out"
    assert main(["merge", str(photo), str(second), "--output", str(out)]) == 0
    gray = np.repeat(inr.read_image(second), 3, -1)
    expected = np.clip(inr.merge([inr.read_image(photo), gray]), 0, 1)
    result = inr.read_image(out / "photo_second_strongest.png")
    np.testing.assert_allclose(result, expected, atol=0.5 / 255 + 1e-6)


def test_images_of_other_sizes_are_refused_or_resized(photo, tmp_path, capsys):
    other = tmp_path / "other.png"
    inr.write_image(other, np.full((10, 10, 3), 0.5))
    arguments = ["merge", str(photo), str(other), "--output", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "--resize" in capsys.readouterr().err
    assert main([*arguments, "--resize", "--overwrite"]) == 0


def test_one_image_is_refused(photo, capsys):
    assert main(["merge", str(photo)]) == 2
    assert "two or more" in capsys.readouterr().err


def test_large_images_are_reduced_alike(photo, tmp_path):
    paths = [str(tmp_path / f"large_{i}.png") for i in range(2)]
    for path in paths:
        inr.write_image(path, np.full((40, 60, 3), 0.5))
    arguments = ["merge", *paths, "--max-side", "30", "--output", str(tmp_path)]
    assert main(arguments) == 0
    files = list(tmp_path.glob("*strongest.png"))
    assert [inr.read_image(file).shape for file in files] == [(20, 30, 3)]
