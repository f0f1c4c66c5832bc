"""The command that fills in missing pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import random_params
from support import refuses

import inr
from inr import commands
from inr.references import TextureTransformer, inpaint_by_reference
from inr.models import save_model
from inr.models.files import example_inputs


@pytest.fixture
def photo(tmp_path):
    y, x = np.moveaxis(np.asarray(inr.coords.grid((24, 32))), -1, 0)
    image = np.stack([0.5 + 0.3 * y, 0.5 - 0.2 * x * y, 0.4 + 0.2 * x], -1)
    inr.write_image(tmp_path / "photo.png", image)
    return tmp_path / "photo.png"


def run(photo, tmp_path, **options):
    options = {"num_steps": 5, "width": 16, "out": tmp_path / "out", **options}
    return commands.inpaint(photo, **options)


@pytest.mark.slow
def test_without_a_mask_it_scores_the_pixels_left_out(photo, tmp_path, capsys):
    files = run(photo, tmp_path, keep=0.3, num_steps=150, width=32)
    printed = capsys.readouterr().out
    assert "% of the pixels known" in printed
    scores = dict(line.split(":") for line in printed.splitlines() if " dB on" in line)
    filled, original = (np.asarray(inr.read_image(f)) for f in (files[0], photo))
    left_out = np.random.default_rng(0).uniform(size=(24, 32)) >= 0.3
    np.testing.assert_array_equal(filled[~left_out], original[~left_out])
    error = np.square(filled - original)[left_out].mean()
    # The file is rounded to 8 bits, the field that was scored is not.
    score = float(scores["siren"].split()[0])
    np.testing.assert_allclose(-10 * np.log10(error), score, atol=0.2)
    assert score > 25


@pytest.mark.slow
def test_with_a_mask_only_what_is_missing_changes(photo, tmp_path, capsys):
    image = np.asarray(inr.read_image(photo))
    mask = np.zeros((24, 32, 1), np.float32)
    mask[5:12, 8:20] = 1
    inr.write_image(tmp_path / "mask.png", mask)
    # What lies under the mask is never looked at.
    image[mask[..., 0] > 0] = 1
    inr.write_image(tmp_path / "holed.png", image)
    filled = [
        np.asarray(inr.read_image(run(p, tmp_path, mask=tmp_path / "mask.png")[0]))
        for p in (photo, tmp_path / "holed.png")
    ]
    np.testing.assert_array_equal(*filled)
    outside = mask[..., 0] == 0
    np.testing.assert_array_equal(filled[1][outside], image[outside])
    assert "dB" not in capsys.readouterr().out


@pytest.fixture
def textures(tmp_path):
    model = TextureTransformer(1, width=8, blocks=(1, 1), textures=(4, 6, 8))
    params = jax.tree.map(jnp.asarray, random_params(model, *example_inputs(model)))
    save_model(tmp_path / "textures.safetensors", model, params)
    return tmp_path / "textures.safetensors"


@pytest.mark.slow
def test_a_model_fills_a_random_hole_from_the_image_and_a_reference(
    photo, tmp_path, textures, capsys
):
    options = {"model": textures, "seed": 3}
    filled = inr.read_image(run(photo, tmp_path, **options)[0])
    printed = capsys.readouterr().out
    image = inr.read_image(photo)
    hole = inr.training.random_holes(jax.random.key(3), (24, 32), num_holes=1)[0]
    np.testing.assert_array_equal(filled[~hole], image[~hole])
    expected = inpaint_by_reference(image, hole, [], model=textures)
    np.testing.assert_allclose(filled, np.clip(expected, 0, 1), atol=0.6 / 255)
    error = np.square(np.clip(expected, 0, 1) - image)[np.asarray(hole)].mean()
    scores = dict(line.split(":") for line in printed.splitlines() if " dB on" in line)
    assert set(scores) == {"membrane", "model"}
    np.testing.assert_allclose(
        float(scores["model"].split()[0]), -10 * np.log10(error), atol=0.01
    )
    # Nothing is as like the hole's surroundings as what was there.
    files = commands.inpaint(photo, [photo], out=tmp_path / "two", **options)
    assert np.abs(inr.read_image(files[0]) - filled).max() > 0.01


@pytest.mark.slow
def test_a_model_leaves_gray_images_gray(tmp_path, textures):
    inr.write_image(tmp_path / "gray.png", np.random.default_rng(1).random((9, 14, 1)))
    filled = inr.read_image(run(tmp_path / "gray.png", tmp_path, model=textures)[0])
    assert filled.shape == (9, 14, 1)


def test_bad_input_is_refused(photo, tmp_path):
    inr.write_image(tmp_path / "mask.png", np.ones((5, 5, 1), np.float32))
    with refuses("`mask` must be as large as the image it belongs to"):
        run(photo, tmp_path, mask=tmp_path / "mask.png")
    with refuses("`mask` belongs to an image of yours"):
        run(None, tmp_path, mask=tmp_path / "mask.png")
    with refuses("`references` are for a `model`"):
        commands.inpaint(photo, [photo], out=tmp_path)
    with refuses("`keep` must be a number from 0 to 1"):
        run(photo, tmp_path, keep=1.5)
