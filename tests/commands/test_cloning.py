"""Files and reports of `inr seamless-clone`."""

import numpy as np
import pytest

import inr
from inr.__main__ import main


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
        options = ["--offset", "3", "-2", "--mode", "mixed", "--output", str(out)]
        assert main(["seamless-clone", *pair, *mask_options, *options]) == 0
        result = inr.read_image(out / "source_target_mixed.png")
        np.testing.assert_array_equal(levels(result), levels(expected))
        assert inr.read_image(out / "source_target_mixed_sheet.png").shape[-1] == 3


def test_pixels_outside_the_target_are_counted(pair, tmp_path, capsys):
    options = ["--offset", "-8", "0", "--output", str(tmp_path / "out")]
    assert main(["seamless-clone", *pair, *options]) == 0
    assert "36 of 120 pixels fall outside" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--polygon", "1,1", "2,2"], "three corners"),
        (["--polygon", "1,1", "2,2", "3,1", "--mask", "x.png"], "not both"),
        (["--offset", "99", "0"], "lies outside"),
    ],
)
def test_errors_have_one_line(pair, tmp_path, capsys, options, message):
    assert (
        main(["seamless-clone", *pair, *options, "--output", str(tmp_path / "out")])
        == 2
    )
    assert message in capsys.readouterr().err


def test_a_source_needs_a_target_and_a_mask(pair, tmp_path, capsys):
    output = ["--output", str(tmp_path / "out")]
    assert main(["seamless-clone", pair[0], *output]) == 2
    assert "`target` must be an image file" in capsys.readouterr().err
    assert main(["seamless-clone", *pair[::-1], *output]) == 2
    assert "Add --mask or --polygon" in capsys.readouterr().err
