"""Files and scores of `inr upscale`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import inr
from inr.__main__ import main
from inr.models import save_model
from inr.upscaling import Upscaler

FAST = ["--steps", "5", "--width", "16", "--max-side", "24"]


@pytest.fixture
def photo(tmp_path):
    image = np.random.default_rng(0).uniform(0.2, 0.8, (40, 60, 3))
    inr.write_image(tmp_path / "photo.png", image)
    return tmp_path / "photo.png"


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory):
    """File of an upscaler that equals bicubic interpolation."""
    model = Upscaler(width=2, blocks=1, waves=1)
    inputs = jnp.zeros((1, 2)), jnp.zeros((4, 4, 3))
    params = jax.tree.map(jnp.zeros_like, model.init(jax.random.key(0), *inputs))
    path = tmp_path_factory.mktemp("weights") / "bicubic.safetensors"
    save_model(path, model, params)
    return str(path)


@pytest.mark.long
@pytest.mark.slow
def test_a_model_enlarges_the_images_of_a_folder(photo, upscaler, tmp_path, capsys):
    second = np.random.default_rng(1).uniform(0.2, 0.8, (9, 7, 2))
    inr.write_image(photo.parent / "second.png", second)
    out = tmp_path / "out"
    options = ["--scale", "1.5", "--model", upscaler, "--output", str(out)]
    assert main(["upscale", str(photo.parent), *options]) == 0
    image = inr.read_image(photo)
    grid = inr.coords.grid((60, 90))
    expected = inr.coords.sample_grid(image, grid, interpolation="cubic")
    result = inr.read_image(out / "photo_x1.5.png")
    np.testing.assert_allclose(result, np.clip(expected, 0, 1), atol=0.6 / 255)
    assert inr.read_image(out / "second_x1.5.png").shape == (14, 10, 2)
    assert inr.read_image(out / "photo_x1.5_sheet.png").shape[-1] == 3
    assert "PSNR" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_region_equals_that_part_of_the_result(photo, upscaler, tmp_path):
    options = ["--scale", "2", "--model", upscaler, "--output", str(tmp_path)]
    region = ["--region", "0.25", "0.5", "0.75", "1"]
    assert main(["upscale", str(photo), *options, *region]) == 0
    part = inr.read_image(tmp_path / "photo_x2_0.25-0.5-0.75-1.png")
    assert main(["upscale", str(photo), *options]) == 0
    image = inr.read_image(tmp_path / "photo_x2.png")
    np.testing.assert_allclose(part, image[20:60, 60:120], atol=1.1 / 255)


def test_the_result_is_scored_beside_interpolations(photo, upscaler, tmp_path, capsys):
    """The model equals bicubic interpolation, and has the same scores."""
    options = ["--scale", "2", "--evaluate", "--model", upscaler]
    assert (
        main(["upscale", str(photo), *options, "--output", str(tmp_path / "out")]) == 0
    )
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line}
    assert {"nearest", "bilinear", "Lanczos"} <= set(rows)
    assert rows["upscaled"] == rows["bicubic"]
    assert "dB PSNR over the best interpolation" in printed


@pytest.mark.long
@pytest.mark.slow
def test_a_siren_enlarges_a_photo(photo, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--method", "siren", "--scale", "2", "--evaluate", "--output", str(out)]
    assert main(["upscale", str(photo), *options, *FAST]) == 0
    assert inr.read_image(out / "photo_x2_siren.png").shape == (16, 24, 3)
    assert "best interpolation" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scale", "0.9"], "`scale` must be at least 1"),
        (["--scale", "nan"], "`scale` must be at least 1"),
        (["--model", "unknown"], "`model`"),
        (["--model", "none.safetensors"], "none.safetensors"),
        (["--region", "0", "0", "2", "1"], "`region`"),
        (["--scale", "50", "--evaluate"], "`image` must be at least 50 pixels"),
    ],
)
def test_errors_have_one_line(photo, tmp_path, capsys, options, message):
    assert (
        main(["upscale", str(photo), "--output", str(tmp_path), *options, *FAST]) == 2
    )
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") <= 2
