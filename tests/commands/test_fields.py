"""Files and report of `inr fit`."""

import numpy as np
import pytest

import inr
from inr.__main__ import main

FAST = ["--steps", "5", "--width", "16", "--max-side", "24"]


@pytest.fixture
def photo(tmp_path):
    image = np.random.default_rng(0).uniform(0.2, 0.8, (40, 60, 3))
    inr.write_image(tmp_path / "photo.png", image)
    return tmp_path / "photo.png"


def test_fit_saves_the_field_and_renders_it(photo, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--size", "20", "30", "--region", "0.1", "0.2", "0.5", "0.6"]
    assert main(["fit", str(photo), "--out", str(out), *options, *FAST]) == 0
    field, size = inr.load_field(out / "photo_field.safetensors")
    assert size == (16, 24)
    expected = inr.render(field, (20, 30), region=((0.1, 0.2), (0.5, 0.6)))
    rendering = inr.read_image(out / "photo_render.png")
    atol = 0.5 / 255 + 1e-6
    np.testing.assert_allclose(rendering, np.clip(expected, 0, 1), atol=atol)
    assert inr.read_image(out / "photo_sheet.png").shape[-1] == 3
    printed = capsys.readouterr().out
    assert "photo: 16x24, 3 channels, SIREN 16x3" in printed
    assert "fit: 5 steps" in printed
    assert "PSNR" in printed


@pytest.mark.slow
def test_a_close_up_has_square_pixels(photo, tmp_path):
    options = ["--region", "0", "0", "0.5", "1", "--out", str(tmp_path)]
    assert main(["fit", str(photo), *options, *FAST]) == 0
    # 20 x 60 pixels of the photo, the longer side that of the fitted image.
    assert inr.read_image(tmp_path / "photo_render.png").shape == (8, 24, 3)
