"""Inputs from files and folders, and errors of single inputs."""

import itertools

import numpy as np
import pytest
from support import refuses

import inr
from inr.commands import Outputs
from inr.commands._batches import (
    BatchFailed,
    for_each,
    list_files,
    list_sources,
    single_source,
    take_shard,
)
from inr.commands._companions import file_for, files_of_stem


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(name)
    return folder


def names(sources):
    return [source.name for source in sources]


def test_folders_hold_the_files_of_a_kind(tmp_path):
    folder = touch(tmp_path / "a", "b.png", "a.jpg", "c.txt", ".d.png")
    assert [f.name for f in list_files("images", [folder])] == ["a.jpg", "b.png"]
    texts = list_files("texts", [folder, folder / "c.txt"], extensions=[".txt"])
    assert [f.name for f in texts] == ["c.txt"]
    with refuses("`meshes` must be files, or folders with .obj files, got the folder"):
        list_files("meshes", [folder], extensions=[".obj"])
    with refuses("`images` must be files, or folders with image files"):
        list_files("images", [touch(tmp_path / "empty")])


def test_a_sample_stands_for_no_input():
    assert list_sources("images", None, sample="cat") == [("cat", None)]
    assert list_sources("images", [], sample="cat") == [("cat", None)]
    with refuses("`fields` must be at least one file or folder, got none"):
        list_sources("fields", ())


def test_inputs_of_one_stem_have_different_names(tmp_path):
    a = touch(tmp_path / "a", "x.png", "x.bmp", "y.png", "Z.png", "z.gif")
    b = touch(tmp_path / "b", "x.png", "w.png")
    assert names(list_sources("images", [a])) == [
        "Z_png",
        "x_bmp",
        "x_png",
        "y",
        "z_gif",
    ]
    assert names(list_sources("images", [a / "x.png", b])) == [
        "a_x_png",
        "w",
        "b_x_png",
    ]
    deep = touch(tmp_path / "c", "v.png") / "a"
    same = [a / "x.png", touch(deep, "x.png") / "x.png"]
    assert names(list_sources("images", same)) == ["a_x_png_1", "a_x_png_2"]


def copy_to(outputs):
    def task(source):
        image = inr.read_image(source.path)
        files = outputs.claim(source.name, "")
        files.write_image("", image)
        return files

    return task


def test_a_batch_goes_on_after_bad_files(tmp_path, capsys):
    folder = touch(tmp_path / "a", "1.png", "3.png")
    for name in ("0.png", "2.png", "4.png"):
        inr.write_image(folder / name, np.zeros((2, 2, 3)))
    outputs = Outputs(tmp_path / "out")
    with pytest.raises(BatchFailed, match=r"^2 of 5 inputs failed:\n") as error:
        for_each(list_sources("images", folder), copy_to(outputs), outputs)
    lines = str(error.value).splitlines()[1:]
    assert ["1.png" in lines[0], "3.png" in lines[1]] == [True, True]
    names_written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names_written == ["0.png", "2.png", "4.png"]
    assert capsys.readouterr().out.count("wrote") == 3


def test_the_error_of_one_input_is_its_own(tmp_path):
    outputs = Outputs(tmp_path / "out")
    sources = list_sources("images", touch(tmp_path / "a", "1.png"))
    with refuses("must be an image file"):
        for_each(sources, copy_to(outputs), outputs)


def test_several_inputs_need_a_folder(tmp_path):
    outputs = Outputs(tmp_path / "a.png")
    sources = list_sources("images", touch(tmp_path / "a", "1.png", "2.png"))
    with refuses("`output` must be a folder for several inputs, got .* for 2 inputs"):
        for_each(sources, copy_to(outputs), outputs)


def test_shards_cover_every_input_once(tmp_path):
    folder = touch(tmp_path / "a", *(f"{i}.png" for i in range(7)), "1.jpg")
    sources = list_sources("images", [folder])
    outputs = Outputs(tmp_path / "out")
    shards = [take_shard(sources, f"{i}/3", outputs) for i in (1, 2, 3)]
    assert sorted(names(itertools.chain(*shards))) == sorted(names(sources))
    assert sorted(map(len, shards)) == [2, 3, 3]
    assert take_shard(sources, None, outputs) == sources
    assert take_shard(sources[:1], "2/2", outputs) == []


@pytest.mark.parametrize("shard", ["0/3", "4/3", "3", "a/3", "1/0", "-1/3", "1/3/5", 3])
def test_a_shard_is_a_number_and_a_count(shard):
    with refuses("`shard` must be 'i/n' with i from 1 to n"):
        take_shard([], shard, Outputs())


def test_shards_of_several_inputs_need_a_folder(tmp_path):
    sources = list_sources("images", [touch(tmp_path / "a", "a.png", "b.png")])
    with refuses("`output` must be a folder for several inputs"):
        take_shard(sources, "1/2", Outputs(tmp_path / "one.png"))


def test_a_folder_of_several_images_is_not_one_input(tmp_path):
    for name in ("a.png", "b.png"):
        inr.write_image(tmp_path / name, np.zeros((2, 2, 3), np.float32))
    with pytest.raises(ValueError, match=r"`image` must be one file.* with 2"):
        single_source("image", tmp_path)
    assert single_source("image", tmp_path / "a.png").name == "a"
    assert single_source("image", None, sample="cat") == ("cat", None)


def test_an_input_has_the_file_of_its_stem(tmp_path):
    folder = touch(tmp_path / "masks", "a.png", "b.png", "b.bmp")
    a, b, c = list_sources("images", [f"{name}.jpg" for name in "abc"])
    assert file_for("mask", folder, a) == folder / "a.png"
    assert file_for("mask", folder / "b.png", a) == folder / "b.png"
    assert len(files_of_stem("references", [folder, folder / "a.png"], b)) == 2
    with refuses("`mask` must be one image for each stem, got b.bmp, b.png"):
        file_for("mask", folder, b)
    with refuses("`mask` must be a folder with an image 'c', got .*masks"):
        file_for("mask", folder, c)
    with refuses("`references` must be a folder with an image 'c', got none"):
        files_of_stem("references", [], c)
