"""Files and report of `inr fit`."""

import jax
import jax.numpy as jnp
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


def small_field(features):
    model = inr.Siren(features=features, width=8, depth=1)
    return inr.bind(model, model.init(jax.random.key(0), jnp.zeros((1, 2))))


def test_fit_saves_the_field_and_renders_it(photo, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--size", "20", "30", "--region", "0.1", "0.2", "0.5", "0.6"]
    assert main(["fit", str(photo), "--output", str(out), *options, *FAST]) == 0
    field, size = inr.load_field(out / "photo_field.safetensors")
    assert size == (16, 24)
    expected = inr.render(field, (20, 30), region=((0.1, 0.2), (0.5, 0.6)))
    rendering = inr.read_image(out / "photo_render_0.1-0.2-0.5-0.6.png")
    atol = 0.5 / 255 + 1e-6
    np.testing.assert_allclose(rendering, np.clip(expected, 0, 1), atol=atol)
    assert inr.read_image(out / "photo_sheet.png").shape[-1] == 3
    printed = capsys.readouterr().out
    assert "photo: 16x24, 3 channels, Siren" in printed
    assert "fit: 5 steps" in printed
    assert "PSNR" in printed


@pytest.mark.long
@pytest.mark.slow
def test_a_close_up_has_square_pixels(photo, tmp_path):
    options = ["--region", "0", "0", "0.5", "1", "--output", str(tmp_path)]
    assert main(["fit", str(photo), *options, *FAST]) == 0
    # 20 x 60 pixels of the photo, the longer side that of the fitted image.
    assert inr.read_image(tmp_path / "photo_render_0-0-0.5-1.png").shape == (8, 24, 3)


def test_a_field_is_rendered_from_its_file(photo, tmp_path):
    field = small_field(3)
    inr.save_field(tmp_path / "a.safetensors", field, size=(12, 18))
    arguments = [str(tmp_path / "a.safetensors"), "--output", str(tmp_path)]
    assert main(["render", *arguments]) == 0
    rendering = inr.read_image(tmp_path / "a_render.png")
    expected = np.clip(inr.render(field, (12, 18)), 0, 1)
    np.testing.assert_allclose(rendering, expected, atol=0.5 / 255 + 1e-6)
    options = ["--size", "4", "5", "--region", "0", "0", "0.5", "0.5"]
    assert main(["render", *arguments, *options]) == 0
    expected = inr.render(field, (4, 5), region=((0, 0), (0.5, 0.5)))
    rendering = inr.read_image(tmp_path / "a_render_0-0-0.5-0.5.png")
    np.testing.assert_allclose(rendering, expected.clip(0, 1), atol=0.5 / 255 + 1e-6)


def test_a_file_without_a_size_needs_one(tmp_path, capsys):
    field = small_field(1)
    inr.save_field(tmp_path / "a.safetensors", field)
    assert main(["render", str(tmp_path / "a.safetensors")]) == 2
    assert "`size` must be" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.slow
def test_a_reduced_image_is_scored_between_its_pixels(photo, tmp_path, capsys):
    options = ["--family", "HashGrid", "--output", str(tmp_path)]
    assert main(["fit", str(photo), *options, *FAST]) == 0
    printed = capsys.readouterr().out
    assert "photo: 16x24, 3 channels, HashGrid" in printed
    assert "at twice the size: PSNR bicubic" in printed
