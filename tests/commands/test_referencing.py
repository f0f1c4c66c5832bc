"""Files and scores of the example of upscaling by references."""

import numpy as np
import pytest
from small_transformer import photo, transformer
from support import refuses

import inr
from inr import commands
from inr.__main__ import main
from inr.models import save_model
from inr.references import upscale_by_reference


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("references")
    sizes = {"photo": (18, 25), "first": (20, 16), "second": (12, 24)}
    for i, (name, size) in enumerate(sizes.items()):
        inr.write_image(folder / f"{name}.png", photo(i, *size))
    save_model(folder / "model.safetensors", *transformer(4))
    return folder


def run(folder, tmp_path, **options):
    options = {"model": folder / "model.safetensors", "output": tmp_path, **options}
    references = [folder / "first.png", folder / "second.png"]
    return commands.upscale_by_reference(folder / "photo.png", references, **options)


@pytest.mark.long
@pytest.mark.slow
def test_the_enlarged_image_and_a_sheet_are_written(folder, tmp_path, capsys):
    result, sheet = (inr.read_image(f) for f in run(folder, tmp_path))
    assert result.shape == (72, 100, 3)
    assert sheet.std() > 0.05
    names = ("photo", "first", "second")
    image, *references = [inr.read_image(folder / f"{name}.png") for name in names]
    model = folder / "model.safetensors"
    expected = upscale_by_reference(image, references, model=model)
    np.testing.assert_allclose(result, np.clip(expected, 0, 1), atol=0.6 / 255)
    assert "2 references, to 72x100" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.slow
def test_the_printed_score_is_that_of_the_file(folder, tmp_path, capsys):
    result = inr.read_image(run(folder, tmp_path, evaluate=True)[0])
    assert result.shape == (16, 24, 3)
    lines = capsys.readouterr().out.splitlines()
    scores = {
        line[:13].strip(): line[13:].split() for line in lines if "0." in line[20:]
    }
    assert set(scores) == {"bicubic", "upscaler", "without", "by reference"}
    target = inr.read_image(folder / "photo.png")[:16, :24]
    score = -10 * np.log10(np.square(result - target).mean())
    np.testing.assert_allclose(float(scores["by reference"][0]), score, atol=0.02)


@pytest.mark.long
@pytest.mark.slow
def test_the_model_sets_the_scale(folder, tmp_path, capsys):
    save_model(tmp_path / "twice.safetensors", *transformer(2))
    options = {"model": tmp_path / "twice.safetensors", "evaluate": True}
    result = inr.read_image(run(folder, tmp_path, **options)[0])
    assert result.shape == (18, 24, 3)
    assert "2 references, to 18x24" in capsys.readouterr().out


def test_missing_files_are_refused(folder, tmp_path):
    with refuses("`references` must be at least one photograph, got none"):
        commands.upscale_by_reference(folder / "photo.png", output=tmp_path)
    with refuses("`references` need `images`, got none"):
        commands.upscale_by_reference(None, [folder / "first.png"], output=tmp_path)


def test_a_folder_is_enlarged_by_all_or_by_own_references(
    folder, tmp_path, monkeypatch, capsys
):
    references = []

    def panels(low_resolution, photos, model, target):
        references.append([x.shape[:2] for x in photos])
        return {"by reference": low_resolution}

    monkeypatch.setattr(commands.referencing, "_panels", panels)
    (tmp_path / "photos").mkdir()
    for name in ("first", "second", "third"):
        inr.write_image(tmp_path / "photos" / f"{name}.png", photo(0, 6, 5))
    arguments = ["upscale-by-reference", str(tmp_path / "photos"), "--references"]
    arguments += [str(folder), "--model", str(folder / "model.safetensors")]
    assert main([*arguments, "-o", str(tmp_path / "out")]) == 0
    assert [len(sizes) for sizes in references] == [3, 3, 3]
    # Nothing is replaced without --overwrite.
    assert main([*arguments, "--by-name", "-o", str(tmp_path / "out")]) == 1
    assert "3 of 3 inputs failed" in capsys.readouterr().err
    references.clear()
    assert main([*arguments, "--by-name", "-o", str(tmp_path / "own")]) == 1
    assert references == [[(20, 16)], [(12, 24)]]
    expected = r"third.png: `references` must be a folder with an image 'third'"
    assert expected in capsys.readouterr().err
