"""Names, collisions, formats and metadata of the files that commands write."""

import io
import pathlib

import numpy as np
import pytest
from PIL import Image
from support import refuses

import inr
from inr.commands import Outputs
from inr.commands._outputs import region_suffix

GRAY = np.full((3, 4, 1), 0.25, np.float32)


def test_a_folder_receives_all_files_of_all_results(tmp_path):
    outputs = Outputs(tmp_path / "new" / "folder")
    for name in ("a", "b.v2"):
        files = outputs.claim(name, "_field.txt", "", "_sheet")
        files.write_text("_field.txt", name)
        files.write_image("", GRAY)
        files.write_sheet("_sheet", {"gray": GRAY})
        names = [f"{name}_field.txt", f"{name}.png", f"{name}_sheet.png"]
        assert [path.name for path in files.paths] == names
        assert all(path.is_file() for path in files.paths)


@pytest.mark.parametrize(
    ("name", "is_file"),
    [("a.png", True), ("a", False), ("a.v2/", False), ("-", True), (".", False)],
)
def test_names_with_an_extension_are_files(name, is_file):
    assert Outputs(name).is_single == is_file


def test_a_folder_that_exists_is_a_folder(tmp_path):
    (tmp_path / "a.png").mkdir()
    assert not Outputs(tmp_path / "a.png").is_single


def test_a_file_name_receives_the_first_result_that_its_extension_fits(tmp_path):
    for name, content in {"a.txt": b"text", "a.tiff": None}.items():
        files = Outputs(tmp_path / name).claim("name", ".txt", "", "_sheet")
        files.write_text(".txt", "text")
        files.write_image("", GRAY)
        files.write_sheet("_sheet", {"gray": GRAY})
        assert files.paths == [tmp_path / name]
        assert content is None or (tmp_path / name).read_bytes() == content
    assert inr.read_image(tmp_path / "a.tiff").shape == GRAY.shape
    with refuses("`output` must be a folder, or a name ending in .txt, .png,"):
        Outputs(tmp_path / "a.bmp").claim("name", ".txt", "")
    with refuses("a name ending in .jpg, got"):
        Outputs(tmp_path / "a.png", format="jpg").claim("name", "")


def test_existing_files_are_replaced_on_request_only(tmp_path):
    for overwrite in (False, True):
        files = Outputs(tmp_path, overwrite=overwrite).claim("a", ".txt")
        files.write_text(".txt", str(overwrite))
        with pytest.raises(FileExistsError, match="Add --overwrite, or choose another"):
            Outputs(tmp_path).claim("a", ".txt")
    assert (tmp_path / "a.txt").read_text() == "True"


def test_two_results_of_a_call_never_share_a_file(tmp_path):
    outputs = Outputs(tmp_path, overwrite=True)
    outputs.claim("a", ".txt")
    with refuses("`output` must be another file for each result"):
        outputs.claim("A", ".txt")


def test_stdout_receives_the_main_file(tmp_path):
    stream = io.BytesIO()
    files = Outputs("-", format="webp", stream=stream).claim("name", "", "_sheet")
    files.write_image("", GRAY)
    files.write_sheet("_sheet", {"gray": GRAY})
    assert files.paths == []
    with Image.open(io.BytesIO(stream.getvalue())) as image:
        assert (image.format, image.size) == ("WEBP", (4, 3))


@pytest.mark.parametrize(
    ("extension", "requested", "input_bits", "bits"),
    [
        ("png", None, 16, 16),
        ("png", None, 8, 8),
        ("tif", 16, 8, 16),
        ("png", 8, 16, 8),
        ("jpg", None, 16, 8),
    ],
)
def test_bits_are_those_of_the_input(tmp_path, extension, requested, input_bits, bits):
    outputs = Outputs(tmp_path, format=extension, bits=requested)
    files = outputs.claim("a", "")
    files.write_image("", GRAY, inr.io.ImageMetadata(input_bits))
    assert inr.io.read_image_metadata(files.paths[0]).bits == bits


def test_formats_without_16_bits_refuse_them(tmp_path):
    files = Outputs(tmp_path, format="jpg", bits=16).claim("a", "")
    with refuses("`bits` must be 8 for .jpg"):
        files.write_image("", GRAY)


@pytest.mark.parametrize(
    ("extension", "bits", "channels"),
    [("png", 8, 2), ("jpg", 8, 1), ("webp", 8, 4), ("tif", 16, 4), ("tif", 8, 2)],
)
def test_opacity_is_stored_where_the_format_can(
    tmp_path, extension, bits, channels, capsys
):
    gray_alpha = np.concatenate([GRAY, 0.5 + 0 * GRAY], -1)
    files = Outputs(tmp_path, format=extension, bits=bits).claim("a", "")
    files.write_image("", gray_alpha)
    image = inr.read_image(files.paths[0])
    assert image.shape[-1] == channels
    if channels > 1:
        np.testing.assert_allclose(image[..., -1], 0.5, atol=0.5 / 255 + 1e-6)
    assert ("holds no opacity" in capsys.readouterr().out) == (channels == 1)


def test_very_large_pictures_need_consent():
    Outputs().check_size((10_000, 10_000))
    Outputs(large=True).check_size((40_000, 40_000))
    with refuses("at most 100 megapixels, got 10001x10000.* --yes .* --region"):
        Outputs().check_size((10_001, 10_000))


def test_regions_have_names_of_their_own():
    assert region_suffix(None) == ""
    assert region_suffix(((0, 0.25), (0.5, 1))) == "_0-0.25-0.5-1"


def test_paths_of_other_kinds_are_accepted(tmp_path):
    assert Outputs(pathlib.Path("a.png")).is_single
    assert Outputs(str(tmp_path)).is_single is False
