"""Files and scores of the example of inpainting."""

import re

import jax
import numpy as np
import pytest
from small_transformer import transformer
from support import refuses

import inr
from inr import commands
from inr.__main__ import main
from inr.models import save_model


@pytest.fixture
def photo(tmp_path):
    y, x = np.moveaxis(np.asarray(inr.coords.grid((24, 32))), -1, 0)
    image = np.stack([0.5 + 0.3 * y, 0.5 - 0.2 * x * y, 0.4 + 0.2 * x], -1)
    inr.write_image(tmp_path / "photo.png", image)
    return tmp_path / "photo.png"


def run(photo, tmp_path, **options):
    options = {"num_steps": 5, "width": 16, "output": tmp_path / "out", **options}
    return commands.inpaint(photo, **options)


def scores_in(printed):
    lines = [line.split(":") for line in printed.splitlines() if " dB on" in line]
    return {label: float(text.split()[0]) for label, text in lines}


@pytest.mark.long
@pytest.mark.slow
def test_without_a_mask_random_pixels_are_scored(photo, tmp_path, capsys):
    options = {"keep": 0.3, "num_steps": 150, "width": 32}
    files = run(photo, tmp_path, method="siren", **options)
    printed = capsys.readouterr().out
    assert "% of the pixels known" in printed
    result, original = (inr.read_image(f) for f in (files[0], photo))
    missing = np.random.default_rng(0).uniform(size=(24, 32)) >= 0.3
    np.testing.assert_array_equal(result[~missing], original[~missing])
    error = np.square(result - original)[missing].mean()
    # The file is rounded to 8 bits, and the field that was scored is not.
    score = scores_in(printed)["siren"]
    np.testing.assert_allclose(-10 * np.log10(error), score, atol=0.2)
    assert score > 25


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("method", ["texture", "membrane", "siren"])
def test_with_a_mask_only_the_missing_pixels_change(photo, tmp_path, method, capsys):
    image = np.asarray(inr.read_image(photo))
    mask = np.zeros((24, 32, 1), np.float32)
    mask[5:12, 8:20] = 1
    inr.write_image(tmp_path / "mask.png", mask)
    # Pixels under the mask have no effect.
    image[mask[..., 0] > 0] = 1
    inr.write_image(tmp_path / "damaged.png", image)
    options = {"method": method, "mask": tmp_path / "mask.png"}
    results = [
        inr.read_image(run(file, tmp_path, **options)[0])
        for file in (photo, tmp_path / "damaged.png")
    ]
    np.testing.assert_array_equal(*results)
    known = mask[..., 0] == 0
    np.testing.assert_array_equal(results[1][known], image[known])
    assert "dB" not in capsys.readouterr().out


@pytest.fixture
def textures(tmp_path):
    save_model(tmp_path / "textures.safetensors", *transformer(1))
    return tmp_path / "textures.safetensors"


@pytest.mark.long
@pytest.mark.slow
def test_a_model_fills_a_random_hole(photo, tmp_path, textures, capsys):
    options = {"model": textures, "seed": 3}
    result = inr.read_image(run(photo, tmp_path, **options)[0])
    scores = scores_in(capsys.readouterr().out)
    image = inr.read_image(photo)
    key = jax.random.key(3)
    mask = np.asarray(inr.training.random_holes(key, (24, 32), num_holes=1)[0])
    np.testing.assert_array_equal(result[~mask], image[~mask])
    expected = np.clip(inr.inpaint(image, mask, model=textures), 0, 1)
    np.testing.assert_allclose(result, expected, atol=0.6 / 255)
    assert set(scores) == {"membrane", "texture"}
    score = -10 * np.log10(np.square(expected - image)[mask].mean())
    np.testing.assert_allclose(scores["texture"], score, atol=0.01)
    # The photo without the hole as a reference has the best matches.
    files = commands.inpaint(photo, [photo], output=tmp_path / "by_itself", **options)
    assert np.abs(inr.read_image(files[0]) - result).max() > 0.01


