import jax
import jax.numpy as jnp
import numpy as np
import pytest

import inr
from inr.__main__ import main
from inr.upscaling import Upscaler
from inr.models import save_model

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


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory):
    """A file of an upscaler that does what cubic interpolation does."""
    model = Upscaler(width=2, blocks=1, waves=1)
    inputs = jnp.zeros((1, 2)), jnp.zeros((4, 4, 3))
    params = jax.tree.map(jnp.zeros_like, model.init(jax.random.key(0), *inputs))
    path = tmp_path_factory.mktemp("weights") / "cubic.safetensors"
    save_model(path, model, params)
    return str(path)


@pytest.mark.slow
def test_upscale_by_a_model_of_a_folder(photo, upscaler, tmp_path, capsys):
    second = np.random.default_rng(1).uniform(0.2, 0.8, (9, 7, 2))
    inr.write_image(photo.parent / "second.png", second)
    out = tmp_path / "out"
    options = ["--scale", "1.5", "--model", upscaler, "--out", str(out)]
    assert main(["upscale", str(photo.parent), *options]) == 0
    small = inr.read_image(photo)
    grid = inr.coords.grid((60, 90))
    expected = inr.coords.sample_grid(small, grid, interpolation="cubic")
    found = inr.read_image(out / "photo_x1.5.png")
    np.testing.assert_allclose(found, np.clip(expected, 0, 1), atol=0.6 / 255)
    assert inr.read_image(out / "second_x1.5.png").shape == (14, 10, 2)
    assert inr.read_image(out / "photo_x1.5_sheet.png").shape[-1] == 3
    assert "PSNR" not in capsys.readouterr().out


@pytest.mark.slow
def test_upscale_of_a_region(photo, upscaler, tmp_path):
    options = ["--scale", "2", "--model", upscaler, "--out", str(tmp_path)]
    region = ["--region", "0.25", "0.5", "0.75", "1"]
    assert main(["upscale", str(photo), *options, *region]) == 0
    part = inr.read_image(tmp_path / "photo_x2.png")
    assert main(["upscale", str(photo), *options]) == 0
    whole = inr.read_image(tmp_path / "photo_x2.png")
    np.testing.assert_allclose(part, whole[20:60, 60:120], atol=1.1 / 255)


def test_upscale_scores_itself_beside_interpolation(photo, upscaler, tmp_path, capsys):
    """On the same pixels: what is cubic interpolation scores as that."""
    options = ["--scale", "2", "--evaluate", "--model", upscaler]
    assert main(["upscale", str(photo), *options, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line}
    assert {"nearest", "linear", "lanczos3"} <= set(rows)
    assert rows["upscaled"] == rows["cubic"]
    assert "loses to" in printed or "wins" in printed


def test_upscale_by_a_siren(photo, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--method", "siren", "--scale", "2", "--evaluate", "--out", str(out)]
    assert main(["upscale", str(photo), *options, *FAST]) == 0
    assert inr.read_image(out / "photo_x2.png").shape == (16, 24, 3)
    assert "best interpolation" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        ["--scale", "0.9"],
        ["--scale", "nan"],
        ["--model", "nobody"],
        ["--model", "none.safetensors"],
        ["--region", "0", "0", "2", "1"],
        ["--scale", "50", "--evaluate"],
    ],
)
def test_bad_options_end_in_one_line(photo, tmp_path, capsys, options):
    assert main(["upscale", str(photo), "--out", str(tmp_path), *options, *FAST]) == 2
    assert capsys.readouterr().err.count("\n") <= 2


def test_a_missing_image_ends_in_one_line(tmp_path, capsys):
    assert main(["fit", str(tmp_path / "none.png")]) == 2
    assert "none.png" in capsys.readouterr().err


@pytest.fixture
def pair(tmp_path):
    """A source with opacity, and a target."""
    rng = np.random.default_rng(1)
    source = rng.uniform(0.2, 0.8, (20, 24, 4))
    source[..., 3] = 0
    source[5:15, 6:18, 3] = 1
    target = rng.uniform(0.2, 0.8, (40, 60, 3))
    inr.write_image(tmp_path / "source.png", source)
    inr.write_image(tmp_path / "target.png", target)
    return str(tmp_path / "source.png"), str(tmp_path / "target.png")


def cloned(pair, mask, **options):
    source, target = (inr.read_image(path)[..., :3] for path in pair)
    result = np.clip(inr.seamless_clone(source, target, mask, **options), 0, 1)
    return np.rint(255 * result)


def merged_levels(out):
    return np.rint(255 * inr.read_image(out / "source_target_merged.png"))


BLOCK = np.zeros((20, 24), bool)
BLOCK[5:15, 6:18] = True


def test_merge_takes_the_mask_from_opacity_a_polygon_or_a_file(pair, tmp_path):
    mask = np.repeat(BLOCK[..., None], 3, -1).astype(np.float32)
    inr.write_image(tmp_path / "mask.png", mask)
    ways = {
        "opacity": [],
        "polygon": ["--polygon", "5,6", "5,17", "14,17", "14,6"],
        "file": ["--mask", str(tmp_path / "mask.png")],
    }
    expected = cloned(pair, BLOCK, offset=(3, -2), mode="mixed")
    for way, options in ways.items():
        out = tmp_path / way
        placed = ["--offset", "3", "-2", "--mode", "mixed", "--out", str(out)]
        assert main(["merge", *pair, *options, *placed]) == 0
        np.testing.assert_array_equal(merged_levels(out), expected)
        assert inr.read_image(out / "source_target_sheet.png").shape[-1] == 3


def test_merge_says_what_falls_outside(pair, tmp_path, capsys):
    options = ["--offset", "-8", "0", "--out", str(tmp_path / "out")]
    assert main(["merge", *pair, *options]) == 0
    assert "36 of 120 pixels fall outside" in capsys.readouterr().out


def test_merge_of_aligned_images(photo, tmp_path):
    second = tmp_path / "second.png"
    image = np.random.default_rng(2).uniform(0.2, 0.8, (40, 60, 1))
    inr.write_image(second, image)
    out = tmp_path / "out"
    assert main(["merge", str(photo), str(second), "--out", str(out)]) == 0
    gray = np.repeat(inr.read_image(second), 3, -1)
    expected = np.clip(inr.merge([inr.read_image(photo), gray]), 0, 1)
    found = inr.read_image(out / "photo_second_merged.png")
    np.testing.assert_allclose(found, expected, atol=0.5 / 255 + 1e-6)


def test_merge_refuses_or_resizes_images_of_other_sizes(photo, tmp_path, capsys):
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
def test_bad_options_of_merge_end_in_one_line(pair, tmp_path, capsys, options, message):
    assert main(["merge", *pair, *options, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_merge_of_one_image_is_refused(photo, capsys):
    assert main(["merge", str(photo)]) == 2
    assert "two or more" in capsys.readouterr().err
