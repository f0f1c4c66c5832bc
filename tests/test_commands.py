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


def test_fit_keeps_the_field_and_renders_it(photo, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--size", "20", "30", "--region", "0.1", "0.2", "0.5", "0.6"]
    assert main(["fit", str(photo), "--out", str(out), *options, *FAST]) == 0
    field, size = inr.load_field(out / "photo_field.safetensors")
    assert size == (16, 24)
    expected = inr.render(field, (20, 30), region=((0.1, 0.2), (0.5, 0.6)))
    written = inr.read_image(out / "photo_render.png")
    np.testing.assert_allclose(written, np.clip(expected, 0, 1), atol=0.5 / 255 + 1e-6)
    assert inr.read_image(out / "photo_sheet.png").shape[-1] == 3
    held = np.clip(inr.render(field, size), 0, 1)
    printed = capsys.readouterr().out
    assert f"{held.shape[0]}x{held.shape[1]}" in printed


def test_upscale_enlarges_the_image_itself(photo, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["upscale", str(photo), "--scale", "2", "--out", str(out), *FAST]) == 0
    assert inr.read_image(out / "photo_x2.png").shape == (32, 48, 3)
    assert "PSNR" not in capsys.readouterr().out


def test_upscale_scores_itself_beside_interpolation(photo, tmp_path, capsys):
    options = ["--scale", "2", "--evaluate", "--out", str(tmp_path / "out"), *FAST]
    assert main(["upscale", str(photo), *options]) == 0
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line}
    assert {"nearest", "linear", "cubic", "lanczos3", "siren"} <= set(rows)
    assert "wins" in printed
    truth = np.asarray(inr.read_image(photo))
    assert truth.shape == (40, 60, 3)


@pytest.mark.parametrize(
    "options", [["--scale", "1"], ["--region", "0", "0", "2", "1"]]
)
def test_bad_options_end_in_one_line(photo, tmp_path, capsys, options):
    assert main(["upscale", str(photo), "--out", str(tmp_path), *options, *FAST]) == 2
    assert capsys.readouterr().err.count("\n") <= 2


def test_a_missing_image_ends_in_one_line(tmp_path, capsys):
    assert main(["fit", str(tmp_path / "none.png")]) == 2
    assert "none.png" in capsys.readouterr().err
