"""Files and reports of `inr colorize`."""

import jax
import numpy as np
import pictures
import pytest
from small_diffusion import random_model
from small_restorer import SMALL, random_params
from support import refuses

import inr
from inr import color, commands
from inr.__main__ import main
from inr.models import save_model


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    # Small chroma: nothing is clipped in the files.
    params = jax.tree.map(lambda x: 0.2 * x, random_params())
    save_model(path, SMALL, params)
    return path


@pytest.fixture
def photo(tmp_path):
    y, x = np.moveaxis(np.asarray(inr.coords.grid((36, 24))), -1, 0)
    image = np.stack([0.5 + 0.2 * y, 0.5 - 0.1 * x * y, 0.45 + 0.1 * x], -1)
    folder = tmp_path / "photos"
    folder.mkdir()
    inr.write_image(folder / "photo.png", image)
    return folder / "photo.png"


@pytest.mark.long
@pytest.mark.slow
def test_a_color_photo_is_compared_with_its_original(photo, weights, tmp_path, capsys):
    result, sheet = commands.colorize(photo, model=weights, output=tmp_path / "out")
    assert result.name == "photo_color.png"
    assert sheet.name == "photo_color_sheet.png"
    gray = color.rgb_to_luma(inr.read_image(photo))
    luma = color.rgb_to_luma(inr.read_image(result))
    np.testing.assert_allclose(luma, gray, atol=1 / 255)  # 8 bits
    printed = capsys.readouterr().out
    assert "gray 36x24 to color 36x24" in printed
    assert printed.count(" dB") == 2
    assert "original" in printed


@pytest.mark.long
@pytest.mark.slow
def test_gray_photos_with_opacity_and_16_bits(weights, tmp_path, capsys):
    folder = tmp_path / "gray"
    folder.mkdir()
    level = np.full((20, 17, 1), 0.4, np.float32)
    inr.write_image(folder / "deep.png", level, bits=16)
    opacity = np.concatenate([level, np.ones_like(level)], -1)
    inr.write_image(folder / "opacity.png", opacity)
    files = commands.colorize(folder, model=weights, output=tmp_path / "out")
    assert [f.name for f in files[::2]] == ["deep_color.png", "opacity_color.png"]
    assert inr.read_image(files[0]).shape == (20, 17, 3)
    assert inr.io.read_image_metadata(files[0]).bits == 16
    rgba = inr.read_image(files[2])
    assert rgba.shape == (20, 17, 4)
    np.testing.assert_array_equal(rgba[..., 3], 1)
    assert "dB" not in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.slow
def test_a_reduced_photo_is_restored_to_its_size(photo, weights, tmp_path, capsys):
    options = {"model": weights, "output": tmp_path / "out", "side": 12}
    result, _ = commands.colorize([photo], **options)
    assert inr.read_image(result).shape == (36, 24, 3)
    assert "gray 12x8 to color 36x24" in capsys.readouterr().out
    region = ((0.2, 0.25), (0.7, 0.75))
    close_up, _ = commands.colorize([photo], region=region, size=(40, 30), **options)
    assert inr.read_image(close_up).shape == (40, 30, 3)


@pytest.mark.long
@pytest.mark.slow
def test_the_console_command_and_its_errors(photo, weights, tmp_path, capsys):
    out = str(tmp_path / "out")
    arguments = [
        "colorize",
        str(photo.parent),
        "--model",
        str(weights),
        "--output",
        out,
    ]
    region = ["--region", "0", "0", ".5", ".5"]
    assert main([*arguments, *region]) == 0
    assert inr.read_image(f"{out}/photo_color_0-0-0.5-0.5.png").shape == (18, 12, 3)
    assert main(["colorize", str(photo), "--model", "cartoons", "--output", out]) == 2
    assert "`model` must be one of" in capsys.readouterr().err
    assert main(["colorize", str(tmp_path / "none.png"), "--output", out]) == 2


@pytest.mark.long
@pytest.mark.slow
def test_samples_have_files_of_their_own(photo, tmp_path, capsys):
    path = tmp_path / "diffusion.safetensors"
    save_model(path, *random_model(diffused="residual", deviation=0.03))

    def files(seed):
        arguments = ["colorize", str(photo), "--model", str(path), "--samples", "2"]
        arguments += [
            "--overwrite",
            "--seed",
            str(seed),
            "--output",
            str(tmp_path / "out"),
        ]
        assert main(arguments) == 0
        names = ("photo_color_1.png", "photo_color_2.png", "photo_color_sheet.png")
        return [inr.read_image(tmp_path / "out" / name) for name in names]

    first, second, sheet = files(0)
    assert first.shape == (36, 24, 3)
    assert np.abs(first - second).max() > 1 / 255
    assert sheet.shape[1] > 4 * 200  # gray, two samples, the original
    np.testing.assert_array_equal(files(0)[1], second)
    assert np.abs(files(1)[0] - first).max() > 1 / 255
    assert "sample 2: " in capsys.readouterr().out


def test_presets_are_for_samples(photo):
    with refuses("`preset` must be one of"):
        commands.colorize(photo, num_samples=1, preset="best")
    with refuses("`preset` must be None without samples, got 'ddim'"):
        commands.colorize(photo, preset="ddim")


@pytest.mark.slow
def test_vividness_is_that_of_colorize(tmp_path):
    gray = np.asarray(color.rgb_to_luma(pictures.picture("cat")))
    inr.write_image(tmp_path / "gray.png", gray)
    arguments = ["colorize", str(tmp_path / "gray.png"), "--quiet"]
    output = ["--output", str(tmp_path / "out")]
    assert main([*arguments, "--vividness", "0.6", *output]) == 0
    result = inr.read_image(tmp_path / "out" / "gray_color.png")
    gray = inr.read_image(tmp_path / "gray.png")
    expected = np.clip(inr.colorize(gray, vividness=0.6), 0, 1)
    np.testing.assert_allclose(result, expected, atol=0.51 / 255)
    with refuses("`vividness` must be None with samples"):
        commands.colorize(tmp_path / "gray.png", vividness=0.6, num_samples=2)


@pytest.mark.slow
def test_hints_are_those_of_colorize(tmp_path):
    gray = np.asarray(color.rgb_to_luma(pictures.picture("cat")))
    hints = np.zeros((*gray.shape[:2], 4), np.float32)
    hints[40:44, 40:44] = (0.2, 0.4, 0.8, 1.0)
    for name, image in (("gray", gray), ("hints", hints)):
        inr.write_image(tmp_path / f"{name}.png", image)
    arguments = ["colorize", str(tmp_path / "gray.png"), "--quiet"]
    options = ["--hints", str(tmp_path / "hints.png"), "--output", str(tmp_path)]
    assert main([*arguments, *options]) == 0
    result = inr.read_image(tmp_path / "gray_color.png")
    gray, hints = (inr.read_image(tmp_path / f"{x}.png") for x in ("gray", "hints"))
    expected = np.clip(inr.colorize(gray, hints=hints), 0, 1)
    np.testing.assert_allclose(result, expected, atol=0.51 / 255)
    with refuses("`hints` must be None with samples"):
        commands.colorize(
            tmp_path / "gray.png", hints=tmp_path / "hints.png", num_samples=2
        )
