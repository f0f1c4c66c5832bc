"""The command that enlarges a photograph by others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import random_params
from support import refuses

import inr
from inr import commands
from inr.models import LoadedModel, save_model
from inr.references import TextureTransformer, match_references, upscale_by_reference
from inr.models.files import example_inputs
from inr.training import reduce_images


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("references")
    draw = np.random.default_rng(0)
    for name, size in (("photo", (18, 25)), ("one", (20, 16)), ("two", (12, 24))):
        inr.write_image(folder / f"{name}.png", draw.random((*size, 3)))
    model = TextureTransformer(4, width=8, blocks=(1, 1, 1, 1), textures=(4, 6, 8))
    params = jax.tree.map(jnp.asarray, random_params(model, *example_inputs(model)))
    save_model(folder / "model.safetensors", model, params)
    return folder


def run(folder, tmp_path, **options):
    options = {"model": folder / "model.safetensors", "out": tmp_path, **options}
    others = [folder / "one.png", folder / "two.png"]
    return commands.reference_upscale(folder / "photo.png", others, **options)


@pytest.mark.slow
def test_it_writes_the_enlarged_image_and_a_sheet(folder, tmp_path, capsys):
    files = run(folder, tmp_path)
    made, sheet = (inr.read_image(f) for f in files)
    assert made.shape == (72, 100, 3)
    assert sheet.std() > 0.05
    known = [inr.read_image(folder / f"{x}.png") for x in ("photo", "one", "two")]
    expected = upscale_by_reference(
        known[0], known[1:], model=folder / "model.safetensors"
    )
    np.testing.assert_allclose(made, np.clip(expected, 0, 1), atol=0.6 / 255)
    assert "2 references, to 72x100" in capsys.readouterr().out


@pytest.mark.slow
def test_what_it_prints_is_the_files_score(folder, tmp_path, capsys):
    made = inr.read_image(run(folder, tmp_path, evaluate=True)[0])
    assert made.shape == (16, 24, 3)
    lines = capsys.readouterr().out.splitlines()
    scores = {
        line[:13].strip(): line[13:].split() for line in lines if "0." in line[20:]
    }
    assert set(scores) == {"bicubic", "upscaler", "without", "by reference"}
    truth = inr.read_image(folder / "photo.png")[:16, :24]
    error = np.square(made - truth).mean()
    np.testing.assert_allclose(
        float(scores["by reference"][0]), -10 * np.log10(error), atol=0.02
    )


@pytest.mark.slow
def test_a_model_for_twice_the_size_is_given_half_of_it(folder, tmp_path, capsys):
    model = TextureTransformer(2, width=8, blocks=(1, 1, 1), textures=(4, 6, 8))
    params = jax.tree.map(jnp.asarray, random_params(model, *example_inputs(model)))
    save_model(tmp_path / "twice.safetensors", model, params)
    options = {"model": tmp_path / "twice.safetensors", "evaluate": True}
    made = inr.read_image(run(folder, tmp_path, **options)[0])
    assert made.shape == (18, 24, 3)
    assert "2 references, to 18x24" in capsys.readouterr().out


@pytest.mark.slow
def test_a_match_is_where_the_reference_has_the_same():
    """The image is a reduced part of the second reference; then its cells are found."""
    y, x = np.meshgrid(np.arange(128), np.arange(128), indexing="ij")
    wide = 0.5 + 0.25 * np.sin(0.021 * x * y)[..., None] * np.array([1, 0.8, 0.5])
    wide = (wide + 0.2 * np.random.default_rng(0).random((128, 128, 3))).astype("f4")
    model = TextureTransformer(4, width=8, blocks=(1, 1, 1, 1), textures=(4, 6, 8))
    known = LoadedModel(model, model.init(jax.random.key(0), *blank(model)))
    small = jax.image.resize(wide, (32, 32, 3), "cubic")[4:24, 4:26]
    other = np.random.default_rng(1).random((24, 32, 3), np.float32)
    match = match_references(small, [other, wide], model=known)
    assert match.position.shape == (20, 22, 2)
    # As far as the border is seen: by the extractor, its patches, the enlargement.
    inner = np.s_[6:-6, 6:-6]
    np.testing.assert_array_equal(match.source[inner], 1)
    own = np.stack(np.meshgrid(range(4, 24), range(4, 26), indexing="ij"), -1)
    np.testing.assert_array_equal(match.position[inner], own[inner])


@pytest.mark.slow
def test_shipped_weights_take_detail_from_the_other_eye():
    """Of a stereo pair's; and little is lost by an unrelated picture."""
    data = pytest.importorskip("skimage.data")
    pair = [x[100:420, 250:570] / np.float32(255) for x in data.stereo_motorcycle()[:2]]
    left, right = (np.clip(reduce_images(x, (160, 160)), 0, 1) for x in pair)
    small = np.clip(reduce_images(left, (40, 40), interpolation="bicubic"), 0, 1)
    other = data.chelsea()[60:220, 100:260] / np.float32(255)
    found = {"right": [right], "unrelated": [other], "none": []}
    scores = {
        name: float(inr.metrics.psnr_y(upscale_by_reference(small, x), left, shave=0))
        for name, x in found.items()
    }
    cubic = jax.image.resize(small, left.shape, "cubic")
    scores["bicubic"] = float(inr.metrics.psnr_y(cubic, left, shave=0))
    assert scores["right"] > scores["none"] + 0.2
    assert scores["none"] > scores["bicubic"] + 0.5
    assert abs(scores["unrelated"] - scores["none"]) < 0.2


def blank(model):
    return jax.tree.map(lambda x: jnp.zeros(x.shape), example_inputs(model))


def test_what_is_missing_is_said(folder, tmp_path):
    with refuses("`references` must be at least one photograph, got none"):
        commands.reference_upscale(folder / "photo.png", out=tmp_path)
    with refuses("`references` belong to an image of yours"):
        commands.reference_upscale(None, [folder / "one.png"], out=tmp_path)
    model = TextureTransformer(4, width=8, blocks=(1, 1, 1, 1), textures=(4, 6, 8))
    with refuses("`references` must be at least one image"):
        match_references(np.zeros((4, 4, 3), "f4"), [], model=LoadedModel(model, {}))