@pytest.mark.long
@pytest.mark.slow
def test_a_model_returns_gray_for_gray(tmp_path, textures):
    inr.write_image(tmp_path / "gray.png", np.random.default_rng(1).random((9, 14, 1)))
    result = inr.read_image(run(tmp_path / "gray.png", tmp_path, model=textures)[0])
    assert result.shape == (9, 14, 1)


def write_pairs(photo, tmp_path):
    """Folders of two photos and a mask for each, the second mask in another format."""
    for folder in ("photos", "masks"):
        (tmp_path / folder).mkdir()
    image = inr.read_image(photo)
    inr.write_image(tmp_path / "photos" / "a.png", image)
    inr.write_image(tmp_path / "photos" / "b.png", image[::-1])
    for i, name in enumerate(("a.png", "b.tif")):
        mask = np.zeros((24, 32, 1), np.float32)
        mask[4 : 8 + i, 6:12] = 1
        inr.write_image(tmp_path / "masks" / name, mask)
    return tmp_path / "photos", tmp_path / "masks"


def test_each_image_takes_the_mask_of_its_name(photo, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        commands.inpainting, "_by_model", lambda image, *_, **unused: image * 0
    )
    photos, masks = write_pairs(photo, tmp_path)
    files = run(photos, tmp_path, mask=masks)
    assert [f.name for f in files[::2]] == ["a_inpainted.png", "b_inpainted.png"]
    for file, rows in zip(files[::2], (4, 5), strict=True):
        hole = (inr.read_image(file) == 0).all(-1)
        assert hole.sum() == rows * 6, file
    # One mask serves both photos.
    options = {"mask": masks / "a.png", "output": tmp_path / "one"}
    for file in run(photos, tmp_path, **options)[::2]:
        assert (inr.read_image(file) == 0).all(-1).sum() == 4 * 6
    (masks / "b.tif").unlink()
    arguments = ["inpaint", str(photos), "--mask", str(masks), "-o", str(tmp_path)]
    assert main(arguments) == 1
    expected = "1 of 2 inputs failed:.*b.png: `mask` must be a folder with an image 'b'"
    assert re.search(expected, capsys.readouterr().err, re.DOTALL)
    assert (tmp_path / "a_inpainted.png").exists()


def test_references_are_all_or_those_of_the_name(photo, tmp_path, monkeypatch):
    counts = []

    def by_model(known, missing, references, model):
        counts.append(len(references))
        return known

    monkeypatch.setattr(commands.inpainting, "_by_model", by_model)
    photos, masks = write_pairs(photo, tmp_path)
    options = {"mask": masks, "references": [photos, masks]}
    run(photos, tmp_path, **options)
    options["references"] = [photos]
    run(photos, tmp_path, **options, by_name=True, output=tmp_path / "by_name")
    assert counts == [4, 4, 1, 1]


def test_bad_arguments_are_refused(photo, tmp_path):
    inr.write_image(tmp_path / "mask.png", np.ones((5, 5, 1), np.float32))
    with refuses("`mask` must be as large as its image"):
        run(photo, tmp_path, mask=tmp_path / "mask.png")
    with refuses("`mask` needs `images`, got none"):
        run(None, tmp_path, mask=tmp_path / "mask.png")
    for options in ({"references": [photo]}, {"by_name": True}):
        with refuses("`method` must be texture for references, got membrane"):
            run(photo, tmp_path, **options, method="membrane")
    with refuses("`keep` must be a number from 0 to 1"):
        run(photo, tmp_path, keep=1.5, method="siren")


@pytest.mark.parametrize(("method", "side"), [("membrane", 300), ("siren", 256)])
def test_only_a_siren_reduces_images(tmp_path, monkeypatch, method, side):
    monkeypatch.setattr(
        commands.inpainting, "_by_siren", lambda image, *_, **unused: image
    )
    inr.write_image(tmp_path / "wide.png", np.full((3, 300, 1), 0.5))
    files = run(tmp_path / "wide.png", tmp_path, method=method)
    assert inr.read_image(files[0]).shape[1] == side
