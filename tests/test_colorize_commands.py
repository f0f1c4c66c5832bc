"""What `inr colorize` and the comparison of restorers write and print."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL, noisy, picture
from support import refuses

import inr
from inr import color, commands
from inr.__main__ import main
from inr.restoration import DiffusionRestorer, save_model


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    # The chroma of random parameters, made small: nothing is clipped in the file.
    params = jax.tree.map(lambda x: 0.2 * x, noisy())
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


@pytest.mark.slow
def test_a_color_photo_is_made_gray_and_shown_beside(photo, weights, tmp_path, capsys):
    made, sheet = commands.colorize(photo, model=weights, out=tmp_path / "out")
    assert made.name == "photo_color.png"
    assert sheet.name == "photo_color_sheet.png"
    gray = color.rgb_to_luma(inr.read_image(photo))
    found = color.rgb_to_luma(inr.read_image(made))
    np.testing.assert_allclose(found, gray, atol=1 / 255)  # 8 bits
    printed = capsys.readouterr().out
    assert "gray 36x24 to color 36x24" in printed
    assert printed.count(" dB") == 2
    assert "original" in printed


@pytest.mark.slow
def test_gray_photos_with_opacity_and_16_bits(weights, tmp_path, capsys):
    folder = tmp_path / "gray"
    folder.mkdir()
    level = np.full((20, 17, 1), 0.4, np.float32)
    inr.write_image(folder / "deep.png", level, bits=16)
    opacity = np.concatenate([level, np.ones_like(level)], -1)
    inr.write_image(folder / "opacity.png", opacity)
    files = commands.colorize(folder, model=weights, out=tmp_path / "out")
    assert [f.name for f in files[::2]] == ["deep_color.png", "opacity_color.png"]
    assert inr.read_image(files[0]).shape == (20, 17, 3)
    assert "dB" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_reduced_photo_gets_its_size_back(photo, weights, tmp_path, capsys):
    options = {"model": weights, "out": tmp_path / "out", "side": 12}
    made, _ = commands.colorize([photo], **options)
    assert inr.read_image(made).shape == (36, 24, 3)
    assert "gray 12x8 to color 36x24" in capsys.readouterr().out
    close, _ = commands.colorize(
        [photo], region=((0.2, 0.25), (0.7, 0.75)), size=(40, 30), **options
    )
    assert inr.read_image(close).shape == (40, 30, 3)


@pytest.mark.slow
def test_the_console_command_and_its_errors(photo, weights, tmp_path, capsys):
    out = str(tmp_path / "out")
    arguments = ["colorize", str(photo.parent), "--model", str(weights), "--out", out]
    region = ["--region", "0", "0", ".5", ".5"]
    assert main([*arguments, *region]) == 0
    assert inr.read_image(f"{out}/photo_color.png").shape == (18, 12, 3)
    assert main(["colorize", str(photo), "--model", "nobody", "--out", out]) == 2
    assert "`model` must be one of" in capsys.readouterr().err
    assert main(["colorize", str(tmp_path / "none.png"), "--out", out]) == 2


@pytest.mark.slow
def test_draws_are_written_side_by_side(photo, tmp_path, capsys):
    model = DiffusionRestorer(widths=(8, 12), width=16, depth=1, side=16)
    inputs = jnp.zeros((1, 2)), picture(), jnp.zeros((1, 2)), jnp.zeros(())
    save_model(tmp_path / "draws.safetensors", model, noisy(model, *inputs))

    def files(seed):
        options = ["--samples", "2", "--seed", str(seed), "--out", str(tmp_path / "o")]
        arguments = ["colorize", str(photo), "--model"]
        arguments += [str(tmp_path / "draws.safetensors"), *options]
        assert main(arguments) == 0
        names = ("photo_color_1.png", "photo_color_2.png", "photo_color_sheet.png")
        return [inr.read_image(tmp_path / "o" / name) for name in names]

    first, second, sheet = files(0)
    assert first.shape == (36, 24, 3)
    assert np.abs(first - second).max() > 1 / 255
    assert sheet.shape[1] > 4 * 200  # gray, two draws, the original
    np.testing.assert_array_equal(files(0)[1], second)
    assert np.abs(files(1)[0] - first).max() > 1 / 255
    assert "draw 2: " in capsys.readouterr().out
    with refuses("`preset` must be one of"):
        commands.colorize(photo, num_samples=1, preset="best")


@pytest.mark.slow
def test_restorers_are_compared_view_by_view(photo, weights, tmp_path):
    (sheet,) = commands.compare_restorers(
        [weights], image=photo, side=12, size=32, out=tmp_path / "out"
    )
    assert sheet.name == "photo_restorers.png"
    # Three columns: bicubic, the model, the original; four rows of views.
    h, w, _ = inr.read_image(sheet).shape
    assert 1.2 < h / w < 1.6
    with refuses("`models` must be different ones"):
        commands.compare_restorers([weights, weights], image=photo, side=12)
    with refuses("`side` must be at least 1"):
        commands.compare_restorers([weights], image=photo, side=0)
